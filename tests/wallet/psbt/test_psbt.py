"""PSBTs as values: forms of input, canonical output, limits, and what must fit together."""

import base64
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.timing import least_seconds
from tests.wallet.psbt.raw import KEY, OTHER_KEY, PREVIOUS, TX, raw, v0, v2
from tests.wallet.psbt.strategies import psbts
from tests.wallet.psbt.vectors import SEEDS
from wallet.amounts import MAX_MONEY, Sats
from wallet.errors import MalformedError
from wallet.psbt import KeyOrigin, Psbt, PsbtInput, PsbtOutput, UnsignedTx
from wallet.psbt.psbt import MAX_BYTES
from wallet.psbt.unsigned import MAX_INPUTS, MAX_OUTPUTS
from wallet.psbt.values import MAX_ITEMS
from wallet.tx import SEQUENCE_FINAL, OutPoint, Transaction, Txid, TxIn, TxOut
from wallet.wire import compact_size, sized

SMALL = Psbt.of(TX)


@given(psbts())
@settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    deadline=None,
)
def test_a_psbt_reads_back_as_it_was_written(psbt: Psbt) -> None:
    data = bytes(psbt)
    again = Psbt.from_bytes(data)
    assert again == psbt
    assert bytes(again) == data


MUTATIONS = st.lists(
    st.tuples(st.integers(5, 4000), st.integers(0, 3), st.integers(0, 255)), min_size=1, max_size=3
)


@given(st.sampled_from(SEEDS), MUTATIONS)
@settings(max_examples=600, deadline=None)
def test_mutated_bytes_are_refused_as_malformed_or_read_as_one_value(
    seed: bytes, mutations: list[tuple[int, int, int]]
) -> None:
    data = bytearray(seed)
    for place, kind, byte in mutations:
        at = place % len(data)
        data[at : at + (kind != 0)] = {0: bytes([byte]), 1: b"", 2: bytes([byte]), 3: bytes([data[at] ^ 1])}[
            kind
        ]
    try:
        psbt = Psbt.from_bytes(bytes(data))
    except MalformedError:
        return
    assert Psbt.from_bytes(bytes(psbt)) == psbt


@given(st.binary(max_size=80) | st.text(max_size=40))
@settings(max_examples=50)
def test_other_content_is_refused_as_malformed(content: bytes | str) -> None:
    with pytest.raises(MalformedError):
        Psbt.parse(content)


def test_every_truncation_is_refused() -> None:
    for data in (v0(), v2()):
        for end in range(len(data)):
            with pytest.raises(MalformedError):
                Psbt.from_bytes(data[:end])


def test_a_file_is_read_in_binary_and_in_base64_with_white_space() -> None:
    text = SMALL.base64()
    lines = "\n".join(text[at : at + 40] for at in range(0, len(text), 40))
    for content in (bytes(SMALL), text, text.encode(), f"  {lines}\r\n", f"\t{lines}\n".encode()):
        assert Psbt.parse(content) == SMALL


def test_hex_is_refused_with_a_hint() -> None:
    for content in (bytes(SMALL).hex(), bytes(SMALL).hex().upper().encode()):
        with pytest.raises(MalformedError, match="hex") as caught:
            Psbt.parse(content)
        assert "base64" in caught.value.hint


def test_a_transaction_is_refused_as_no_psbt() -> None:
    with pytest.raises(MalformedError, match="does not begin with psbt"):
        Psbt.parse(base64.b64encode(bytes(TX)))


def test_text_that_is_no_base64_is_refused() -> None:
    with pytest.raises(MalformedError, match="not base64"):
        Psbt.parse("cHNidP8!")
    with pytest.raises(MalformedError, match="not base64"):
        Psbt.from_base64("cHNidP8é")


def test_fields_in_another_order_are_the_same_psbt() -> None:
    fields = [
        ("17", b"\x01" * 32),
        ("03", b"\x01\0\0\0"),
        ("06" + OTHER_KEY.hex(), bytes(8)),
        ("06" + KEY.hex(), bytes(4)),
    ]
    psbt = Psbt.from_bytes(v0(fields))
    assert psbt == Psbt.from_bytes(v0(fields[::-1]))
    assert bytes(psbt) == v0(sorted(fields))


def test_the_explicit_default_of_version_and_sequence_is_left_out() -> None:
    assert bytes(Psbt.from_bytes(v0(more=[("fb", bytes(4))]))) == v0()
    final = v2().replace(b"\x01\x10\x04\xfd\xff\xff\xff", b"\x01\x10\x04\xff\xff\xff\xff")
    psbt = Psbt.from_bytes(final)
    assert {txin.sequence for txin in psbt.tx.inputs} == {SEQUENCE_FINAL}
    assert bytes(psbt) == v2().replace(b"\x01\x10\x04\xfd\xff\xff\xff", b"")


def test_both_versions_present_the_same_transaction() -> None:
    assert Psbt.from_bytes(v0()).tx == Psbt.from_bytes(v2()).tx == TX
    assert (Psbt.from_bytes(v0()).version, Psbt.from_bytes(v2()).version) == (0, 2)


def test_a_psbt_without_inputs_has_no_transaction_yet() -> None:
    psbt = Psbt(UnsignedTx((), TX.outputs), (), (PsbtOutput(), PsbtOutput()))
    assert Psbt.from_bytes(bytes(psbt)) == psbt
    with pytest.raises(MalformedError, match="yet"):
        _ = psbt.tx


def test_bytes_after_the_last_map_are_refused() -> None:
    with pytest.raises(MalformedError, match="1 bytes are left over"):
        Psbt.from_bytes(v0() + b"\x00")


def test_a_version_that_does_not_exist_is_refused() -> None:
    for data in (b"\x01\0\0\0", b"\x03\0\0\0", b"\x02", b"\x02\0\0\0\0"):
        with pytest.raises(MalformedError, match="PSBT_GLOBAL_VERSION is not 0 or 2"):
            Psbt.from_bytes(v0(more=[("fb", data)]))
    with pytest.raises(MalformedError, match="no version 1"):
        replace(SMALL, version=1)


# What must fit together.


def test_the_previous_transaction_must_be_the_one_of_the_outpoint() -> None:
    other = replace(PREVIOUS, locktime=1)
    with pytest.raises(MalformedError, match="input 0: PSBT_IN_NON_WITNESS_UTXO is not the transaction"):
        Psbt.from_bytes(v0([("00", bytes(other))]))


def test_the_previous_transaction_must_have_the_output() -> None:
    tx = replace(TX, inputs=(TxIn(OutPoint(PREVIOUS.txid, 2)),))
    with pytest.raises(MalformedError, match="has not the output"):
        Psbt.of(tx, [PsbtInput(non_witness_utxo=PREVIOUS)])


def test_both_forms_of_the_spent_output_must_agree() -> None:
    lie = replace(PREVIOUS.outputs[1], value=Sats(70_001))
    Psbt.from_bytes(v0([("00", bytes(PREVIOUS)), ("01", bytes(PREVIOUS.outputs[1]))]))
    with pytest.raises(MalformedError, match="PSBT_IN_WITNESS_UTXO is not the output"):
        Psbt.from_bytes(v0([("00", bytes(PREVIOUS)), ("01", bytes(lie))]))


def test_the_spent_output_comes_from_either_form_and_gives_the_fee() -> None:
    known = PsbtInput(non_witness_utxo=PREVIOUS)
    other = PsbtInput(witness_utxo=TxOut(Sats(2_000), b"\x51"))
    psbt = Psbt.of(TX, [known, other])
    assert psbt.spent(0) == PREVIOUS.outputs[1]
    assert psbt.spent(1) == other.witness_utxo
    assert psbt.fee == 70_000 + 2_000 - 61_000
    assert Psbt.of(TX, [known, PsbtInput()]).fee is None


def test_the_path_of_an_extended_key_has_its_depth() -> None:
    xpub = bytes(4) + b"\x01" + bytes(40) + KEY
    Psbt.from_bytes(v0(more=[("01" + xpub.hex(), bytes(8))]))
    with pytest.raises(MalformedError, match="global map: PSBT_GLOBAL_XPUB: the path"):
        Psbt.from_bytes(v0(more=[("01" + xpub.hex(), bytes(4))]))


def test_there_is_one_map_for_each_input_and_output() -> None:
    for change in ({"inputs": (PsbtInput(),)}, {"outputs": (PsbtOutput(),)}):
        with pytest.raises(MalformedError, match="one map for each"):
            replace(SMALL, **change)


@pytest.mark.parametrize("signed", [{"script_sig": b"\x51"}, {"witness": (b"\x01",)}])
def test_a_signed_transaction_is_no_start_of_a_psbt(signed: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="scriptSig or a witness"):
        Psbt.of(replace(TX, inputs=(replace(TX.inputs[0], **signed),)))


def test_an_unsigned_transaction_in_segwit_form_is_refused() -> None:
    signed = TX.with_witnesses(((b"\x01",), ()))
    with pytest.raises(MalformedError, match="PSBT_GLOBAL_UNSIGNED_TX"):
        Psbt.from_bytes(raw([("00", bytes(signed))], [], [], [], []))


def test_an_input_is_spent_once_also_in_version_2() -> None:
    data = (
        v2()
        .replace(TX.inputs[1].prevout.txid, TX.inputs[0].prevout.txid)
        .replace(b"\x01\x0f\x04\x05", b"\x01\x0f\x04\x01")
    )
    with pytest.raises(MalformedError, match="twice"):
        Psbt.from_bytes(data)


def test_an_amount_out_of_range_is_refused_also_without_inputs() -> None:
    header = [("02", b"\x02\0\0\0"), ("04", b"\0"), ("05", b"\x01"), ("fb", b"\x02\0\0\0")]
    amount = (MAX_MONEY + 1).to_bytes(8, "little")
    with pytest.raises(MalformedError, match="out of range"):
        Psbt.from_bytes(raw(header, [("03", amount), ("04", b"\x51")]))


def test_fields_of_the_other_version_are_refused_in_values_too() -> None:
    for change in ({"fallback_locktime": 1}, {"tx_modifiable": 0}):
        with pytest.raises(MalformedError, match="is not allowed in version 0"):
            replace(SMALL, **change)
    with pytest.raises(MalformedError, match="input 1: PSBT_IN_REQUIRED_HEIGHT_LOCKTIME is not allowed"):
        Psbt.of(TX, [PsbtInput(), PsbtInput(required_height_locktime=1)])


def test_the_lock_time_of_version_2_is_the_computed_one() -> None:
    psbt = Psbt.from_bytes(v2())
    with pytest.raises(MalformedError, match="lock time"):
        replace(psbt, fallback_locktime=7)


def test_signing_closes_what_version_2_let_change() -> None:
    psbt = replace(Psbt.from_bytes(v2()), tx_modifiable=0b1111)
    signed = psbt.with_signatures([PsbtInput(tap_key_sig=b"\1" * 64), PsbtInput()])
    assert signed.tx_modifiable == 0b1100
    assert signed.inputs[0].tap_key_sig == b"\1" * 64
    assert SMALL.with_signatures(SMALL.inputs) == SMALL


def test_mappings_cannot_be_changed_after_they_were_checked() -> None:
    origins, unknown = {KEY: KeyOrigin(bytes(4))}, {b"\xf0": b""}
    fields = PsbtInput(bip32_derivation=origins, unknown=unknown)
    origins[b"bad"] = KeyOrigin(bytes(4))
    unknown[b"\x13"] = b"bad"
    assert (list(fields.bip32_derivation), list(fields.unknown)) == ([KEY], [b"\xf0"])
    with pytest.raises(TypeError):
        fields.bip32_derivation[b"bad"] = KeyOrigin(bytes(4))  # type: ignore[index]


# Limits.


def unknown_fields(count: int) -> bytes:
    """Fields of 4-byte keys and nothing else."""
    return b"".join(b"\4\xf0" + i.to_bytes(3, "big") + b"\0" for i in range(count))


def in_first_input(field: bytes) -> bytes:
    return v0()[: -len(b"\0\0\0\0")] + field + b"\0\0\0\0"


MISSING = "bytes are missing"
AT_MOST = "at most 10000 inputs and 10000 outputs"
TOO_LONG = "at most 4000000 bytes"
ITEMS = "more than 10000 items"
LONG = in_first_input(sized(b"\xf0") + sized(bytes(MAX_BYTES)))
ALLOWED = unknown_fields(MAX_ITEMS)
MOST = in_first_input(ALLOWED)
BOMBS = {
    "inputs that are claimed": (
        b"psbt\xff\x01\x00" + sized(bytes(4) + compact_size(1 << 30) + bytes(1000)) + b"\x00",
        MISSING,
    ),
    "inputs that are there": (
        b"psbt\xff\x01\x00"
        + sized(bytes(4) + compact_size(90_000) + bytes(41 * 90_000) + b"\x00" + bytes(4))
        + b"\x00",
        AT_MOST,
    ),
    "outputs that are there": (
        b"psbt\xff\x01\x00"
        + sized(bytes(5) + compact_size(400_000) + bytes(9 * 400_000) + bytes(4))
        + b"\x00",
        AT_MOST,
    ),
    "input maps that are claimed": (
        raw([("02", bytes(4)), ("04", b"\xfe\xff\xff\xff\x7f"), ("05", b"\x01"), ("fb", b"\x02\0\0\0")]),
        AT_MOST,
    ),
    "output maps that are claimed": (
        raw([("02", bytes(4)), ("04", b"\x00"), ("05", b"\xfe\xff\xff\xff\x7f"), ("fb", b"\x02\0\0\0")]),
        AT_MOST,
    ),
    "a value that is claimed": (b"psbt\xff\x01\x00\xff" + b"\xff" * 8, MISSING),
    "fields": (in_first_input(unknown_fields(500_000)), ITEMS),
    "stack items": (
        in_first_input(sized(b"\x08") + sized(compact_size(3_000_000) + bytes(3_000_000))),
        ITEMS,
    ),
    "leaves": (v0()[:-2] + sized(b"\x06") + sized(b"\x01\xc0\x00" * 1_000_000) + b"\0\0", ITEMS),
    "bytes": (LONG, TOO_LONG),
    "text": (base64.b64encode(LONG).decode(), TOO_LONG),
    "white space": (SMALL.base64() + " " * (2 * MAX_BYTES), TOO_LONG),
    "white space in a file": (SMALL.base64().encode() + b" " * (2 * MAX_BYTES), TOO_LONG),
}


@cache
def seconds_of_most() -> float:
    return least_seconds(lambda: Psbt.from_bytes(MOST))


@pytest.mark.parametrize(("bomb", "message"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_before_work(bomb: bytes | str, message: str) -> None:
    def refused() -> None:
        with pytest.raises(MalformedError, match=message):
            Psbt.parse(bomb)

    # what is refused costs about what the most that is allowed does, and not what is in it
    assert least_seconds(refused) < 8 * seconds_of_most()


def test_reading_takes_time_linear_in_the_inputs() -> None:
    origins = {KEY: KeyOrigin(bytes(4), (0, 1))}

    def seconds(inputs: int) -> float:
        previous = [replace(PREVIOUS, locktime=locktime) for locktime in range(inputs)]
        tx = Transaction(tuple(TxIn(OutPoint(prev.txid, 1)) for prev in previous), TX.outputs)
        fields = [PsbtInput(non_witness_utxo=prev, bip32_derivation=origins) for prev in previous]
        data = bytes(Psbt.of(tx, fields))
        return least_seconds(lambda: Psbt.from_bytes(data))

    assert seconds(600) < 30 * seconds(50)


def test_the_limits_are_exact() -> None:
    txin, out = TxIn(OutPoint(Txid(bytes(32)), 0)), TxOut(Sats(0), b"")
    many = tuple(TxIn(OutPoint(Txid(bytes(32)), index)) for index in range(MAX_INPUTS + 1))
    assert UnsignedTx.from_bytes(bytes(UnsignedTx(many[:-1], (out,) * MAX_OUTPUTS))).complete
    for inputs, outputs in ((many, (out,)), ((txin,), (out,) * (MAX_OUTPUTS + 1))):
        with pytest.raises(MalformedError, match="at most"):
            UnsignedTx(inputs, outputs)
    assert len(Psbt.from_bytes(MOST).inputs[0].unknown) == MAX_ITEMS
    with pytest.raises(MalformedError, match="more than 10000 items"):
        Psbt.from_bytes(in_first_input(ALLOWED + sized(b"\xf1") + sized(b"")))
