"""What a presignature gives away if it is misused, computed: what single use and re-randomisation protect.

Each attack first succeeds where its defence is taken away, and then fails where it is not.
"""

from collections.abc import Sequence
from functools import cache

import pytest

from ecdsa_cggmp.presign_messages import MULTIPLY, REVEAL
from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, combine, sign_share
from native.curve import ORDER, G, Point, Scalar
from native.entropy import random_bytes
from native.errors import WipedError
from native.integer import random_ints
from native.secret import SecretInts, SecretScalars
from native.secret_scalar import random_scalars, to_ints
from native.verify import verify_ecdsa
from protocol.ids import PartyId
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, dealt
from tests.ecdsa_cggmp.presign_run import Recorded, corrupted_slot, record
from tests.ecdsa_cggmp.presignatures import context, presignature, secret_key, shares_of

ONE, ZERO = Scalar(1), Scalar(0)


def copies(made: Presignature, count: int) -> list[Presignature]:
    """What a restored backup or a clone has: the burn is bypassed, as nothing in the code can."""
    secrets = [secret.declassify() for secret in made.secrets()]
    return [
        Presignature(made.public, made.party, *(SecretScalars.from_bytes(secret) for secret in secrets))
        for _ in range(count)
    ]


def solved(shares: Sequence[Scalar], contexts: Sequence[SigningContext]) -> tuple[Scalar, Scalar]:
    """k_i and chi_i from sigma c = (m + r delta') k + r chi, twice."""
    (u, r), (v, t) = ((item.request.m + item.r * item.request.tweak, item.r) for item in contexts)
    a, b = (sigma * item.c for sigma, item in zip(shares, contexts, strict=True))
    inverse = (u * t - v * r).invert()
    return (a * t - b * r) * inverse, (u * b - v * a) * inverse


REUSES = {
    "two digests": (SigningRequest(b"\1" * 32, ZERO), SigningRequest(b"\2" * 32, ZERO)),
    "one digest for two child keys": (SigningRequest(b"\1" * 32, Scalar(5)), SigningRequest(b"\1" * 32, ONE)),
    "one request twice, with other contributions": (SigningRequest(b"\1" * 32, ZERO),) * 2,
}


@pytest.mark.parametrize("reuse", REUSES)
def test_two_shares_of_each_signer_are_the_key(reuse: str) -> None:
    """Nonce reuse: x = sum chi_i / sum k_i. The guard is that a share zeroes its presignature."""
    shares = dealt(3, 2)
    made = presignature(shares[0].sharing, secret_key(shares[:2]), (0, 1))
    contexts = [context(made, request) for request in REUSES[reuse]]
    k = chi = ZERO
    for item in made:
        sigma = [sign_share(copy, used) for copy, used in zip(copies(item, 2), contexts, strict=True)]
        k_i, chi_i = solved(sigma, contexts)
        k, chi = k + k_i, chi + chi_i
    assert chi * k.invert() * G == shares[0].sharing.key
    # the same signer, as it is
    sign_share(made[0], contexts[0])
    with pytest.raises(WipedError):
        sign_share(made[0], contexts[1])


# one signer that was rolled back, among corrupted ones


@cache
def session() -> Recorded:
    return record(3, 3, 1)


def test_two_shares_of_one_signer_are_its_key_share_to_all_others() -> None:
    """Rollback of one: the t - 1 corrupted signers know what they multiplied, so they learn x_i.

    chi_i = x_i k_i + sum_j (x_j k_i + y_ji - y_ij), where j has decrypted x_i k_j + y_ij.
    """
    run, victim, corrupted = session(), 0, (1, 2)
    (presignature,) = run.results[victim]
    contexts = [
        SigningContext(presignature.public, request, {PartyId(j): random_bytes(32) for j in range(3)})
        for request in REUSES["two digests"]
    ]
    sigma = [sign_share(copy, used) for copy, used in zip(copies(presignature, 2), contexts, strict=True)]
    k_i, chi_i = solved(sigma, contexts)
    delta = sum((run.rounds[REVEAL, j][0].message.delta[0] for j in range(3)), ZERO)
    k_i, chi_i = k_i * delta, chi_i * delta
    known, k = ZERO, k_i
    for j in corrupted:
        k_j, x_j, y_ji, opened = secrets_of(run, j, victim)
        known += x_j * k_i + y_ji - opened
        k += k_j
    x_i = (chi_i - known) * k.invert()
    plan = run.rounds[MULTIPLY, victim][0].own.plan
    assert x_i * G == plan.public_summand(PartyId(victim))


def secrets_of(run: Recorded, party: int, victim: int) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """What a corrupted signer knows: its k, its summand of the key, its y for the victim, and Dec(D^)."""
    waiting, inbox = run.rounds[MULTIPLY, party]
    own = waiting.own
    message = inbox.decoded[corrupted_slot(MULTIPLY, victim)]
    products = message.products[own.plan.peers(PartyId(victim)).index(PartyId(party))]
    opened = own.aux.own.paillier.decrypt(products.D)
    return number(own.k), number(own.x), integer(waiting.made[PartyId(victim)].y, 1), integer(opened, 1)


def number(secret: SecretScalars) -> Scalar:
    return Scalar.from_bytes(secret.declassify())


def integer(secret: SecretInts, at: int) -> Scalar:
    data = secret.slice(at, 1).declassify()
    return Scalar(int.from_bytes(data, "big", signed=True) % ORDER)


def test_masks_of_products_are_drawn_anew_from_their_whole_interval() -> None:
    """With a mask of 256 bits the owner of K reads x k + y, and so x (ePrint 2021/1621, fast MtA)."""
    run, drawn = record(3, 2, 16), []
    for party in (0, 1):
        y = run.rounds[MULTIPLY, party][0].made[PartyId(1 - party)].y
        data = y.declassify()
        items = (data[at : at + y.size] for at in range(0, len(data), y.size))
        drawn += [int.from_bytes(item, "big", signed=True) for item in items]
    assert len(set(drawn)) == 64
    # one is shorter by 64 bits with 2^-64, and all have one sign with 2^-63
    assert all(TINY.ell_prime - 64 < abs(number).bit_length() < TINY.ell_prime for number in drawn)
    assert min(drawn) < 0 < max(drawn)


def plain(secret: SecretInts) -> list[int]:
    data, size = secret.declassify(), secret.size
    return [int.from_bytes(data[at : at + size], "big", signed=True) for at in range(0, len(data), size)]


def test_products_are_those_of_plain_integers_and_never_the_same_twice() -> None:
    """MtA with negative plaintexts (A-M8), and a fresh unit in each D (A-M10)."""
    owner, count = aux_infos(2)[0].own.paillier, 200
    k, x = random_scalars(count), random_scalars(count)
    y = random_ints(count, TINY.ell_prime)
    K = owner.public.encrypt(to_ints(k)).c
    D, again = (owner.public.affine(K, to_ints(x), y).c for _ in range(2))
    alpha, summand, size = plain(owner.decrypt(D)), plain(y), TINY.ciphertext_bytes
    numbers = [
        [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]
        for data in (k.declassify(), x.declassify())
    ]
    assert min(alpha) < 0 < max(alpha)
    for a, b, c, d in zip(alpha, summand, *numbers, strict=True):
        assert (a - b - c * d) % ORDER == 0
    assert all(D[at : at + size] != again[at : at + size] for at in range(0, count * size, size))
    n = int.from_bytes(owner.public.n, "big")
    first = int.from_bytes(K[:size], "big"), plain(to_ints(x))[0]
    without_unit = pow(*first, n * n) * (1 + summand[0] * n) % (n * n)
    assert without_unit not in (int.from_bytes(D[:size], "big"), int.from_bytes(again[:size], "big"))
    assert plain(owner.decrypt(without_unit.to_bytes(size, "big"))) == alpha[:1]


# ePrint 2021/1330


@pytest.fixture(params=["Gamma itself", "re-randomised"])
def protected(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The same attack with r known before the request, as in figure 10, and as it is here."""
    if request.param == "Gamma itself":
        monkeypatch.setattr(SigningContext, "_randomiser", lambda *_: ONE)
    return request.param == "re-randomised"


def x_of(point: Point) -> Scalar:
    return Scalar.reduce(point.x_bytes)


def low(r: Scalar, s: Scalar) -> bytes:
    return bytes(r) + bytes(-s if int(s) > ORDER // 2 else s)


def test_raw_digest_forges_a_signature_of_another_one(protected: bool) -> None:
    """Groth-Shoup with raw digests (CVE-2025-66017): a signature of h* r / r* is one of h* under a Gamma."""
    shares = dealt(3, 2)
    made = presignature(shares[0].sharing, secret_key(shares[:2]), (0, 1))
    Gamma, a, target = made[0].public.Gamma, Scalar(7), random_bytes(32)
    r, forged_r = x_of(Gamma), x_of(a * Gamma)
    asked = Scalar.reduce(target) * r * forged_r.invert()
    item = context(made, SigningRequest(bytes(asked), ZERO))
    signature = combine(item, shares_of(made, item))
    s = Scalar.from_bytes(signature[32:])
    later_r = x_of(a * item.Gamma)
    forgeries = {
        low(forged, s * forged * (known * a).invert())
        for forged, known in ((forged_r, r), (later_r, item.r), (forged_r, item.r), (later_r, r))
    }
    taken = [forgery for forgery in forgeries if verify_ecdsa(forgery, target, shares[0].sharing.key)]
    assert bool(taken) is not protected


def test_child_key_chosen_before_the_request_has_another_digest_signed(protected: bool) -> None:
    """Groth-Shoup with additive derivation: h - h* = r (d* - d) is solved ahead, with lists of all four."""
    shares = dealt(3, 2)
    sharing = shares[0].sharing
    made = presignature(sharing, secret_key(shares[:2]), (0, 1))
    request, target = SigningRequest(random_bytes(32), Scalar(5)), random_bytes(32)
    r = x_of(made[0].public.Gamma)
    tweak = request.tweak + (request.m - Scalar.reduce(target)) * r.invert()
    item = context(made, request)
    signature = combine(item, shares_of(made, item))
    assert verify_ecdsa(signature, request.digest, item.key)
    assert verify_ecdsa(signature, target, sharing.key + tweak * G) is not protected
