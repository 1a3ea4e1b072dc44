"""A third party: fed with a roster and evidence, two lines of hex, it says what is proved."""

import sys

from protocol.codec import decode
from protocol.evidence import Evidence
from protocol.roster import Roster

from .toss import TOSS
from .two_step import TWO_STEP

if __name__ == "__main__":
    keys = decode(bytes.fromhex(sys.stdin.readline()), 1 << 13, Roster.read)
    evidence = Evidence.from_bytes(bytes.fromhex(sys.stdin.readline()))
    if evidence.holds(keys, {TOSS.name: TOSS, TWO_STEP.name: TWO_STEP}):
        sys.stdout.write(f"{evidence.culprit} {evidence.check}")
    else:
        sys.stdout.write("nothing")
