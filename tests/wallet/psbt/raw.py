"""PSBTs made field by field, so that each can break one rule."""

from collections.abc import Sequence

from coincurve import PrivateKey

from wallet.amounts import Sats
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut
from wallet.wire import sized

Pairs = Sequence[tuple[str, bytes]]

KEY = PrivateKey((7).to_bytes(32, "big")).public_key.format()
OTHER_KEY = PrivateKey((8).to_bytes(32, "big")).public_key.format()

PREVIOUS = Transaction(
    (TxIn(OutPoint(Txid(b"\x11" * 32), 0)),),
    (TxOut(Sats(5_000), b"\x00\x14" + b"\x22" * 20), TxOut(Sats(70_000), b"\x51\x20" + b"\x33" * 32)),
)
TX = Transaction(
    (TxIn(OutPoint(PREVIOUS.txid, 1)), TxIn(OutPoint(Txid(b"\x44" * 32), 5))),
    (TxOut(Sats(60_000), b"\x00\x14" + b"\x55" * 20), TxOut(Sats(1_000), b"\x00\x14" + b"\x66" * 20)),
)


def map_of(pairs: Pairs) -> bytes:
    """Return a map of pairs of key in hex and value, in their order."""
    return b"".join(sized(bytes.fromhex(key)) + sized(value) for key, value in pairs) + b"\x00"


def raw(*maps: Pairs) -> bytes:
    """Return magic and maps."""
    return b"psbt\xff" + b"".join(map(map_of, maps))


def v0(first_input: Pairs = (), first_output: Pairs = (), *, more: Pairs = ()) -> bytes:
    """Return a PSBT of TX in version 0 with fields in its first input and output and more global ones."""
    return raw([("00", TX.without_witness()), *more], first_input, [], first_output, [])


def v2(first_input: Pairs = (), first_output: Pairs = (), *, more: Pairs = ()) -> bytes:
    """Return a PSBT of TX in version 2, likewise."""
    header = [("02", b"\x02\0\0\0"), ("04", b"\x02"), ("05", b"\x02"), ("fb", b"\x02\0\0\0"), *more]
    inputs = [
        [
            ("0e", txin.prevout.txid),
            ("0f", txin.prevout.index.to_bytes(4, "little")),
            ("10", b"\xfd\xff\xff\xff"),
        ]
        for txin in TX.inputs
    ]
    outputs = [[("03", out.value.to_bytes(8, "little")), ("04", out.script_pubkey)] for out in TX.outputs]
    return raw(header, [*inputs[0], *first_input], inputs[1], [*outputs[0], *first_output], outputs[1])
