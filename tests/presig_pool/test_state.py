from itertools import product

import pytest

from presig_pool.errors import PresignatureVoid
from presig_pool.state import TRANSITIONS, Event, State, Stock, after
from protocol.errors import SecretReuseError, UsageError
from protocol.ids import Epoch, PartyId
from tests.presig_pool.samples import batch, sharing, stock

P, R, B, V = State.PENDING, State.READY, State.BURNED, State.VOID
EXPECTED: dict[tuple[State, Event], State | type[Exception]] = {
    (P, Event.CONFIRM): R,
    (P, Event.BURN): UsageError,
    (P, Event.VOID): V,
    (R, Event.CONFIRM): UsageError,
    (R, Event.BURN): B,
    (R, Event.VOID): V,
    (B, Event.CONFIRM): UsageError,
    (B, Event.BURN): SecretReuseError,
    (B, Event.VOID): UsageError,
    (V, Event.CONFIRM): PresignatureVoid,
    (V, Event.BURN): PresignatureVoid,
    (V, Event.VOID): PresignatureVoid,
}


def test_the_expectations_are_exhaustive() -> None:
    assert set(EXPECTED) == set(product(State, Event))


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_state_meets_every_event(state: State, event: Event) -> None:
    expected = EXPECTED[state, event]
    if isinstance(expected, State):
        assert after(state, event) is expected
    else:
        with pytest.raises(expected):
            after(state, event)


def test_nothing_leads_back_and_the_last_states_are_final() -> None:
    rank = {P: 0, R: 1, B: 2, V: 2}
    assert all(rank[end] > rank[start] for (start, _), end in TRANSITIONS.items())
    assert {start for start, _ in TRANSITIONS} == {State.PENDING, State.READY}
    assert [start for start, event in TRANSITIONS if event is Event.BURN] == [R]


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[V, Event.CONFIRM] = R  # type: ignore[index]


def test_a_stock_is_a_key_an_epoch_and_a_signer_set() -> None:
    (item,) = batch(1, signers=(0, 2), me=2, epoch=3)
    assert Stock.of(item.public) == Stock(bytes(sharing().key), Epoch(3), (PartyId(0), PartyId(2)))
    stocks = [stock(), stock((0, 2)), stock(epoch=1), stock(x=5)]
    assert len(set(stocks)) == 4


@pytest.mark.parametrize(
    ("key", "epoch", "signers"),
    [(32, 0, (0, 1)), (33, -1, (0, 1)), (33, 2**63, (0,)), (33, 0, ()), (33, 0, (1, 0)), (33, 0, (1, 1)),
     (33, 0, (0, 128))],
)  # fmt: skip
def test_a_stock_out_of_range_does_not_exist(key: int, epoch: int, signers: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        Stock(bytes(key), Epoch(epoch), tuple(map(PartyId, signers)))
