"""Where secrets are not: in no file, in no ordinary memory, in no text."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from native.exposure import encode
from native.secret import SecretBytes, SecretScalars
from protocol.ids import PartyId
from storage.parties import PartyStore
from storage.passphrase import Passphrase
from tests.storage.samples import RECOVERY, ROOT, entry, key_shares, phrase

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
        lambda: store.put_refreshed(new),
        lambda: store.drop_share(bytes(old.info.thresh_pk), 0),
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


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux")
def test_secrets_are_in_locked_memory_only_and_gone_when_the_store_is_closed(tmp_path: Path) -> None:
    needles = {
        "host key": bytes((i * 37 + 11) % 251 for i in range(32)),
        "host key, limbs": b"".join(
            bytes((i * 37 + 11) % 251 for i in range(at, at + 8))[::-1] for at in range(24, -1, -8)
        ),
        "passphrase": bytes(33 + (i * 29 + 5) % 90 for i in range(40)),
    }
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path / "0" / "party.db")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        held = found(child.pid, needles)
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline() == "wiped\n"
        wiped = found(child.pid, needles)
        child.stdin.write("\n")
    assert held == {"host key": [True], "host key, limbs": [], "passphrase": []}
    assert wiped == {"host key": [], "host key, limbs": [], "passphrase": []}


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
