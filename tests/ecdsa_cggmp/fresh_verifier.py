"""A third party: python -m tests.ecdsa_cggmp.fresh_verifier; each line is prime bits, roster and evidence."""

import sys

from ecdsa_cggmp import aux_rounds, keygen_checks, presign, sign_rounds
from ecdsa_cggmp.params import SECURITY_128
from ecdsa_cggmp.resharing import RESHARING
from protocol.codec import decode
from protocol.evidence import Evidence
from protocol.roster import ROSTER_LIMIT, Roster
from protocol.spec import ProtocolSpec
from tests.ecdsa_cggmp.levels import TINY

LEVELS = {level.prime_bits: level for level in (TINY, SECURITY_128)}


def specs(prime_bits: int) -> dict[str, ProtocolSpec]:
    """All protocols of the scheme at a level, by name."""
    level = LEVELS[prime_bits]
    known = (
        keygen_checks.SPEC,
        aux_rounds.aux_spec(level),
        presign.presign_spec(level),
        sign_rounds.SPEC,
        RESHARING,
    )
    return {spec.name: spec for spec in known}


if __name__ == "__main__":
    for line in sys.stdin:
        bits, roster, proof = line.split()
        evidence = Evidence.from_bytes(bytes.fromhex(proof))
        keys = decode(bytes.fromhex(roster), ROSTER_LIMIT, Roster.read)
        proved = evidence.holds(keys, specs(int(bits)))
        sys.stdout.write(f"{evidence.culprit} {evidence.check}\n" if proved else "nothing\n")
