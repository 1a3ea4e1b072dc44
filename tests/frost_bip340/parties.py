"""Keys dealt from known secrets, and honest signers."""

import random
from collections.abc import Iterable, Sequence

from frost_bip340.key_share import KeyShare, ThresholdInfo
from frost_bip340.nonce import NonceContext, SecNonce, nonce_gen
from frost_bip340.session import SigningSession
from frost_bip340.signing import sign
from frost_bip340.tweak import Tweak
from native.curve import ORDER, mul_base
from native.secret import SecretScalars, SecretSeed

CHAIN_CODE = bytes(range(32))


def deal(t: int, n: int, rng: random.Random, epoch: int = 0) -> list[KeyShare]:
    """Deal a random key like a dealer whom everybody trusts."""
    return deal_polynomial([rng.randrange(1, ORDER) for _ in range(t)], n, epoch)


def deal_polynomial(coefficients: Sequence[int], n: int, epoch: int = 0) -> list[KeyShare]:
    """Deal the values of a polynomial whose constant coefficient is the secret key."""
    shares = [sum(a * (i + 1) ** k for k, a in enumerate(coefficients)) % ORDER for i in range(n)]
    secrets = [SecretScalars.from_bytes(s.to_bytes(32, "big")) for s in shares]
    thresh_pk = mul_base(SecretScalars.from_bytes(coefficients[0].to_bytes(32, "big")))[0]
    info = ThresholdInfo(len(coefficients), thresh_pk, tuple(mul_base(secret)[0] for secret in secrets))
    return [KeyShare(info, i, secret, CHAIN_CODE, epoch) for i, secret in enumerate(secrets)]


def random_tweaks(rng: random.Random, count: int) -> tuple[Tweak, ...]:
    values = [rng.randrange(ORDER).to_bytes(32, "big") for _ in range(count)]
    return tuple(Tweak.from_bytes(value, is_xonly=rng.random() < 0.5) for value in values)


def fresh_nonce(share: KeyShare, context: NonceContext | None = None) -> SecNonce:
    return nonce_gen(SecretSeed.fresh(), share.secshare, context)


def pubnonces_of(secnonces: dict[int, SecNonce]) -> dict[int, bytes]:
    return {i: secnonce.pubnonce for i, secnonce in secnonces.items()}


def sign_all(
    shares: Sequence[KeyShare], signers: Iterable[int], msg: bytes, tweaks: Sequence[Tweak] = ()
) -> tuple[SigningSession, dict[int, bytes], dict[int, bytes]]:
    """Run a session of honest signers; return it with its public nonces and partial signatures."""
    secnonces = {i: fresh_nonce(shares[i]) for i in signers}
    pubnonces = pubnonces_of(secnonces)
    session = SigningSession.of(shares[0].info, pubnonces, msg, tweaks, shares[0].epoch)
    psigs = {i: sign(secnonce, shares[i], session) for i, secnonce in secnonces.items()}
    return session, pubnonces, psigs
