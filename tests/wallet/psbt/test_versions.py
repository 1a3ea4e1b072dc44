"""Conversion between versions 0 and 2."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from tests.wallet.psbt.raw import v0, v2
from tests.wallet.psbt.strategies import psbts
from tests.wallet.psbt.vectors import LOCKTIMES, VALID
from wallet.psbt import Psbt, to_v0, to_v2


@given(psbts(version=0))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
def test_version_0_survives_version_2(psbt: Psbt) -> None:
    converted = to_v2(psbt)
    assert converted.version == 2
    assert converted.unsigned == psbt.unsigned
    assert to_v0(Psbt.from_bytes(bytes(converted))) == psbt


@given(psbts(version=2))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
def test_version_0_has_the_transaction_and_fields_of_version_2(psbt: Psbt) -> None:
    converted = Psbt.from_bytes(bytes(to_v0(psbt)))
    assert converted.version == 0
    assert converted.unsigned == psbt.unsigned
    assert converted.outputs == psbt.outputs
    for ours, theirs in zip(converted.inputs, psbt.inputs, strict=True):
        assert ours == replace(theirs, required_height_locktime=None)


def test_the_lock_time_that_inputs_require_is_fixed_in_version_0() -> None:
    for _, locktime, text in LOCKTIMES:
        if locktime is not None:
            psbt = to_v0(Psbt.from_base64(text))
            assert psbt.tx.locktime == locktime
            assert to_v2(psbt).fallback_locktime == locktime


def test_what_may_be_changed_has_no_place_in_version_0() -> None:
    text = next(text for name, text in VALID.items() if "all defined PSBT_GLOBAL_TX_MODIFIABLE" in name)
    assert Psbt.from_base64(text).tx_modifiable == 7
    assert to_v2(to_v0(Psbt.from_base64(text))).tx_modifiable is None


def test_a_psbt_that_has_the_version_is_returned_as_it_is() -> None:
    old, new = Psbt.from_bytes(v0()), Psbt.from_bytes(v2())
    assert to_v0(old) is old
    assert to_v2(new) is new
    assert to_v2(old) == replace(new, fallback_locktime=0)
