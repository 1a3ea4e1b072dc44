"""A third party: python -m tests.frost_bip340.fresh_verifier ROSTER, evidence in hex on standard input."""

import sys

from frost_bip340.resharing import REPAIR, RESHARING
from protocol.codec import decode
from protocol.evidence import Evidence
from protocol.roster import Roster

if __name__ == "__main__":
    keys = decode(bytes.fromhex(sys.argv[1]), 1 << 13, Roster.read)
    evidence = Evidence.from_bytes(bytes.fromhex(sys.stdin.read()))
    if evidence.holds(keys, {spec.name: spec for spec in (RESHARING, REPAIR)}):
        sys.stdout.write(f"{evidence.culprit} {evidence.check}")
    else:
        sys.stdout.write("nothing")
