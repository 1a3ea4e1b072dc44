"""Key generation and signing on the session engine, with a coordinator that signs."""

import subprocess
import sys
from collections.abc import Sequence

from frost_bip340 import keygen_rounds, signing_rounds
from frost_bip340.key_share import KeyShare
from frost_bip340.params import SessionParams, hostpubkey_gen
from native.entropy import random_bytes
from native.schnorr import xonly_key
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import random_scalars
from protocol.driver import Outcome, Tamper, run
from protocol.evidence import Evidence
from protocol.header import Header
from protocol.ids import COORDINATOR
from protocol.roster import Roster
from protocol.session import Session
from protocol.spec import ProtocolSpec


class Parties:
    """The host keys of n parties and a coordinator."""

    def __init__(self, n: int) -> None:
        self.keys: dict[int, SecretScalars] = {i: random_scalars() for i in range(n)}
        self.keys[COORDINATOR] = random_scalars()
        self.hostpubkeys = [hostpubkey_gen(self.keys[i]) for i in range(n)]
        self.roster = Roster(tuple(key[1:] for key in self.hostpubkeys), xonly_key(self.keys[COORDINATOR]))

    def session(self, spec: ProtocolSpec, parties: Sequence[int], params: bytes) -> dict[int, Session]:
        header = Header(spec.name, spec.version, random_bytes(32), self.roster.digest, tuple(parties), params)
        return {i: Session(spec, header, self.roster, i, self.keys[i]) for i in (*parties, COORDINATOR)}

    def keygen(self, t: int, tamper: Tamper | None = None) -> dict[int, Outcome]:
        params = SessionParams.of(self.hostpubkeys, t)
        sessions = self.session(keygen_rounds.SPEC, range(params.n), params.enc_context)
        openings = {
            i: (session, keygen_rounds.participate(session, random_scalars(), SecretSeed.fresh()))
            for i, session in sessions.items()
            if i != COORDINATOR
        }
        coordinator = sessions[COORDINATOR]
        openings[COORDINATOR] = coordinator, keygen_rounds.coordinate(coordinator)
        return run(openings, tamper)

    def signing(
        self,
        shares: Sequence[KeyShare],
        signers: Sequence[int],
        inputs: Sequence[signing_rounds.Input],
        tamper: Tamper | None = None,
    ) -> dict[int, Outcome]:
        request = signing_rounds.SigningRequest(shares[0].info, shares[0].epoch, tuple(inputs))
        sessions = self.session(signing_rounds.SPEC, signers, bytes(request))
        openings = {
            i: (
                sessions[i],
                signing_rounds.participate(sessions[i], shares[i], [SecretSeed.fresh() for _ in inputs]),
            )
            for i in signers
        }
        coordinator = sessions[COORDINATOR]
        openings[COORDINATOR] = coordinator, signing_rounds.coordinate(coordinator)
        return run(openings, tamper)


JUDGE = """
import sys
from frost_bip340 import keygen_rounds, signing_rounds
from protocol.codec import decode
from protocol.evidence import Evidence
from protocol.roster import Roster
roster, evidence = map(bytes.fromhex, sys.stdin.read().split())
specs = {spec.name: spec for spec in (keygen_rounds.SPEC, signing_rounds.SPEC)}
evidence = Evidence.from_bytes(evidence)
sys.exit(0 if evidence.holds(decode(roster, 1 << 16, Roster.read), specs) else 1)
"""


def judged(roster: Roster, evidence: Evidence) -> bool:
    """Tell whether evidence holds in a fresh process that has the roster only."""
    text = f"{bytes(roster).hex()} {bytes(evidence).hex()}"
    return subprocess.run([sys.executable, "-c", JUDGE], input=text.encode(), check=False).returncode == 0
