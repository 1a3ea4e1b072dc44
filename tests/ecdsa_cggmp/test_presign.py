"""Presigning among honest signers: what comes out, for which signers, in which order of messages."""

import gc
import random
from dataclasses import replace
from itertools import combinations

import pytest

from ecdsa_cggmp.params import SECURITY_128
from ecdsa_cggmp.presign import participate, presign_spec
from ecdsa_cggmp.presignature import Presignature, PublicPresignature, batch_digest
from ecdsa_cggmp.sign import SigningContext, SigningRequest, combine, sign_share
from native.curve import ORDER, G, Scalar, mul_secret, sum_points
from native.entropy import random_bytes
from native.errors import WipedError
from native.secret import Secret, SecretScalars
from protocol.codec import decode
from protocol.driver import Tamper
from protocol.errors import EncodingError, UsageError
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_infos, dealt, presign_plan

LIMIT = 1 << 16


def number(secret: SecretScalars) -> int:
    return int.from_bytes(secret.declassify(), "big")


def presigned(n, t, signers, batch, tamper=None, params=TINY):
    """Shares of a new key, and the presignatures of some signers, by index."""
    parties, shares = Parties(n), dealt(n, t)
    outcomes = parties.presign(shares, signers, batch, tamper, params)
    assert [outcome.error for outcome in outcomes.values()] == [None] * t
    return shares, list(zip(*(outcomes[i].result for i in signers), strict=True))


def assert_good(shares, made: tuple[Presignature, ...]) -> None:
    """All signers hold the same public part, and sum k = 1/gamma, sum chi = x/gamma."""
    public, sharing = made[0].public, shares[0].sharing
    assert all(item.public == public and item.public.id == public.id for item in made)
    assert tuple(item.party for item in made) == public.signers
    assert sum_points(list(public.Delta.values())) == G
    assert sum_points(list(public.S.values())) == sharing.key
    k, chi = (sum(number(getattr(item, name)) for item in made) % ORDER for name in ("k", "chi"))
    # k gamma = 1 and chi gamma = x, in the exponent
    assert Scalar(k) * public.Gamma == G
    assert Scalar(chi) * public.Gamma == sharing.key
    for item in made:
        assert list(mul_secret(item.k, [public.Gamma])) == [public.Delta[item.party]]


def signs(made: tuple[Presignature, ...]) -> bytes:
    contributions = {item.party: random_bytes(32) for item in made}
    request = SigningRequest(random_bytes(32), Scalar.reduce(random_bytes(32)))
    context = SigningContext(made[0].public, request, contributions)
    return combine(context, {item.party: sign_share(item, context) for item in made})


# all other groups of up to seven sign in test_sign.py, with presignatures that a dealer makes
SLOW_GROUPS = [pytest.param(t, n, marks=pytest.mark.slow) for t, n in ((2, 7), (3, 5), (4, 5), (7, 7))]


@pytest.mark.parametrize(("t", "n"), [(2, 4), (3, 4), (5, 5), *SLOW_GROUPS])
def test_every_set_of_t_signers_makes_presignatures_that_sign(t, n):
    shares = dealt(n, t)
    parties = Parties(n)
    for signers in combinations(range(n), t):
        outcomes = parties.presign(shares, signers)
        (made,) = zip(*(outcomes[i].result for i in signers), strict=True)
        assert_good(shares, made)
        assert len(signs(made)) == 64


@pytest.mark.parametrize("batch", [1, 2, 7, 33])
def test_batch(batch):
    shares, made = presigned(3, 2, (0, 2), batch)
    assert len(made) == batch
    for index, item in enumerate(made):
        assert item[0].public.index == index
        assert_good(shares, item)
    assert len({item[0].public.Gamma for item in made}) == batch
    assert len({item[0].public.id for item in made}) == batch
    assert len(signs(made[-1])) == 64


def test_order_of_messages_does_not_matter():
    rng = random.Random(3)
    shares, made = presigned(3, 3, (0, 1, 2), 1, Tamper(pick=rng.randrange))
    assert_good(shares, made[0])


def test_tables_of_randomness_change_nothing(monkeypatch):
    aux = aux_infos(2, TINY)
    for i in range(2):
        monkeypatch.setattr(aux[i], "_tables", {})
        for j in range(2):
            aux[i].build_table(j)
    shares, made = presigned(2, 2, (0, 1), 3)
    for item in made:
        assert_good(shares, item)
    assert len(signs(made[0])) == 64


@pytest.mark.slow
@pytest.mark.parametrize(("t", "n"), [(2, 3), (3, 5)])
def test_full_size(t, n):
    shares, made = presigned(n, t, tuple(range(n - t, n)), 2, params=SECURITY_128)
    for item in made:
        assert_good(shares, item)
        assert len(signs(item)) == 64


def test_end_of_a_session_zeroes_all_but_the_presignatures():
    parties, shares = Parties(2), dealt(2, 2)
    spec = presign_spec(TINY)
    sessions = parties.sessions(spec, (0, 1), bytes(presign_plan(shares, (0, 1))))
    aux = aux_infos(2, TINY)
    before = live()
    openings = {i: participate(session, shares[i], aux[i]) for i, session in sessions.items()}
    outcomes = parties.run(sessions, lambda session: openings[session.me])
    kept = {
        id(secret) for outcome in outcomes.values() for item in outcome.result for secret in item.secrets()
    }
    # the first rounds are still in openings
    assert live().keys() - before.keys() == kept


def live() -> dict[int, Secret]:
    """By their ids, which are of no others as long as they are held here."""
    gc.collect()
    return {id(o): o for o in gc.get_objects() if isinstance(o, Secret) and o._owner}


# storage


@pytest.fixture(scope="module")
def stored():
    return presigned(4, 3, (0, 2, 3), 2)


def test_public_part_survives_its_encoding(stored):
    _, made = stored
    public = made[1][0].public
    data = bytes(public)
    assert len(data) == 112 + 33 * 4 + 67 * 3
    again = decode(data, LIMIT, PublicPresignature.read)
    assert again == public
    assert again.id == public.id
    sums = data[:-33] + bytes(G)  # another S of the last signer
    for wrong in (data[:-1], data + b"\0", b"", bytes(len(data)), data[:43] + bytes(33) + data[76:], sums):
        with pytest.raises(EncodingError):
            decode(wrong, LIMIT, PublicPresignature.read)


def test_presignature_is_made_of_stored_parts_and_no_others(stored):
    _, made = stored
    mine, peer = made[0][0], made[0][1]
    k, chi = (SecretScalars.from_bytes(secret.declassify()) for secret in mine.secrets())
    public = decode(bytes(mine.public), LIMIT, PublicPresignature.read)
    Presignature(public, mine.party, k, chi)
    two = SecretScalars.concat([k, chi])
    for party, parts in (
        (mine.party, (chi, k)),
        (mine.party, (k, peer.chi)),
        (mine.party, (peer.k, chi)),
        (peer.party, (k, chi)),
        (1, (k, chi)),
        (mine.party, (two, chi)),
        (mine.party, (k, two)),
    ):
        with pytest.raises(UsageError):
            Presignature(public, party, *parts)
    with pytest.raises(UsageError):
        Presignature(made[1][0].public, mine.party, k, chi)
    k.wipe()
    with pytest.raises(WipedError):
        Presignature(public, mine.party, k, chi)


def test_public_part_refuses_values_that_do_not_fit(stored):
    public = stored[1][0][0].public
    swapped = dict(zip(public.signers, list(public.S.values())[::-1], strict=True))
    for changed in (
        {"signers": (0, 1, 2)},
        {"signers": (0, 2)},
        {"Delta": {**public.Delta, 0: G}},
        {"S": {**public.S, 0: G}},
        {"S": {j: public.S[j] for j in (3, 2, 0)}},
        {"Delta": {j: public.Delta[j] for j in (3, 2, 0)}},
        {
            "signers": (3, 2, 0),
            "Delta": {j: public.Delta[j] for j in (3, 2, 0)},
            "S": {j: public.S[j] for j in (3, 2, 0)},
        },
        {"Delta": public.S, "S": public.Delta},
        {"sharing": replace(public.sharing, key=G)},
        {"sharing": replace(public.sharing, t=2)},
        {"session": b"short"},
        {"index": -1},
    ):
        with pytest.raises(UsageError):
            replace(public, **changed)
    assert replace(public, S=swapped).id != public.id


def test_digest_of_a_batch_depends_on_every_public_value(stored):
    _, made = stored
    publics = [item[0].public for item in made]
    assert batch_digest(publics) == batch_digest([item[2].public for item in made])
    first = publics[0]
    swapped = dict(zip(first.signers, list(first.S.values())[::-1], strict=True))
    others = [
        replace(first, S=swapped),
        replace(first, index=7),
        replace(first, session=bytes(32)),
        replace(first, sharing=replace(first.sharing, epoch=5)),
    ]
    digests = {batch_digest(publics), batch_digest(publics[::-1]), batch_digest(publics[:1])}
    digests |= {batch_digest([other, publics[1]]) for other in others}
    assert len(digests) == 3 + len(others)
