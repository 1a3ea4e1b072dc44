"""500 inputs of transactions: libsecp256k1 and the consensus library take each signature, and no other."""

import hmac
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from coincurve import PublicKey
from coincurve.ecdsa import cdata_to_der, deserialize_compact

from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.sign import SigningRequest, combine
from native.curve import ORDER, G, Point, Scalar
from tests.ecdsa_cggmp.network import CHAIN_CODE, Parties, dealt
from tests.ecdsa_cggmp.presignatures import context, presignature, secret_key, shares_of
from tests.ecdsa_cggmp.sign_run import sign_in_session
from tests.wallet.signer import consensus_verdicts
from wallet.bip32 import ExtendedKey, hash160
from wallet.script import p2wpkh
from wallet.sighash import SighashCache
from wallet.signature import encode_ecdsa
from wallet.tx import OutPoint, Transaction, TxIn, TxOut

INPUTS = 50


@dataclass(frozen=True)
class Child:
    """A key of the wallet, and the sum of the tweaks that lead to it."""

    key: bytes
    tweak: Scalar


def child_of(key: Point, path: Sequence[int]) -> Child:
    """Derive by the formula of BIP-32, and compare with the wallet."""
    parent, chain_code, tweak = key, CHAIN_CODE, Scalar(0)
    for index in path:
        digest = hmac.digest(chain_code, bytes(parent) + index.to_bytes(4, "big"), "sha512")
        step = Scalar.from_bytes(digest[:32])
        tweak, parent, chain_code = tweak + step, parent + step * G, digest[32:]
    assert ExtendedKey(bytes(key), CHAIN_CODE).derive(path).key == bytes(parent)
    return Child(bytes(parent), tweak)


class Spend:
    """A transaction that spends one P2WPKH coin of each of some children of a key."""

    def __init__(self, key: Point, rng: random.Random) -> None:
        self.children = [
            child_of(key, [rng.randrange(1 << 31) for _ in range(rng.randrange(4))]) for _ in range(INPUTS)
        ]
        self.spent = [
            TxOut(rng.randrange(1_000, 10**8), p2wpkh(hash160(child.key))) for child in self.children
        ]
        inputs = tuple(TxIn(OutPoint(rng.randbytes(32), rng.randrange(9))) for _ in range(INPUTS))
        paid = TxOut(rng.randrange(1_000, 10**6), p2wpkh(rng.randbytes(20)))
        self.tx = Transaction(inputs, (paid,))
        cache = SighashCache(self.tx, self.spent)
        self.requests = [
            SigningRequest(cache.segwit_v0(i, hash160(child.key)), child.tweak)
            for i, child in enumerate(self.children)
        ]

    def taken_by_libsecp256k1(self, signatures: Sequence[bytes]) -> list[bool]:
        return [
            PublicKey(child.key).verify(
                cdata_to_der(deserialize_compact(signature)), request.digest, hasher=None
            )
            for child, request, signature in zip(self.children, self.requests, signatures, strict=True)
        ]

    def taken_by_consensus(self, signatures: Sequence[bytes]) -> list[bool]:
        witnesses = tuple(
            (encode_ecdsa(signature), child.key)
            for child, signature in zip(self.children, signatures, strict=True)
        )
        return consensus_verdicts(self.tx.with_witnesses(witnesses), self.spent)


def flipped(signature: bytes, rng: random.Random) -> bytes:
    """Another signature that is one by its form: r and s are in range, and s is low."""
    while True:
        bit = rng.randrange(8 * len(signature))
        changed = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(64, "big")
        r, s = (int.from_bytes(changed[at : at + 32], "big") for at in (0, 32))
        if 0 < r < ORDER and 0 < s <= ORDER // 2:
            return changed


def expect_spent(spend: Spend, signatures: Sequence[bytes], rng: random.Random) -> None:
    everything = [True] * INPUTS
    assert spend.taken_by_libsecp256k1(signatures) == everything
    assert spend.taken_by_consensus(signatures) == everything
    assert all(int.from_bytes(signature[32:], "big") <= ORDER // 2 for signature in signatures)
    wrong = [flipped(signature, rng) for signature in signatures]
    assert not any(spend.taken_by_libsecp256k1(wrong))
    assert not any(spend.taken_by_consensus(wrong))
    # nor is any of them one of its neighbour
    assert not any(spend.taken_by_consensus([*signatures[1:], signatures[0]]))


@pytest.mark.parametrize("seed", range(9))
def test_450_inputs_are_signed_by_random_quorums_of_random_keys(seed: int) -> None:
    """The presignatures are a dealer's."""
    rng = random.Random(f"spend {seed}")
    n = rng.randint(2, 7)
    t = rng.randint(2, n)
    shares = dealt(n, t)
    sharing, x = shares[0].sharing, secret_key(shares[:t])
    spend = Spend(sharing.key, rng)
    signatures, high = [], 0
    for request in spend.requests:
        made = presignature(sharing, x, sorted(rng.sample(range(n), t)))
        item = context(made, request)
        sigma = shares_of(made, item)
        high += int(sum(sigma.values(), Scalar(0))) > ORDER // 2
        signatures.append(combine(item, sigma))
        # the nonce is not the one that was known before
        assert signatures[-1][:32] != made[0].public.Gamma.x_bytes
    expect_spent(spend, signatures, rng)
    # half of all s are normalised
    assert 5 < high < 45


def test_50_inputs_are_signed_by_presignatures_of_the_protocol() -> None:
    """Two pairs of a 2-of-3 key presign 25 each, and sign their inputs in a session each."""
    rng, parties, shares = random.Random("spend"), Parties(3, coordinated=True), dealt(3, 2)
    spend = Spend(shares[0].sharing.key, rng)
    signatures = [
        *signed(parties, shares, (0, 2), spend.requests[:25]),
        *signed(parties, shares, (1, 2), spend.requests[25:]),
    ]
    expect_spent(spend, signatures, rng)


def signed(
    parties: Parties, shares: Sequence[KeyShare], pair: tuple[int, int], requests: Sequence[SigningRequest]
) -> tuple[bytes, ...]:
    """Presign, and sign all requests in one session."""
    made = {i: outcome.result for i, outcome in parties.presign(shares, pair, len(requests)).items()}
    return sign_in_session(parties, made, requests)
