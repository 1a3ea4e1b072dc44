"""Write primes.json: python -m tests.ecdsa_cggmp.make_primes. A fixed seed and one thread make it repeatable.

The primes are public and for tests alone.
"""

import json
from pathlib import Path

from ecdsa_cggmp.params import SECURITY_128
from native.hashing import tagged_hash
from native.primes import blum_primes, safe_primes
from native.secret import SecretSeed
from tests.ecdsa_cggmp.levels import TINY

FILE = Path(__file__).parent / "primes.json"
# parties by level
PARTIES = {TINY.prime_bits: 7, SECURITY_128.prime_bits: 5}


def search(bits: int, parties: int) -> dict[str, list[str]]:
    """Return two primes of each kind for every party, in hex."""
    found = {}
    for kind, primes_of in (("blum", blum_primes), ("safe", safe_primes)):
        seed = SecretSeed.from_bytes(tagged_hash("mpcwallet/test primes", f"{kind} {bits}".encode()))
        primes = primes_of(bits, 2 * parties, threads=1, seed=seed).declassify()
        found[kind] = [primes[at : at + bits // 8].hex() for at in range(0, len(primes), bits // 8)]
    return found


if __name__ == "__main__":
    made = {bits: search(bits, parties) for bits, parties in PARTIES.items()}
    FILE.write_text(json.dumps(made, indent=1) + "\n")
