"""Where secrets are not: in no file, in no ordinary memory, in no text."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from native.exposure import encode
from native.hashing import tagged_hash
from native.secret import SecretBytes, SecretScalars, SecretSeed
from protocol.ids import PartyId
from storage.envelope import seal_all
from storage.kdf import Cost, derive_key
from storage.parties import PartyStore
from storage.passphrase import Passphrase
from tests.storage.samples import RECOVERY, ROOT, drop_share, entry, key_shares, phrase, put_refreshed

WORDS = "correct horse battery staple"


def forms(secret: bytes) -> list[bytes]:
    """A secret as it could have been written."""
    return [secret, secret[::-1], secret.hex().encode(), secret.hex().upper().encode()]


def test_no_secret_is_in_any_file(tmp_path: Path) -> None:
    path = tmp_path / "1" / "party.db"
    host_key = SecretScalars.from_bytes(bytes(range(1, 33)))
    old, new = key_shares()[1], key_shares(epoch=1)[1]
    secrets = [host_key.declassify(), old.secshare.declassify(), new.secshare.declassify(), WORDS.encode()]
    store = PartyStore.create(path, PartyId(1), phrase(WORDS))
    secrets.append(encode(store._vault._master).declassify())
    seen = set()

    def look() -> None:
        for file in tmp_path.rglob("*"):
            if file.is_file():
                seen.add(file.name)
                data = file.read_bytes()
                for secret in secrets:
                    assert not any(form in data for form in forms(secret)), file

    look()
    for act in (
        lambda: store.put_host_key(host_key),
        lambda: store.put_share(old, RECOVERY),
        lambda: put_refreshed(store, new),
        lambda: drop_share(store, bytes(old.info.thresh_pk), 0),
        lambda: store.record(entry()),
        lambda: store.change_passphrase(phrase(WORDS), phrase("another one")),
        store.close,
    ):
        act()
        look()
    assert seen == {"party.db", "party.db-wal"}


def test_no_secret_is_in_a_text(tmp_path: Path) -> None:
    with PartyStore.create(tmp_path / "1" / "party.db", PartyId(1), phrase(WORDS)) as store:
        share = key_shares()[1]
        store.put_share(share, RECOVERY)
        again = store.share(bytes(share.info.thresh_pk))
        secret = share.secshare.declassify().hex()
        texts = [repr(again), str(again), repr(store), repr(store.shares()), repr(phrase(WORDS))]
        texts += [repr(store._vault.read(row)) for row in store._vault.rows("share")]
    assert not any(secret in text or WORDS in text for text in texts)


CHILD = """
    import sys
    from pathlib import Path
    from native.secret import SecretScalars
    from protocol.ids import PartyId
    from storage import kdf
    from storage.parties import PartyStore
    from storage.passphrase import Passphrase
    cost = kdf.Cost(1024, 2, 2)
    kdf.DEFAULT = kdf.FLOOR = cost

    def secret(size, formula):
        item = bytearray(size)  # one made of an iterator would leave a copy
        for i in range(size):
            item[i] = formula(i)
        return item

    def words():
        return Passphrase(secret(40, lambda i: 33 + (i * 29 + 5) % 90))

    def stop(name):
        print(name, flush=True)
        sys.stdin.readline()

    path = Path(sys.argv[1])
    item = secret(32, lambda i: (i * 37 + 11) % 251)
    key = SecretScalars.from_bytes(item)
    item[:] = bytes(32)
    passphrase = words()
    with PartyStore.create(path, PartyId(0), passphrase) as store:
        store.put_host_key(key)
    key.wipe()
    passphrase.wipe()
    store = PartyStore.open(path)
    with words() as passphrase:
        store.unseal(passphrase)
    key = store.host_key()
    stop("held")
    key.wipe()
    store.close()
    stop("wiped")
"""


def found(pid: int, needles: dict[str, bytes]) -> dict[str, list[bool]]:
    """For each needle, whether each place where it stands in a process is in locked memory."""
    places: dict[str, list[bool]] = {name: [] for name in needles}
    smaps = Path(f"/proc/{pid}/smaps").read_text().splitlines()
    areas: list[tuple[int, int, bool]] = []
    for line in smaps:
        key, _, rest = line.partition(" ")
        if key == "VmFlags:":
            areas[-1] = (*areas[-1][:2], "lo" in rest.split())
        elif not key.endswith(":") and " rw" in line:
            start, end = (int(bound, 16) for bound in key.split("-"))
            areas.append((start, end, False))
        elif not key.endswith(":"):
            areas.append((0, 0, False))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, locked in areas:
            memory.seek(start)
            content = memory.read(end - start) if end else b""
            for name, needle in needles.items():
                places[name] += [locked] * content.count(needle)
    return places


def keys_of(path: Path, words: bytes) -> dict[str, bytes]:
    """The keys of a store that another process has open, worked out from a copy of its file."""
    copy = path.parent.parent / "copy" / path.name
    copy.parent.mkdir()
    for file in path.parent.iterdir():
        shutil.copy(file, copy.with_name(file.name))
    with PartyStore.open(copy) as store:
        header = store._vault._header
        passphrase = Passphrase(bytearray(words))
        master = header.unwrap(passphrase).declassify()
        ((sealed,),) = store._db.rows("SELECT secret FROM sealed WHERE kind = 'host key'")
        return {
            "digest": passphrase.digest().declassify(),
            "passphrase's key": derive_key(passphrase, header.salt, header.cost).declassify(),
            "master key": master,
            "row's key": tagged_hash("mpcwallet/storage key", master, sealed[:32]),
        }


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux")
def test_secrets_are_in_locked_memory_only_and_gone_when_the_store_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "0" / "party.db"
    needles = {
        "host key": bytes((i * 37 + 11) % 251 for i in range(32)),
        "passphrase": bytes(33 + (i * 29 + 5) % 90 for i in range(40)),
    }
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        needles |= keys_of(path, needles["passphrase"])
        held = found(child.pid, needles)
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline() == "wiped\n"
        wiped = found(child.pid, needles)
        child.stdin.write("\n")
    assert {name: places for name, places in held.items() if places} == {
        "host key": [True],
        "master key": [True],
    }
    assert not any(wiped.values()), wiped


KEY = bytes((i * 91 + 17) % 249 for i in range(32))
WORD = bytes(33 + (i * 29 + 5) % 90 for i in range(40))

STEP = """
    import sys
    from native.secret import SecretBytes
    from storage import envelope, kdf
    from storage.passphrase import Passphrase
    kdf.FLOOR = cost = kdf.Cost(1024, 2, 2)
    item = bytearray(40)
    for i in range(32):
        item[i] = (i * 91 + 17) % 249
    key = SecretBytes.from_bytes(memoryview(item)[:32])
    for i in range(40):
        item[i] = 33 + (i * 29 + 5) % 90
    passphrase = Passphrase(item)
    box = bytes.fromhex(sys.argv[2])
    result = {step}
    print("done", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(
    "step",
    [
        "kdf.derive_key(passphrase, bytes(16), cost)",
        "envelope.encrypt(key, bytes(12), b'', passphrase.digest())",
        "envelope.decrypt(key, bytes(12), b'', box)",
        "Passphrase.from_file(sys.argv[1])",
    ],
)
def test_each_step_leaves_nothing_in_ordinary_memory(tmp_path: Path, step: str) -> None:
    digest = tagged_hash("mpcwallet/passphrase", WORD)
    needles = {"key": KEY, "passphrase": WORD, "digest": digest}
    with phrase(WORD.decode()) as passphrase:
        needles["derived"] = derive_key(passphrase, bytes(16), Cost(1024, 2, 2)).declassify()
    (tmp_path / "words").write_bytes(WORD)
    box = AESGCM(KEY).encrypt(bytes(12), b"secret", b"").hex()
    code = textwrap.dedent(STEP).replace("{step}", step)
    command = [sys.executable, "-c", code, str(tmp_path / "words"), box]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "done\n"
        places = found(child.pid, needles)
        child.stdin.write("\n")
    assert places["key"] == [True]
    assert all(all(locked) for locked in places.values()), places


MANY = """
    import sys
    from native.secret import SecretSeed
    from storage import envelope
    item = bytearray(32)
    for i in range(32):
        item[i] = (i * 91 + 17) % 249
    master = SecretSeed.from_bytes(item)
    for i in range(32):
        item[i] = 0
    secrets = envelope.unseal_all(master, [(b"", bytes.fromhex(box)) for box in sys.argv[1:]])
    boxes = envelope.seal_all(master, [(b"", secret) for secret in secrets])
    print(*(box.hex() for box in boxes), flush=True)
    sys.stdin.readline()
"""


def test_many_secrets_at_once_leave_nothing_in_ordinary_memory() -> None:
    secrets = {f"secret {i}": tagged_hash("a secret", bytes([i])) * 2 for i in range(16)}
    with SecretSeed.from_bytes(KEY) as master:
        items = [(b"", SecretBytes.from_bytes(secret)) for secret in secrets.values()]
        boxes = seal_all(master, items)
    command = [sys.executable, "-c", textwrap.dedent(MANY), *(box.hex() for box in boxes)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdin
        assert child.stdout
        boxes += map(bytes.fromhex, child.stdout.readline().split())
        keys = {
            f"key {i}": tagged_hash("mpcwallet/storage key", KEY, box[:32]) for i, box in enumerate(boxes)
        }
        places = found(child.pid, secrets | keys | {"master": KEY})
        child.stdin.write("\n")
    assert len(keys) == 32
    assert {name: at for name, at in places.items() if at} == {name: [True] for name in [*secrets, "master"]}


def test_the_search_of_memory_finds_what_is_there() -> None:
    needle = bytes((i * 41 + 7) % 253 for i in range(32))
    code = """
        import sys
        from native.secret import SecretBytes
        plain = bytearray((i * 41 + 7) % 253 for i in range(32))
        locked = SecretBytes.from_bytes(plain)
        print("held", flush=True)
        sys.stdin.readline()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        assert sorted(found(child.pid, {"x": needle})["x"]) == [False, True]
        child.stdin.write("\n")


def test_a_passphrase_object_holds_locked_memory() -> None:
    assert type(Passphrase(bytearray(b"secret"))._secret) is SecretBytes
