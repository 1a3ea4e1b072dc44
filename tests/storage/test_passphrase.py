import os
import pty
import sys
import threading
import time
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from native.errors import WipedError
from protocol.errors import UsageError
from storage.errors import MissingError, StorageError
from storage.passphrase import MAX_SIZE, Passphrase
from tests.storage.samples import ROOT


def text(passphrase: Passphrase) -> bytes:
    with passphrase.view() as view:
        return bytes(view)


def typed(data: str) -> Passphrase:
    return Passphrase(bytearray(data, "utf-8"))


def from_pipe(data: bytes) -> Passphrase:
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    try:
        return Passphrase.from_fd(read)
    finally:
        os.close(read)


@given(
    st.text(
        st.characters(min_codepoint=32, codec="utf-8", exclude_characters="\x7f"), min_size=1, max_size=99
    )
)
def test_a_passphrase_is_utf8_in_nfc(characters: str) -> None:
    expected = unicodedata.normalize("NFC", characters).encode()
    assert text(typed(characters)) == expected
    assert text(typed(unicodedata.normalize("NFD", characters))) == expected


def test_two_spellings_of_a_character_are_one_passphrase() -> None:
    assert typed("caf\u00e9").is_same(typed("cafe\u0301"))
    assert not typed("cafe").is_same(typed("caf\u00e9"))
    assert not typed("a").is_same(typed("aa"))


@pytest.mark.parametrize("data", [b"correct horse", "caf\u0065\u0301".encode(), b"\xff\xfe", b"", b"a\nb"])
def test_the_buffer_is_zeroed_whatever_happens(data: bytes) -> None:
    buffer = bytearray(data)
    with suppress(UsageError):
        Passphrase(buffer)
    assert buffer == bytes(len(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"x" * (MAX_SIZE + 1), "longer than 1024"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a\x00b", "control"),
        (b"a\nb", "control"),
        (b"a\x7f", "control"),
        (b"\x1b[A", "control"),
    ],
)
def test_what_is_no_passphrase_is_refused_without_quoting_it(data: bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as e:
        Passphrase(bytearray(data))
    assert e.value.__cause__ is None
    assert e.value.__suppress_context__ or e.value.__context__ is None


def test_the_longest_passphrase_is_taken() -> None:
    assert len(text(typed("x" * MAX_SIZE))) == MAX_SIZE


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b"secret\r\n", b"secret"),
        (b" secret \nsecond line", b" secret "),
        (b"x" * MAX_SIZE + b"\r\n", b"x" * MAX_SIZE),
    ],
)
def test_the_first_line_of_a_descriptor_counts(data: bytes, expected: bytes) -> None:
    assert text(from_pipe(data)) == expected


@pytest.mark.parametrize("data", [b"", b"\n", b"\nsecret", b"x" * (MAX_SIZE + 1), b"x" * 5000])
def test_a_descriptor_without_a_passphrase_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError):
        from_pipe(data)


def test_a_slow_descriptor_is_read_to_its_line_break() -> None:
    read, write = os.pipe()

    def slowly() -> None:
        for part in (b"sec", b"ret", b"\n"):
            os.write(write, part)
            time.sleep(0.02)

    writer = threading.Thread(target=slowly)
    writer.start()
    assert text(Passphrase.from_fd(read)) == b"secret"  # although the other end stays open
    writer.join()
    os.close(read)
    os.close(write)


def test_a_file_gives_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("secret\nother\n")
    assert text(Passphrase.from_file(tmp_path / "p")) == b"secret"


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no passphrase file"):
        Passphrase.from_file(tmp_path / "missing")
    with pytest.raises(StorageError, match="cannot be read"):
        Passphrase.from_file(tmp_path)
    with pytest.raises(StorageError, match="cannot be read"):
        Passphrase.from_fd(987)


def test_a_wiped_passphrase_is_gone() -> None:
    with typed("secret") as passphrase:
        assert repr(passphrase) == "Passphrase"
    with pytest.raises(WipedError):
        text(passphrase)


def ask(keys: list[bytes], arguments: str) -> tuple[bytes, int]:
    """Run Passphrase.ask in a terminal of its own; return what the terminal shows, and the exit status."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        code = (
            "from storage.passphrase import Passphrase\n"
            f"p = Passphrase.ask('Passphrase', {arguments})\n"
            "print('got', bytes(p._secret.declassify()).hex())\n"
        )
        os.execv(sys.executable, [sys.executable, "-c", code])
    shown = b""
    while True:
        try:
            data = os.read(terminal, 1000)
        except OSError:
            break
        if not data:
            break
        shown += data
        while keys and shown.count(b": ") > 0 and shown.rstrip(b" ").endswith(b":"):
            os.write(terminal, keys.pop(0))
            shown += b"|"
    return shown, os.waitpid(child, 0)[1]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_terminal_does_not_show_what_is_typed() -> None:
    shown, status = ask([b"hidden words\n"], "")
    assert status == 0, shown
    assert b"hidden words" not in shown
    assert b"got " + b"hidden words".hex().encode() in shown


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_new_passphrase_is_asked_for_twice() -> None:
    shown, status = ask([b"one\n", b"one\n"], "confirm=True")
    assert status == 0, shown
    assert b"Passphrase (again)" in shown
    shown, status = ask([b"one\n", b"two\n", b"three\n", b"three\n"], "confirm=True")
    assert status == 0, shown
    assert b"the two differ: try again" in shown
    assert b"got " + b"three".hex().encode() in shown
    shown, status = ask([b"one\n", b"two\n"] * 3 + [b"one\n"] * 2, "confirm=True")
    assert status != 0
    assert shown.count(b"try again") == 2
    assert b"the two passphrases differ" in shown


def test_without_a_terminal_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(6, "no such device")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match="no terminal") as e:
        Passphrase.ask("Passphrase")
    assert "file" in e.value.hint
