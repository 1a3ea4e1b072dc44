"""The vectors of BIP-174, BIP-370 and BIP-371, and what bitcoind says of them."""

import base64
import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[2] / "vectors"


def _load(bip: int) -> Any:
    return json.loads((VECTORS / f"bip-0{bip}" / f"bip{bip}_test_vectors.json").read_text())


def _cases(kind: str) -> dict[str, str]:
    """Return PSBTs in base64 by what they are."""
    return {
        f"BIP-{bip}: {case['description']}": case["encoded psbt"]
        for bip in (174, 370, 371)
        for case in _load(bip).get(kind, ())
    }


VALID = _cases("valid psbts")
INVALID = _cases("invalid psbts")
SIGNER_FAILURES = _cases("signer check failures")
LOCKTIMES = [
    (case["description"], case["lock time"], case["encoded psbt"]) for case in _load(370)["lock time psbts"]
]
ROLES = json.loads((VECTORS / "bip-0174" / "bip174_roles.json").read_text())
BITCOIND = json.loads((VECTORS / "decodepsbt" / "decodepsbt.json").read_text())

SEEDS = [base64.b64decode(text) for text in (*VALID.values(), *SIGNER_FAILURES.values())]
