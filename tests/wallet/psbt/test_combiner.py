"""Combining: commutative, associative, idempotent, without duplicates, and conflicts are named."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wallet.psbt.raw import KEY, OTHER_KEY, PREVIOUS, TX, v2
from tests.wallet.psbt.signing import SIGNED, UNSIGNED, partial_sig, tap_key_sig, with_input
from tests.wallet.psbt.strategies import psbts
from wallet.errors import MalformedError
from wallet.psbt import KeyOrigin, Psbt, PsbtInput, PsbtOutput, combine, extract, finalize, to_v2
from wallet.psbt.psbt import HAS_SIGHASH_SINGLE
from wallet.psbt.tables import INPUT, OUTPUT

# Without these the lock time would be another.
KEPT = {"required_time_locktime", "required_height_locktime"}


@st.composite
def parts(draw: Callable[..., Any], psbt: Psbt) -> Psbt:
    """Draw a PSBT that has some of the fields."""

    def some(values: Mapping[str, Any]) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, Mapping):
                chosen[name] = {key: item for key, item in value.items() if draw(st.booleans())}
            elif value is not None and (name in KEPT or draw(st.booleans())):
                chosen[name] = value
        return chosen

    return replace(
        psbt,
        inputs=tuple(PsbtInput(**some(INPUT.values_of(fields))) for fields in psbt.inputs),
        outputs=tuple(PsbtOutput(**some(OUTPUT.values_of(fields))) for fields in psbt.outputs),
        xpubs=some({"xpubs": psbt.xpubs})["xpubs"],
        unknown=some({"unknown": psbt.unknown})["unknown"],
        tx_modifiable=draw(st.sampled_from([None, 0, 3, 7, 12])) if psbt.version == 2 else None,
    )


@st.composite
def families(draw: Callable[..., Any]) -> tuple[Psbt, list[Psbt]]:
    """Draw a PSBT and three parts of it."""
    whole = draw(psbts())
    return whole, [draw(parts(whole)) for _ in range(3)]


@given(families())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
def test_combining_is_commutative_associative_and_idempotent(family: tuple[Psbt, list[Psbt]]) -> None:
    whole, (a, b, c) = family
    joined = combine([a, b, c])
    assert joined == combine([c, b, a]) == combine([b, a, c])
    assert joined == combine([combine([a, b]), c]) == combine([a, combine([b, c])])
    assert joined == combine([joined, joined]) == combine([joined, a])
    assert combine([a]) == a
    assert Psbt.from_bytes(bytes(joined)) == joined
    assert replace(combine([whole, a, b]), tx_modifiable=whole.tx_modifiable) == whole


def test_signatures_of_two_signers_come_together() -> None:
    first = with_input(UNSIGNED, 0, partial_sigs={KEY: partial_sig()})
    second = with_input(UNSIGNED, 1, tap_key_sig=tap_key_sig())
    signed = combine([second, UNSIGNED, first])
    assert signed.inputs[1].tap_key_sig == tap_key_sig()
    assert signed.inputs[0].partial_sigs == {KEY: partial_sig()}


def test_a_combined_psbt_finalises() -> None:
    halves = [with_input(SIGNED, 0, partial_sigs={}), with_input(SIGNED, 1, tap_key_sig=None)]
    assert extract(finalize(combine(halves))) == extract(finalize(SIGNED))


def test_nothing_combines_to_nothing() -> None:
    with pytest.raises(MalformedError, match="no PSBT"):
        combine([])


@pytest.mark.parametrize("place", [1, 2])
def test_another_transaction_is_refused_wherever_it_stands(place: int) -> None:
    other = Psbt.of(replace(TX, locktime=1))
    many = [Psbt.of(TX)] * 3
    many[place] = other
    with pytest.raises(MalformedError, match=r"different transactions: [0-9a-f]{64} and [0-9a-f]{64}"):
        combine(many)


def test_versions_are_not_mixed() -> None:
    with pytest.raises(MalformedError, match="versions 0 and 2") as caught:
        combine([SIGNED, to_v2(SIGNED)])
    assert "convert" in caught.value.hint


@pytest.mark.parametrize(
    ("index", "one", "two", "message"),
    [
        (1, {"tap_key_sig": bytes(64)}, {"tap_key_sig": bytes(65)}, "input 1: PSBT_IN_TAP_KEY_SIG has"),
        (0, {"sighash_type": 1}, {"sighash_type": 3}, "input 0: PSBT_IN_SIGHASH_TYPE has"),
        (
            0,
            {"bip32_derivation": {KEY: KeyOrigin(bytes(4))}},
            {"bip32_derivation": {KEY: KeyOrigin(b"\1\0\0\0")}},
            f"input 0: PSBT_IN_BIP32_DERIVATION {KEY.hex()} has",
        ),
        (0, {"unknown": {b"\xf0": b"a"}}, {"unknown": {b"\xf0": b"b"}}, "input 0: the unknown field f0 has"),
    ],
)
def test_two_values_of_a_field_are_refused_by_name(
    index: int, one: dict[str, Any], two: dict[str, Any], message: str
) -> None:
    base = Psbt.of(TX)
    for pair in ((one, two), (two, one)):
        with pytest.raises(MalformedError, match=f"{message} different values"):
            combine([base, *(with_input(base, index, **fields) for fields in pair)])


def test_two_values_in_an_output_or_the_global_map_are_refused_by_name() -> None:
    base = Psbt.of(TX)
    pair = [replace(base, outputs=(PsbtOutput(redeem_script=s), PsbtOutput())) for s in (b"a", b"b")]
    with pytest.raises(MalformedError, match="output 0: PSBT_OUT_REDEEM_SCRIPT has different values"):
        combine(pair)
    with pytest.raises(MalformedError, match="global map: the unknown field f0 has different values"):
        combine([replace(base, unknown={b"\xf0": value}) for value in (b"a", b"b")])


def test_different_keys_of_a_field_are_all_kept_in_order() -> None:
    base = Psbt.of(TX)
    origins = {key: KeyOrigin(bytes(4)) for key in (KEY, OTHER_KEY)}
    joined = combine([with_input(base, 0, bip32_derivation={key: origins[key]}) for key in origins])
    assert list(joined.inputs[0].bip32_derivation) == sorted(origins)


def test_a_previous_transaction_with_and_without_witnesses_is_one() -> None:
    base = Psbt.of(TX)
    tall, other = (PREVIOUS.with_witnesses(((item,),)) for item in (b"sig", b"other"))
    forms = [with_input(base, 0, non_witness_utxo=form) for form in (tall, PREVIOUS, other)]
    assert combine([forms[0], forms[0], base]) == forms[0]
    for pair in ((0, 1), (1, 0), (0, 2), (2, 0)):
        assert combine([forms[index] for index in pair]) == forms[1]


@pytest.mark.parametrize(
    ("flags", "joined"),
    [
        ((None, None), None),
        ((3, 3), 3),
        ((3, 0), 0),
        ((3, None), 0),
        ((3, 2), 2),
        ((3 | HAS_SIGHASH_SINGLE, 3), 3 | HAS_SIGHASH_SINGLE),
        ((HAS_SIGHASH_SINGLE, None), HAS_SIGHASH_SINGLE),
        ((8, 3), 0),
    ],
)
def test_only_what_all_allow_may_be_changed(flags: tuple[int | None, ...], joined: int | None) -> None:
    base = Psbt.from_bytes(v2())
    for order in (flags, flags[::-1]):
        assert combine([replace(base, tx_modifiable=flag) for flag in order]).tx_modifiable == joined
