import importlib.util
import threading
from collections.abc import Iterator
from dataclasses import astuple, replace
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from native.errors import WipedError
from native.hashing import tagged_hash
from protocol.codec import Reader, Writer
from storage import kdf
from storage.errors import CorruptError, StorageError
from storage.kdf import CEILING, Cost, derive_key
from tests.storage.cheap import CHEAP
from tests.storage.samples import phrase

SALT = bytes(range(16))


@pytest.fixture
def real_costs() -> Iterator[None]:
    """The constants as programs have them."""
    fresh = importlib.util.module_from_spec(kdf.__spec__)
    kdf.__spec__.loader.exec_module(fresh)
    default, floor = (Cost(*astuple(cost)) for cost in (fresh.DEFAULT, fresh.FLOOR))
    with patch.object(kdf, "DEFAULT", default), patch.object(kdf, "FLOOR", floor):
        yield


def test_argon2id_is_that_of_rfc_9106() -> None:
    # RFC 9106, section 5.3
    parameters = {"iterations": 3, "lanes": 4, "memory_cost": 32, "secret": b"\x03" * 8, "ad": b"\x04" * 12}
    tag = Argon2id(salt=b"\x02" * 16, length=32, **parameters).derive(b"\x01" * 32)
    assert tag.hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


@pytest.mark.parametrize("cost", [CHEAP, Cost(1 << 10, 2, 4), Cost(256, 5, 3)])
def test_the_key_is_argon2id_of_a_hash_of_the_passphrase(cost: Cost) -> None:
    expected = Argon2id(
        salt=SALT, length=32, iterations=cost.iterations, lanes=cost.lanes, memory_cost=cost.memory_kib
    ).derive(tagged_hash("mpcwallet/passphrase", b"caf\xc3\xa9"))
    assert derive_key(phrase("cafe\u0301"), SALT, cost).declassify() == expected


@pytest.mark.usefixtures("real_costs")
def test_programs_use_256_mib_and_accept_no_less_than_64() -> None:
    assert Cost(256 << 10, 3, 4) == kdf.DEFAULT
    assert Cost(64 << 10, 3, 4) == kdf.FLOOR
    kdf.DEFAULT.check()
    kdf.FLOOR.check()
    CEILING.check()


@pytest.mark.usefixtures("real_costs")
@pytest.mark.parametrize(
    "weaker", [CHEAP, Cost((64 << 10) - 1, 3, 4), Cost(64 << 10, 2, 4), Cost(64 << 10, 3, 0), Cost(0, 0, 0)]
)
def test_a_cost_below_the_floor_is_refused_before_anything_is_derived(weaker: Cost) -> None:
    with patch.object(kdf, "Argon2id") as argon2, pytest.raises(CorruptError, match="weaker"):
        derive_key(phrase(), SALT, weaker)
    assert not argon2.called


@pytest.mark.parametrize(
    "harder",
    [
        replace(CEILING, memory_kib=CEILING.memory_kib + 1),
        replace(CEILING, iterations=CEILING.iterations + 1),
        replace(CEILING, lanes=CEILING.lanes + 1),
    ],
)
def test_a_cost_above_the_ceiling_is_refused_before_anything_is_derived(harder: Cost) -> None:
    with patch.object(kdf, "Argon2id") as argon2, pytest.raises(CorruptError, match="harder"):
        derive_key(phrase(), SALT, harder)
    assert not argon2.called


def test_too_little_memory_is_told() -> None:
    with patch.object(kdf, "Argon2id", side_effect=MemoryError), pytest.raises(StorageError, match="MiB"):
        derive_key(phrase(), SALT, Cost(1 << 20, 3, 4))


def test_a_wiped_passphrase_derives_nothing() -> None:
    passphrase = phrase()
    passphrase.wipe()
    with pytest.raises(WipedError):
        derive_key(passphrase, SALT, CHEAP)


def test_a_cost_is_read_as_it_was_written() -> None:
    data = bytes(Cost(1 << 20, 9, 8).write(Writer()))
    assert data.hex() == "00100000" + "00000009" + "08"
    assert Cost.read(Reader(data)) == Cost(1 << 20, 9, 8)


def test_derivations_of_several_threads_end() -> None:
    # without a lock, OpenSSL lets most of these threads wait for ever
    def derive() -> None:
        for _ in range(5):
            derive_key(phrase(), SALT, Cost(1024, 1, 4)).wipe()

    threads = [threading.Thread(target=derive, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not any(thread.is_alive() for thread in threads)
