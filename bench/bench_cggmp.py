"""CGGMP24: key generation, auxiliary info, presignatures, signatures, bytes on the wire; per party.

    python bench/bench_cggmp.py            figures beside their targets, at full size: two minutes
    python bench/bench_cggmp.py --quick    2 of 3 only: half a minute
    pytest bench --benchmark-only          the same operations at the tests' tiny level

The program's figures are CPU time of all threads, divided by the parties, with signatures of messages, hashes
and echoes. Targets are those of performance.md 7.3; that of a single presignature counts kernels alone and
leaves out that a prover verifies its own proofs before it sends them. Primes are given.
"""

import argparse
import time
from collections.abc import Callable
from functools import cache
from typing import Final

import pytest

from comparison.targets import HEAD, Target
from ecdsa_cggmp import keygen_rounds, presign
from ecdsa_cggmp.keygen_checks import SPEC as KEYGEN
from ecdsa_cggmp.keygen_messages import keygen_params
from ecdsa_cggmp.params import SECURITY_128, Params
from ecdsa_cggmp.presign_messages import EncryptMsg, EncryptProofMsg, MultiplyMsg, RevealMsg
from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, combine, sign_share
from native.curve import Scalar
from native.entropy import random_bytes
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_infos, dealt, presign_plan
from tests.ecdsa_cggmp.presignatures import context, presignature, secret_key, shares_of

GROUPS = pytest.mark.parametrize(("t", "n"), [(2, 3), (3, 5)], ids=["2of3", "3of5"])
# of performance.md 7.3
AUX_INFO_SECONDS: Final = 4.3
KEYGEN_MS: Final = 3.0
LATENCY_MS: Final = 110.0
REFILL: Final = {(2, 3): 860.0, (3, 5): 440.0}  # presignatures a minute and core
SIGN_MS: Final = 0.3
PAIR_BYTES: Final = 20_736.0


class Presigning:
    """Presigning among the first t of n parties.

    Args:
        t, n: threshold and parties.
        params: the level.
        tables: whether every signer has made its tables of randomness, as a node has.
    """

    def __init__(self, t: int, n: int, params: Params = TINY, *, tables: bool = False) -> None:
        self.t, self.params = t, params
        self.parties, self.shares = Parties(n), dealt(n, t)
        self.aux = aux_infos(n, params)[:t]
        self.key = secret_key(self.shares[:t])
        if tables:
            for info in self.aux:
                for party in range(t):
                    if info.table(party) is None:
                        info.build_table(party)

    def run(self, batch: int) -> list[tuple[Presignature, ...]]:
        """Make a batch, as all signers."""
        plan = bytes(presign_plan(self.shares, range(self.t), batch, self.params))
        sessions = self.parties.sessions(presign.presign_spec(self.params), range(self.t), plan)
        outcomes = self.parties.run(
            sessions, lambda s: presign.participate(s, self.shares[s.me], self.aux[s.me])
        )
        return [outcome.result for outcome in outcomes.values()]

    def signing(self) -> tuple[tuple[Presignature, ...], SigningContext]:
        """Return a presignature and what to sign with it."""
        made = presignature(self.shares[0].sharing, self.key, range(self.t))
        return made, context(made, SigningRequest(random_bytes(32), Scalar(1)))


presigning = cache(Presigning)


def keygen(t: int, n: int) -> None:
    """Generate a key, as all parties."""
    parties = Parties(n)
    parties.run(parties.sessions(KEYGEN, params=keygen_params(t)), keygen_rounds.participate)


@GROUPS
def test_keygen(benchmark, t, n):
    benchmark(keygen, t, n)


def test_aux_info(benchmark):
    benchmark.pedantic(lambda: Parties(2).aux(), rounds=1)


@GROUPS
@pytest.mark.parametrize("batch", [1, 8])
def test_presign(benchmark, t, n, batch):
    benchmark.pedantic(presigning(t, n).run, (batch,), rounds=1)


@GROUPS
def test_sign_share(benchmark, t, n):
    def fresh() -> tuple[tuple[Presignature, SigningContext], dict[str, object]]:
        made, item = presigning(t, n).signing()
        return (made[0], item), {}

    benchmark.pedantic(sign_share, setup=fresh, rounds=20)


@GROUPS
def test_combine(benchmark, t, n):
    made, item = presigning(t, n).signing()
    benchmark(combine, item, shares_of(made, item))


def cpu_ms(call: Callable[[], object], parties: int, repeats: int = 3) -> float:
    """Return the least milliseconds of CPU time of all threads that a call takes for each party."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return 1e3 * min(taken) / parties


def sign_ms(group: Presigning) -> float:
    """Return the milliseconds from the request to a verified signature, at the signer that combines."""
    taken = []
    for _ in range(50):
        made, item = group.signing()
        others = {i.party: sign_share(i, item) for i in made[1:]}
        start = time.process_time()
        mine = SigningContext(item.presignature, item.request, item.contributions)
        combine(mine, {made[0].party: sign_share(made[0], mine), **others})
        taken.append(time.process_time() - start)
    return 1e3 * min(taken)


def pair_bytes(params: Params) -> float:
    """Return the bytes of a presignature from one signer to another of two, in a batch of 32."""
    batch, entry = 32, 96  # of an echo, for each signer
    sizes = (
        EncryptMsg.size(params, batch),
        EncryptProofMsg.size(params, batch),
        MultiplyMsg.size(params, batch, 1),
        RevealMsg.size(batch),
        2 * 2 * entry,
    )
    return sum(sizes) / batch


def show(name: str, taken: float, target: float | None) -> None:
    """Print a time, beside its target if there is one."""
    print(f"{name:60}{taken:9.2f}" if target is None else Target(name, target, taken, at_most=True))


def report(t: int, n: int, batches: tuple[int, ...]) -> None:
    """Print the figures of one group."""
    name = f"{t} of {n}"
    keygen(t, n)
    taken = cpu_ms(lambda: keygen(t, n), n, 10)
    show(f"{name}: key generation, ms", taken, KEYGEN_MS if (t, n) == (2, 3) else None)
    group = Presigning(t, n, SECURITY_128, tables=True)
    group.run(1)
    for batch in batches:
        taken = cpu_ms(lambda b=batch: group.run(b), t, 2) / batch
        if batch == 1:
            show(f"{name}: single presignature, ms", taken, LATENCY_MS if t == 2 else None)
        else:
            text = f"{name}: presignatures a minute and core, B = {batch} ({taken:.1f} ms)"
            print(Target(text, REFILL[t, n], 60_000 / taken))
    print(Target(f"{name}: signature from presignature, ms", SIGN_MS, sign_ms(group), at_most=True))


def main() -> None:
    """Print all figures beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 of 3 only")
    quick = parser.parse_args().quick
    print(HEAD)
    print(Target("bytes a presignature and ordered pair", PAIR_BYTES, pair_bytes(SECURITY_128), at_most=True))
    if not quick:
        taken = cpu_ms(lambda: Parties(3).aux(params=SECURITY_128), 3, 1) / 1e3
        print(Target("3 parties: auxiliary info with given primes, s", AUX_INFO_SECONDS, taken, at_most=True))
    report(2, 3, (1, 8, 32))
    if not quick:
        report(3, 5, (1, 8, 32))


if __name__ == "__main__":
    main()
