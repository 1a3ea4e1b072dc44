"""CGGMP24 at the level of the tests, with primes that were found before."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from ecdsa_cggmp.aux_info import AuxSecret
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_secret

CACHED = 7  # parties


@contextmanager
def tiny_ecdsa() -> Iterator[None]:
    """Have wallets of up to seven parties made in a moment."""
    turn = count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cosigner.level.PARAMS", TINY)
        patch.setattr(AuxSecret, "search", lambda *_, **__: aux_secret(next(turn) % CACHED))
        yield
