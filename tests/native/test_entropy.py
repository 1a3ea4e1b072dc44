import os

import pytest

from native.curve import mul_base
from native.entropy import random_bytes
from native.errors import LengthError
from native.secret_scalar import random_scalars


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


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_children_of_one_process_draw_unlike_it_and_each_other() -> None:
    def draw() -> bytes:
        return random_bytes(32) + bytes(mul_base(random_scalars())[0])

    drawn = [draw()]
    for _ in range(8):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, draw())
            os._exit(0)
        os.waitpid(child, 0)
        drawn.append(os.read(reader, 100))
        os.close(reader)
        os.close(writer)
    assert len({item[:32] for item in drawn}) == len({item[32:] for item in drawn}) == 9
    assert {len(item) for item in drawn} == {65}
