"""Parties of CGGMP24 in one process: host keys, cached auxiliary info, dealt keys, sessions with a Tamper."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from ecdsa_cggmp import aux_rounds, presign
from ecdsa_cggmp.aux_info import AuxInfo, AuxSecret
from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.params import Params
from ecdsa_cggmp.presign_messages import PresignPlan
from ecdsa_cggmp.presignature import Presignature
from native.curve import mul_base
from native.entropy import random_bytes
from native.schnorr import xonly_key
from native.secret import SecretResidues, SecretScalars
from native.secret_scalar import random_scalars
from protocol.driver import Outcome, Tamper, run
from protocol.evidence import Evidence
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId
from protocol.resharing.plan import Sharing
from protocol.roster import Roster
from protocol.round import Continue
from protocol.session import Session
from protocol.spec import ProtocolSpec
from protocol.vss import deal
from tests.ecdsa_cggmp.levels import TINY

R = TypeVar("R")

CHAIN_CODE = bytes(range(32))


# keys


@cache
def _primes() -> dict[str, dict[str, list[str]]]:
    made: dict[str, dict[str, list[str]]] = json.loads((Path(__file__).parent / "primes.json").read_text())
    return made


def primes_of(party: int, kind: str, params: Params = TINY) -> tuple[int, int]:
    """The two "blum" or "safe" primes of a party, for those who cheat with them."""
    first, second = _primes()[str(params.prime_bits)][kind][2 * party : 2 * party + 2]
    return int(first, 16), int(second, 16)


def residues(numbers: Sequence[int], params: Params = TINY) -> SecretResidues:
    """Secret primes of a level."""
    size = params.prime_bits // 8
    return SecretResidues.from_bytes(b"".join(x.to_bytes(size, "big") for x in numbers), len(numbers))


def aux_secret(party: int, params: Params = TINY) -> AuxSecret:
    """New owners of a party's primes, with a new lambda: a failed session wipes them."""
    blum, safe = (residues(primes_of(party, kind, params), params) for kind in ("blum", "safe"))
    return AuxSecret(blum, safe)


@cache
def aux_infos(n: int, params: Params = TINY) -> tuple[AuxInfo, ...]:
    """The auxiliary info of n parties, one each, made without a session; shared by all tests of a process."""
    secrets = [aux_secret(i, params) for i in range(n)]
    publics = {PartyId(i): secret.public for i, secret in enumerate(secrets)}
    return tuple(AuxInfo(params, PartyId(i), secret, publics) for i, secret in enumerate(secrets))


def dealt(n: int, t: int, chain_code: bytes = CHAIN_CODE) -> list[KeyShare]:
    """The shares of a new key that one dealer made."""
    coefficients = random_scalars(t)
    shares = deal(coefficients, tuple(PartyId(i) for i in range(n)))
    sharing = Sharing(mul_base(coefficients)[0], t, tuple(mul_base(shares)), 0)
    return [KeyShare(sharing, PartyId(i), shares.slice(i, 1), chain_code) for i in range(n)]


# sessions


class Parties:
    """The host keys of n parties, and of a coordinator if there is one."""

    def __init__(self, n: int, *, coordinated: bool = False) -> None:
        self.n = n
        self.keys: dict[int, SecretScalars] = {i: random_scalars() for i in range(n)}
        coordinator = None
        if coordinated:
            self.keys[COORDINATOR] = random_scalars()
            coordinator = xonly_key(self.keys[COORDINATOR])
        self.roster = Roster(tuple(xonly_key(self.keys[i]) for i in range(n)), coordinator)

    def header(self, spec: ProtocolSpec, parties: Sequence[int], params: bytes = b"") -> Header:
        """The header of a new session."""
        ids = tuple(PartyId(i) for i in parties)
        return Header(spec.name, spec.version, random_bytes(32), self.roster.digest, ids, params)

    def sessions(
        self, spec: ProtocolSpec, parties: Sequence[int] | None = None, params: bytes = b""
    ) -> dict[PartyId, Session]:
        """A new session as each of its parties, and the coordinator, sees it."""
        taking_part = range(self.n) if parties is None else parties
        header = self.header(spec, taking_part, params)
        everybody = [*taking_part, *([COORDINATOR] if COORDINATOR in self.keys else [])]
        return {PartyId(i): Session(spec, header, self.roster, PartyId(i), self.keys[i]) for i in everybody}

    def run(
        self,
        sessions: Mapping[PartyId, Session],
        participate: Callable[[Session], Continue[R]],
        tamper: Tamper | None = None,
    ) -> dict[PartyId, Outcome[R]]:
        """Run a session in which everybody does the same."""
        return run({i: (session, participate(session)) for i, session in sessions.items()}, tamper)

    def aux(
        self,
        tamper: Tamper | None = None,
        secrets: Mapping[PartyId, AuxSecret] | None = None,
        params: Params = TINY,
    ) -> dict[PartyId, Outcome[AuxInfo]]:
        """Run the session that makes auxiliary info, with the cached primes unless others are given."""
        given = secrets or {}

        def participate(session: Session) -> Continue[AuxInfo]:
            secret = given.get(session.me) or aux_secret(session.me, params)
            return aux_rounds.participate(session, secret, params)

        return self.run(self.sessions(aux_rounds.aux_spec(params)), participate, tamper)

    def presign(
        self,
        shares: Sequence[KeyShare],
        signers: Sequence[int],
        batch: int = 1,
        tamper: Tamper | None = None,
        params: Params = TINY,
    ) -> dict[PartyId, Outcome[tuple[Presignature, ...]]]:
        """Make a batch of presignatures."""
        aux = aux_infos(self.n, params)
        plan = presign_plan(shares, signers, batch, params)

        def participate(session: Session) -> Continue[tuple[Presignature, ...]]:
            return presign.participate(session, shares[session.me], aux[session.me])

        sessions = self.sessions(presign.presign_spec(params), signers, bytes(plan))
        sessions.pop(COORDINATOR, None)
        return self.run(sessions, participate, tamper)


def presign_plan(
    shares: Sequence[KeyShare], signers: Sequence[int], batch: int = 1, params: Params = TINY
) -> PresignPlan:
    """What a presigning session of some signers makes."""
    publics = aux_infos(shares[0].sharing.n, params)[0].publics
    ids = tuple(PartyId(i) for i in signers)
    return PresignPlan(shares[0].sharing, ids, batch, {i: publics[i] for i in ids})


# third parties


def judged(roster: Roster, evidence: Evidence, params: Params = TINY) -> str:
    """What a fresh process that has the roster only says: "culprit check" or "nothing"."""
    (verdict,) = all_judged([(roster, evidence)], params)
    return verdict


def all_judged(cases: Sequence[tuple[Roster, Evidence]], params: Params = TINY) -> list[str]:
    """What one fresh process says of several cases."""
    command = [sys.executable, "-m", "tests.ecdsa_cggmp.fresh_verifier"]
    lines = [f"{params.prime_bits} {bytes(roster).hex()} {bytes(proof).hex()}\n" for roster, proof in cases]
    done = subprocess.run(command, input="".join(lines), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
