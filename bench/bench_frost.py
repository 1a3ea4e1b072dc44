"""FROST: key generation per participant, nonces, signing, verification of a share, aggregation.

    python bench/bench_frost.py     figures beside their targets, half a minute
    pytest bench --benchmark-only   the same operations and others under pytest-benchmark

The program's figures are the least CPU time of one thread. The targets count libsecp256k1's operations alone;
they leave out what ChillDKG demands (two ECDH per pair, the certificate) and what we do beyond BIP-445
(signatures are verified before they leave; the benchmark applies three tweaks, as a wallet does).
"""

from collections.abc import Callable
from functools import cache
from typing import Final

import pytest

from comparison.measure import seconds
from comparison.targets import HEAD, Target
from frost_bip340.dkg import (
    coordinator_finalize,
    coordinator_step1,
    participant_finalize,
    participant_step1,
    participant_step2,
)
from frost_bip340.key_share import KeyShare, ThresholdInfo
from frost_bip340.nonce import nonce_agg, nonce_gen
from frost_bip340.params import SessionParams, hostpubkey_gen
from frost_bip340.session import SigningSession
from frost_bip340.signing import aggregate, partial_sig_verify, sign
from frost_bip340.tweak import derive, output_tweak
from native.curve import mul_base
from native.secret import SecretSeed
from native.secret_scalar import eval_polynomial, random_scalars

MSG = bytes(32)
SIZES = pytest.mark.parametrize(("t", "n"), [(2, 3), (7, 10), (67, 100)], ids=["2of3", "7of10", "67of100"])
# ms per participant, per signer, of the aggregator
TARGETS: Final = {(2, 3): (0.6, 0.3, 0.045), (7, 10): (2.5, 0.5, 0.045), (67, 100): (80.0, 2.5, 0.045)}


class Keygen:
    """A key generation up to its last message."""

    def __init__(self, t: int, n: int) -> None:
        self.keys = [random_scalars() for _ in range(n)]
        self.params = SessionParams.of([hostpubkey_gen(key) for key in self.keys], t)
        self.step1 = [participant_step1(key, self.params, random_scalars()) for key in self.keys]
        self.pmsgs1 = {i: step.pmsg1 for i, step in enumerate(self.step1)}
        state, self.cmsg1 = coordinator_step1(self.pmsgs1, self.params)
        step2 = [
            participant_step2(key, step.state, self.cmsg1, SecretSeed.fresh())
            for key, step in zip(self.keys, self.step1, strict=True)
        ]
        self.cmsg2 = coordinator_finalize(state, {i: step.pmsg2 for i, step in enumerate(step2)}).cmsg2

    def participate(self) -> None:
        """Do all that one participant does; the messages of the others are those of the first run."""
        key = self.keys[0]
        participant_step1(key, self.params, random_scalars())
        step2 = participant_step2(key, self.step1[0].state, self.cmsg1, SecretSeed.fresh())
        participant_finalize(step2.state, self.cmsg2)


class Signing:
    """A finished signing session of t signers, for a child key with an output tweak."""

    def __init__(self, t: int, n: int) -> None:
        coefficients = random_scalars(t)
        secshares = eval_polynomial(coefficients, range(1, n + 1))
        self.info = ThresholdInfo(t, mul_base(coefficients)[0], tuple(mul_base(secshares)))
        self.shares = [KeyShare(self.info, i, secshares.slice(i, 1), bytes(32)) for i in range(t)]
        child = derive(self.info.thresh_pk, bytes(32), [0, 5])
        self.tweaks = (*child.tweaks, output_tweak(child.public_key, None))
        nonces = [nonce_gen(SecretSeed.fresh(), share.secshare) for share in self.shares]
        self.pubnonces = {i: nonce.pubnonce for i, nonce in enumerate(nonces)}
        self.aggnonce = nonce_agg(self.pubnonces)
        self.session = self.open()
        self.psigs = {i: sign(nonces[i], self.shares[i], self.session) for i in range(t)}

    def open(self) -> SigningSession:
        return SigningSession(self.info, tuple(self.pubnonces), self.aggnonce, MSG, self.tweaks)

    def aggregate(self) -> bytes:
        return aggregate(self.psigs, self.pubnonces, self.session)

    def sign_once(self) -> None:
        """Do all that one signer does, both rounds."""
        nonce = nonce_gen(SecretSeed.fresh(), self.shares[0].secshare)
        sign(nonce, self.shares[0], self.open())


keygen = cache(Keygen)
signing = cache(Signing)


@SIZES
def test_keygen_per_participant(benchmark, t, n):
    benchmark(keygen(t, n).participate)


@SIZES
def test_keygen_coordinator(benchmark, t, n):
    session = keygen(t, n)
    benchmark(coordinator_step1, session.pmsgs1, session.params)


@SIZES
def test_nonce_gen(benchmark, t, n):
    share = signing(t, n).shares[0]
    benchmark(lambda: nonce_gen(SecretSeed.fresh(), share.secshare))


@SIZES
def test_sign_both_rounds(benchmark, t, n):
    benchmark(signing(t, n).sign_once)


@SIZES
def test_partial_sig_verify(benchmark, t, n):
    run = signing(t, n)
    assert benchmark(partial_sig_verify, run.psigs[0], run.pubnonces[0], 0, run.session)


@SIZES
def test_aggregate(benchmark, t, n):
    benchmark(signing(t, n).aggregate)


def least(call: Callable[[], object], budget: float = 1.0) -> float:
    """Return the milliseconds of the fastest of as many calls as take the budget in seconds."""
    first = seconds(call)
    return 1e3 * min(seconds(call) for _ in range(max(3, int(budget / first))))


def main() -> None:
    print(f"milliseconds\n{HEAD}")
    for (t, n), required in TARGETS.items():
        calls = {
            "key generation, per participant": keygen(t, n).participate,
            "nonce and partial signature": signing(t, n).sign_once,
            "aggregation": signing(t, n).aggregate,
        }
        for (name, call), target in zip(calls.items(), required, strict=True):
            print(Target(f"{t} of {n}: {name}", target, least(call), at_most=True))


if __name__ == "__main__":
    main()
