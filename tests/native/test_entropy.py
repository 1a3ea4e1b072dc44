import pytest

from native.entropy import random_bytes
from native.errors import LengthError


@pytest.mark.parametrize("size", [0, 1, 32, 255, 256, 257, 100_000])
def test_the_size_is_as_asked(size: int) -> None:
    assert len(random_bytes(size)) == size


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(LengthError):
        random_bytes(-1)


def test_draws_differ() -> None:
    assert len({random_bytes(16) for _ in range(1000)}) == 1000


def test_every_byte_of_the_buffer_is_drawn() -> None:
    seen = [0] * 300
    for _ in range(20):
        seen = [a | b for a, b in zip(seen, random_bytes(300), strict=True)]
    assert all(seen)
