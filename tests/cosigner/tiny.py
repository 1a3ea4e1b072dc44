"""CGGMP24 at the level of the tests, with primes that were found before."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING
from unittest.mock import patch

from cosigner import segwit_keygen
from cosigner.home import Home
from cosigner.segwit_keygen import SegwitKeygenParty
from ecdsa_cggmp import aux_rounds
from ecdsa_cggmp.aux_info import AuxSecret
from protocol.ids import PartyId
from protocol.roster import Roster
from protocol.spec import ProtocolSpec
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, aux_secret

if TYPE_CHECKING:
    import pytest  # which would take a quarter of the time that a process of mpcw starts in

CACHED = 7  # parties


@contextmanager
def tiny_ecdsa() -> Iterator[None]:
    """Have wallets of up to seven parties made in a moment."""
    turn = count()
    with (
        patch("cosigner.level.PARAMS", TINY),
        patch.object(AuxSecret, "search", lambda *_, **__: aux_secret(next(turn) % CACHED)),
    ):
        yield


def forget_moduli(home: Home) -> None:
    """Let the primes of tests come again in a home."""
    shutil.rmtree(home.moduli.parent, ignore_errors=True)


def deal_aux(monkeypatch: "pytest.MonkeyPatch") -> None:
    """Have a dealer give the parties of a new wallet their auxiliary info, in no time."""
    run = segwit_keygen._run

    def deal(
        peers: Mapping[PartyId, SegwitKeygenParty], spec: ProtocolSpec, roster: Roster, params: bytes = b""
    ) -> None:
        if spec.name != aux_rounds.aux_spec(TINY).name:
            run(peers, spec, roster, params)
            return
        # anew: secrets of before a fork are gone after it
        infos = aux_infos.__wrapped__(len(peers))
        for party, aux in zip(peers.values(), infos, strict=True):
            party._keep_aux(aux)

    monkeypatch.setattr(segwit_keygen, "_run", deal)
