import pytest

from protocol.errors import UsageError
from protocol.ids import party_id, party_ids, session_id


@pytest.mark.parametrize("value", [-1, 3, 1 << 32, True, False, 1.0, "1", None, b"\x01"])
def test_what_is_no_index_of_a_party_is_refused(value: object) -> None:
    with pytest.raises(UsageError):
        party_id(value, 3)


def test_indices_come_out_ascending() -> None:
    assert party_ids([2, 0], 3) == (0, 2)


def test_repeated_party_is_refused() -> None:
    with pytest.raises(UsageError):
        party_ids([1, 2, 1], 3)


def test_session_id_depends_on_every_contribution_and_their_borders() -> None:
    parts = [bytes([i]) * 16 for i in range(3)]
    seen = {session_id(parts), session_id(parts[::-1]), session_id(parts[:2])}
    seen.add(session_id([parts[0] + b"x", parts[1], parts[2]]))
    seen.add(session_id([parts[0], b"x" + parts[1], parts[2]]))
    seen.add(session_id([bytes(32)]))
    seen.add(session_id([bytes(16), bytes(16)]))
    assert len(seen) == 7
    assert all(len(session) == 32 for session in seen)


@pytest.mark.parametrize("contributions", [[], [bytes(15)], [bytes(16), bytes(65)]])
def test_contribution_of_another_size_is_refused(contributions: list[bytes]) -> None:
    with pytest.raises(UsageError):
        session_id(contributions)
