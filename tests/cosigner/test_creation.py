"""What is told while a wallet is made."""

from collections.abc import Callable
from typing import Any

import pytest

from cosigner.creation import _factors
from cosigner.steps import Deed, Step
from ecdsa_cggmp.aux_info import AuxSecret
from native.primes import PrimeKind, Progress
from protocol.ids import PartyId


def test_search_for_primes_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def search(_params: object, progress: Callable[..., Any]) -> None:
        progress(PrimeKind.BLUM, Progress(found=0, sieves=1, tests=12, expected_tests=160))
        progress(PrimeKind.SAFE, Progress(found=1, sieves=9, tests=800, expected_tests=2400))

    monkeypatch.setattr(AuxSecret, "search", search)
    told: list[Step] = []
    _factors(PartyId(2), told.append)
    assert {(step.actor, step.deed, step.deed.passing) for step in told} == {(2, Deed.PRIMES_SEARCHED, True)}
    assert [step.detail for step in told] == [
        "0 of 2 Blum primes, 12 of about 160 tested",
        "1 of 2 safe primes, 800 of about 2400 tested",
    ]
