from presig_pool.grants import Grants

A, B = b"a", b"b"
X, Y, Z = b"x", b"y", b"z"


def test_a_grant_lasts_for_a_time_and_can_be_made_longer_or_taken_back() -> None:
    grants = Grants()
    grants.give(A, [X, Y], 10)
    grants.give(B, [Z], 10)
    grants.give(A, [X], 20)
    assert grants.holders(9) == {X: A, Y: A, Z: B}
    assert grants.holders(10) == {X: A}
    assert grants.holders(0) == {X: A}  # what has ended stays so
    assert (grants.of(A), grants.of(B)) == ({X}, frozenset())
    grants.release(B)
    assert grants.holders(19) == {X: A}
    grants.release(A)
    assert grants.holders(0) == {}


def test_nobody_has_what_is_spent_until_the_store_knows() -> None:
    grants = Grants()
    grants.give(A, [X, Y], 10)
    grants.spend([X, Z])
    assert grants.holders(5) == {X: b"", Y: A, Z: b""}
    assert grants.of(A) == {Y}
    assert [grants.is_spent(item) for item in (X, Y, Z)] == [True, False, True]
    grants.release(A)
    assert grants.holders(99) == {X: b"", Z: b""}
    grants.give(A, [X, Y], 10)
    grants.settle([X, Z])
    assert grants.holders(5) == {Y: A}
    assert not grants.is_spent(X)
