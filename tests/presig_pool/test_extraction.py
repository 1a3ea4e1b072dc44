"""The extraction of keys works where presignatures are used twice: elsewhere its silence means something."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, sign_share
from native.curve import Scalar
from presig_pool.burning import Use
from presig_pool.pool import Pool
from presig_pool.store import Consumption
from protocol.errors import SecretReuseError
from protocol.ids import PartyId
from tests.presig_pool.extraction import Captured, extracted_keys, pair_of, secrets_of
from tests.presig_pool.memory import MemoryStore
from tests.presig_pool.samples import NOW, X, batch, context, digest, secret, stock

A, B = digest(1), digest(2)
M1, M2 = digest(101), digest(102)
KEY = Scalar(X)


def capture(party: int, used: SigningContext) -> Captured:
    """The share of a party that uses a presignature as often as it is asked to."""
    number = int.from_bytes(used.presignature.session, "big")
    (held,) = [item for item in batch(number, 3, me=party) if item.public == used.presignature]
    return Captured(used, PartyId(party), sign_share(held, used))


def first() -> Presignature:
    return batch(1)[0]


def test_one_share_of_each_gives_nothing() -> None:
    contexts = [context(item.public, digest(200 + i)) for i, item in enumerate(batch(1, 3))]
    captured = [capture(party, used) for used in contexts for party in (0, 1)]
    assert secrets_of(captured * 2) == {}
    assert extracted_keys(captured * 2) == set()


@pytest.mark.parametrize("kind", ["sighash", "path", "contributions"])
def test_a_presignature_used_twice_by_all_gives_the_key(kind: str) -> None:
    public = first().public
    used = context(public, M1)
    again = {
        "sighash": context(public, M2),
        "path": SigningContext(public, SigningRequest(M1, Scalar(5)), used.contributions),
        "contributions": context(public, M1, fresh=1),
    }[kind]
    captured = [capture(party, each) for each in (used, again) for party in (0, 1)]
    assert extracted_keys(captured) == {KEY}


def test_a_presignature_used_twice_by_one_gives_the_key_to_the_others() -> None:
    public = first().public
    captured = [capture(1, context(public, M1)), capture(1, context(public, M2))]
    assert set(secrets_of(captured)) == {(public.id, PartyId(1))}
    assert extracted_keys(captured) == set()
    colluder = pair_of(batch(1, me=0)[0])
    assert extracted_keys(captured, {(public.id, PartyId(0)): colluder}) == {KEY}


def test_two_presignatures_with_one_nonce_point_give_the_key() -> None:
    """Both halves of each share differ; their sums do not."""
    (mine,), (theirs,) = batch(1, me=0), batch(1, me=1)
    wire = [capture(party, context(mine.public, M1)) for party in (0, 1)]
    shift = Scalar(77)
    shares = {PartyId(0): shifted(mine, shift), PartyId(1): shifted(theirs, -shift)}
    public = replace(
        mine.public,
        index=9,
        Delta={j: k * mine.public.Gamma for j, (k, _) in shares.items()},
        S={j: chi * mine.public.Gamma for j, (_, chi) in shares.items()},
    )
    used = context(public, M2)
    for party, (k, chi) in shares.items():
        held = Presignature(public, party, secret(int(k)), secret(int(chi)))
        wire.append(Captured(used, party, sign_share(held, used)))
    assert secrets_of(wire) == {}
    assert extracted_keys(wire) == {KEY}


def shifted(held: Presignature, by: Scalar) -> tuple[Scalar, Scalar]:
    k, chi = pair_of(held)
    return k + by, chi + by


def test_a_wrong_share_gives_nothing() -> None:
    public = first().public
    captured = [capture(1, context(public, M1)), capture(1, context(public, M2))]
    assert secrets_of([captured[0], replace(captured[1], share=captured[1].share + Scalar(1))]) == {}


class ForgetfulStore(MemoryStore):
    """A store that forgets that a presignature was burnt, like a file that is put back from a copy."""

    def burn(self, uses: Sequence[Consumption]) -> None:
        self.uses.update((use.presignature, use) for use in uses)

    def consumption(self, presignature: bytes) -> Consumption | None:
        return self.uses.pop(presignature, None)


@pytest.mark.parametrize("forgetful", [True, False])
def test_a_pool_whose_burning_is_bypassed_gives_the_key(forgetful: bool) -> None:
    wire: list[Captured] = []
    pools = [Pool(ForgetfulStore() if forgetful else MemoryStore()) for _ in range(2)]
    for party, pool in enumerate(pools):
        label = pool.add(batch(1, me=party), NOW)
        pool.confirm(label, {PartyId(0): label, PartyId(1): label}, NOW)
    used = first().public

    def ask(party: int, request: bytes, sighash: bytes) -> None:
        what = context(used, sighash)

        def sign(held: Sequence[Presignature]) -> list[bytes]:
            return [bytes(sign_share(held[0], what))]

        pool = pools[party]
        pool.grant(stock(), request, [used.id], NOW)
        (share,) = pool.burn(request, [Use(used.id, sighash)], sign, NOW)
        wire.append(Captured(what, PartyId(party), Scalar.from_bytes(share)))

    for request, sighash in ((A, M1), (B, M2)):
        for party in (0, 1):
            try:
                ask(party, request, sighash)
            except SecretReuseError:
                assert not forgetful
            pools[party].release(request)
    assert len(wire) == (4 if forgetful else 2)
    assert extracted_keys(wire) == ({KEY} if forgetful else set())
