"""Online signing: wrong shares, presignatures used twice, what c depends on; signatures: test_spends.py."""

import random
import threading
from dataclasses import replace
from hashlib import sha256
from itertools import combinations
from unittest.mock import patch

import pytest

from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, combine, sign_share
from native.curve import ORDER, G, Point, Scalar
from native.errors import WipedError
from native.secret import SecretScalars
from native.secret_scalar import random_scalars
from native.verify import verify_ecdsa
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.resharing.plan import Sharing
from tests.ecdsa_cggmp.network import dealt
from tests.ecdsa_cggmp.presignatures import context, presignature, secret_key, shares_of

ONE = Scalar(1)


class Key:
    """A key of t of n, and presignatures of it."""

    def __init__(self, t: int = 3, n: int = 5, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self.t, self.n = t, n
        self.shares = dealt(n, t)
        self.sharing = self.shares[0].sharing
        self.x = secret_key(self.shares[:t])

    def presign(self, signers=None) -> tuple[Presignature, ...]:
        chosen = sorted(self.rng.sample(range(self.n), self.t)) if signers is None else signers
        return presignature(self.sharing, self.x, chosen)

    def request(self, tweak: int | None = None) -> SigningRequest:
        number = self.rng.randrange(ORDER) if tweak is None else tweak
        return SigningRequest(self.rng.randbytes(32), Scalar(number))


@pytest.fixture(scope="module")
def key():
    return Key()


@pytest.mark.parametrize(("t", "n"), [(t, n) for n in range(1, 8) for t in range(1, n + 1)])
def test_every_set_of_t_signers_signs(t, n):
    key = Key(t, n)
    for signers in combinations(range(n), t):
        made, request = key.presign(signers), key.request()
        item = context(made, request)
        assert verify_ecdsa(combine(item, shares_of(made, item)), request.digest, item.key)


def test_presignature_signs_once(key):
    made = key.presign()
    first, second = (context(made, key.request()) for _ in range(2))
    sign_share(made[0], first)
    for again in (first, second):
        with pytest.raises(WipedError):
            sign_share(made[0], again)
    for secret in made[0].secrets():
        with pytest.raises(WipedError):
            secret.declassify()


def test_of_two_threads_one_gets_a_share(key):
    made = key.presign()
    first, second = (context(made, key.request()) for _ in range(2))
    concat, got = SecretScalars.concat, []

    def sign():
        try:
            got.append(sign_share(made[0], second))
        except WipedError:
            got.append(None)

    def meanwhile(parts):
        # another thread signs while this one has its hands on the secrets
        with patch.object(SecretScalars, "concat", concat):
            other = threading.Thread(target=sign)
            other.start()
            other.join()
        return concat(parts)

    with patch.object(SecretScalars, "concat", meanwhile):
        sign_share(made[0], first)
    assert got == [None]


def test_presignature_is_gone_after_a_context_of_another(key):
    made, other = key.presign((0, 1, 2)), key.presign((0, 1, 2))
    with pytest.raises(UsageError, match="another presignature"):
        sign_share(made[0], context(other, key.request()))
    with pytest.raises(WipedError):
        sign_share(made[0], context(made, key.request()))


def test_each_wrong_share_is_named(key):
    made = key.presign((0, 2, 4))
    item = context(made, key.request())
    right = shares_of(made, item)
    assert all(item.share_holds(j, sigma) for j, sigma in right.items())
    for wrong in ({0}, {4}, {0, 2}, {0, 2, 4}):
        shares = {j: sigma + ONE if j in wrong else sigma for j, sigma in right.items()}
        with pytest.raises(FaultyPartyError) as caught:
            combine(item, shares)
        assert dict(caught.value.culprits) == dict.fromkeys(wrong, "signature share")
        assert not any(bytes(sigma).hex() in str(caught.value) for sigma in shares.values())
    for bad in (Scalar(0), -right[2], right[0]):
        with pytest.raises(FaultyPartyError) as caught:
            combine(item, {**right, 2: bad})
        assert dict(caught.value.culprits) == {2: "signature share"}


def test_errors_that_cancel_out_harm_nobody(key):
    made = key.presign((0, 2, 4))
    item = context(made, key.request())
    right = shares_of(made, item)
    shifted = {**right, 0: right[0] + ONE, 4: right[4] - ONE}
    assert combine(item, shifted) == combine(item, right)


@pytest.mark.parametrize("lie", ["digest", "tweak", "contribution", "presignature"])
def test_share_for_anything_else_is_wrong(key, lie):
    made = key.presign((0, 2, 4))
    request = key.request()
    item = context(made, request)
    other = {
        "digest": lambda: replace(item, request=replace(request, digest=bytes(32))),
        "tweak": lambda: replace(item, request=replace(request, tweak=request.tweak + ONE)),
        "contribution": lambda: replace(item, contributions={**item.contributions, 2: bytes(32)}),
        "presignature": lambda: context(key.presign((0, 2, 4)), request),
    }[lie]()
    assert other.c != item.c
    assert other.r != item.r
    if lie == "presignature":
        liar = key.presign((0, 2, 4))[0]
        sigma = sign_share(liar, replace(item, presignature=liar.public))
    else:
        sigma = sign_share(made[0], other)
    shares = {j.party: sign_share(j, item) for j in made[1:]} | {0: sigma}
    with pytest.raises(FaultyPartyError) as caught:
        combine(item, dict(sorted(shares.items())))
    assert dict(caught.value.culprits) == {0: "signature share"}


def test_stale_presignature_makes_no_share_of_the_new_epoch(key):
    made = key.presign((0, 2, 4))
    newer = replace(made[0].public, sharing=replace(key.sharing, epoch=1))
    assert newer.id != made[0].public.id
    with pytest.raises(UsageError):
        sign_share(made[0], replace(context(made, key.request()), presignature=newer))


def test_contributions_and_shares_are_those_of_all_signers_and_of_nobody_else(key):
    made = key.presign((0, 2, 4))
    item = context(made, key.request())
    given = item.contributions
    for wrong in (
        {},
        {j: given[j] for j in (0, 2)},
        {**given, 1: bytes(32)},
        {0: given[0], 2: given[2], 3: given[4]},
        {**given, 2: bytes(31)},
        {**given, 2: bytes(33)},
        {**given, 2: b""},
    ):
        with pytest.raises(UsageError):
            SigningContext(item.presignature, item.request, wrong)
    right = shares_of(made, item)
    for shares in (
        {},
        {0: right[0], 2: right[2]},
        {**right, 1: ONE},
        {0: right[0], 2: right[2], 3: right[4]},
    ):
        with pytest.raises(UsageError):
            combine(item, shares)


def test_c_depends_on_everything_that_is_signed(key):
    made = key.presign((0, 2, 4))
    item = context(made, key.request())
    given = item.contributions
    public = made[0].public
    request = item.request
    others = [
        *(replace(item, contributions={**given, j: bytes(32)}) for j in given),
        replace(item, contributions={0: given[2], 2: given[0], 4: given[4]}),
        replace(item, request=replace(request, digest=sha256(request.digest).digest())),
        replace(item, request=replace(request, tweak=request.tweak + ONE)),
        replace(item, presignature=replace(public, index=1)),
        replace(item, presignature=replace(public, session=bytes(32))),
        replace(item, presignature=replace(public, sharing=replace(public.sharing, epoch=9))),
    ]
    assert len({item.c, *(other.c for other in others)}) == 1 + len(others)
    assert item.Gamma == item.c * public.Gamma
    assert item.r == Scalar.reduce(item.Gamma.x_bytes)


def test_digest_of_another_length_is_refused():
    for size in (0, 20, 31, 33, 64):
        with pytest.raises(UsageError):
            SigningRequest(bytes(size), Scalar(0))


def test_child_key_at_infinity_is_refused():
    key = Key(1, 1)
    x = Scalar.from_bytes(key.x.declassify())
    with pytest.raises(UsageError, match="infinity"):
        context(key.presign(), SigningRequest(bytes(32), -x))


def test_digest_that_is_zero_modulo_q_is_signed(key):
    for digest in (bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32):
        made = key.presign()
        item = context(made, SigningRequest(digest, Scalar(0)))
        assert verify_ecdsa(combine(item, shares_of(made, item)), digest, key.sharing.key)


def test_nonce_at_infinity_is_refused(key, monkeypatch):
    made = key.presign()
    monkeypatch.setattr(SigningContext, "_randomiser", lambda *_: Scalar(0))
    with pytest.raises(UsageError, match="degenerate"):
        context(made, key.request())


def with_nonce(Gamma: Point) -> PublicPresignature:
    """Parts that add up, of two signers; nobody knows their logarithms to the base Gamma."""
    sharing = Sharing(Scalar(5) * G, 2, (Scalar(7) * G, Scalar(9) * G), 3)
    Delta, S = {0: Scalar(3) * G, 1: Scalar(ORDER - 2) * G}, {0: Scalar(2) * G, 1: Scalar(3) * G}
    return PublicPresignature(bytes(range(32)), 4, sharing, (0, 1), Gamma, Delta, S)


def test_nonce_whose_r_is_zero_is_refused(monkeypatch):
    """x = q is on the curve."""
    p = 2**256 - 2**32 - 977
    y = pow(ORDER**3 + 7, (p + 1) // 4, p)
    public = with_nonce(Point(ORDER.to_bytes(32, "big") + y.to_bytes(32, "big")))
    monkeypatch.setattr(SigningContext, "_randomiser", lambda *_: ONE)
    with pytest.raises(UsageError, match="degenerate"):
        SigningContext(public, SigningRequest(bytes(32), Scalar(0)), dict.fromkeys((0, 1), bytes(32)))


def test_c_of_fixed_values_is_what_it_was():
    """Signers of two versions must agree on it."""
    public = with_nonce(Scalar(11) * G)
    request = SigningRequest(bytes(range(32, 64)), Scalar(13))
    item = SigningContext(public, request, {0: bytes([1]) * 32, 1: bytes([2]) * 32})
    assert public.id.hex() == "166f7a22c1f7ddfacc9b99c216cfa3941519429aa490443056b36c48a4666887"
    assert bytes(item.c).hex() == "adc98590626aa6e711d39af7c0b1354c7675b4cbc9e8f813368366dc96754a34"


def test_shares_that_hold_and_add_up_to_nothing_blame_nobody(key, monkeypatch):
    made = key.presign((0, 2, 4))
    item = context(made, key.request())
    monkeypatch.setattr(SigningContext, "share_holds", lambda *_: True)
    with pytest.raises(UnattributedAbort) as caught:
        combine(item, dict.fromkeys((0, 2, 4), Scalar(0)))
    assert caught.value.check == "signature"


def test_dealer_of_these_tests_makes_what_presigning_does(key):
    made = key.presign()
    assert made[0].k.count == 1
    with pytest.raises(UsageError):
        presignature(key.sharing, random_scalars(), (0, 1, 2))
