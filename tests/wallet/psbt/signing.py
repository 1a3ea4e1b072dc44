"""A transaction with a P2WPKH and a P2TR input, and their signatures by single keys."""

from dataclasses import replace

from coincurve import PrivateKey

from native.curve import ORDER
from native.hashing import tagged_hash
from wallet.amounts import Sats
from wallet.bip32 import hash160
from wallet.psbt import KeyOrigin, Psbt, PsbtInput, TapKeyOrigin
from wallet.script import p2tr, p2wpkh
from wallet.sighash import SIGHASH_ALL, SIGHASH_DEFAULT, SighashCache
from wallet.signature import encode_bip340, encode_ecdsa
from wallet.taproot import output_key
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

SECRET = 0xC0FFEE
ECDSA_KEY = PrivateKey(SECRET.to_bytes(32, "big"))
KEY = ECDSA_KEY.public_key.format()
INTERNAL = KEY[1:]


def _taproot_key() -> PrivateKey:
    even = SECRET if KEY[0] == 2 else ORDER - SECRET
    tweak = int.from_bytes(tagged_hash("TapTweak", INTERNAL), "big")
    return PrivateKey(((even + tweak) % ORDER).to_bytes(32, "big"))


PREVIOUS = Transaction(
    (TxIn(OutPoint(Txid(b"\x77" * 32), 0)),),
    (TxOut(Sats(50_000), p2wpkh(hash160(KEY))), TxOut(Sats(80_000), p2tr(output_key(INTERNAL)))),
)
TX = Transaction(
    tuple(TxIn(OutPoint(PREVIOUS.txid, index)) for index in range(2)),
    (TxOut(Sats(129_000), p2wpkh(b"\x99" * 20)),),
)
CACHE = SighashCache(TX, PREVIOUS.outputs)
ORIGIN = KeyOrigin(hash160(KEY)[:4], (0, 0))
UNSIGNED = Psbt.of(
    TX,
    [
        PsbtInput(
            non_witness_utxo=PREVIOUS, witness_utxo=PREVIOUS.outputs[0], bip32_derivation={KEY: ORIGIN}
        ),
        PsbtInput(
            non_witness_utxo=PREVIOUS,
            witness_utxo=PREVIOUS.outputs[1],
            tap_internal_key=INTERNAL,
            tap_bip32_derivation={INTERNAL: TapKeyOrigin(ORIGIN)},
        ),
    ],
)


def partial_sig(sighash_type: int = SIGHASH_ALL) -> bytes:
    """Return the DER signature of input 0 with its type."""
    digest = CACHE.segwit_v0(0, hash160(KEY), sighash_type)
    recoverable = ECDSA_KEY.sign_recoverable(digest, hasher=None)
    return encode_ecdsa(recoverable[:64], sighash_type)


def tap_key_sig(sighash_type: int = SIGHASH_DEFAULT) -> bytes:
    """Return the signature of input 1 with its type."""
    digest = CACHE.taproot_key_path(1, sighash_type)
    return encode_bip340(_taproot_key().sign_schnorr(digest, aux_randomness=bytes(32)), sighash_type)


def with_input(psbt: Psbt, index: int, **changes: object) -> Psbt:
    """Return the PSBT with fields of an input changed."""
    inputs = list(psbt.inputs)
    inputs[index] = replace(inputs[index], **changes)  # type: ignore[arg-type]
    return replace(psbt, inputs=tuple(inputs))


SIGNED = with_input(with_input(UNSIGNED, 0, partial_sigs={KEY: partial_sig()}), 1, tap_key_sig=tap_key_sig())
