"""Passphrases come from files, variables that name files, or the terminal; confirmation needs one, too."""

import os
import pty
import re
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.cosigner.cli.conftest import PASSPHRASES, STRANGER, Mpcw, Result

ADDRESS = ["address", "list"]
PATIENCE = 300  # seconds until a test gives up


class Terminal:
    """A command at a terminal of its own, which has 80 columns."""

    def __init__(self, mpcw: Mpcw, *args: object) -> None:
        self.shown = ""
        self.main, other = pty.openpty()
        named = {f"MPCW_PASSPHRASE_FILE_{i}": "" for i in range(3)}
        self.process = mpcw.start(
            *args,
            variables={**named, "TERM": "xterm", "COLUMNS": "80", "OWN_TERMINAL": "1"},
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)

    def expect(self, text: str) -> None:
        """Read until a text is shown."""
        end = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert self._read(end), self.shown

    def type(self, line: str) -> None:
        os.write(self.main, line.encode() + b"\n")

    def end(self) -> Result:
        """Read to the end."""
        end = time.monotonic() + PATIENCE
        while self._read(end):
            pass
        os.close(self.main)
        return Result(self.process.wait(PATIENCE), self.shown, "")

    def _read(self, end: float) -> bool:
        if not select.select([self.main], [], [], max(0.0, end - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self.main, 4096)
        except OSError:  # the other side has closed it
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_payment_is_shown_asked_for_and_signed_at_a_terminal(mpcw: Mpcw) -> None:
    terminal = Terminal(mpcw, "send", f"{STRANGER}=1000000", "--fee-rate", "2", "--signers", "0,2")
    terminal.expect("Sign and send it? [y/N]")
    terminal.type("y")
    for party in (0, 2):
        terminal.expect(f"Passphrase of party {party} of main: ")
        terminal.type(PASSPHRASES[party])
    done = terminal.end()
    shown = plain(done.out)
    assert done.code == 0, shown
    assert "1\u2009000\u2009000 sat  (0.01000000 BTC)" in shown
    assert "bcrt 1qw5 08d6 qejx tdg4 y5r3 zarv ary0" in shown
    assert "ours at 1/0 of the taproot account, re-derived" in shown
    assert "party 0, party 2 (any 2 of 3)" in shown
    assert not any(passphrase in shown for passphrase in PASSPHRASES)
    for line in re.split("[\r\n]+", shown):
        assert len(line) <= 80 or line.startswith("next: "), line
    assert mpcw.json("wallet", "history")[0]["status"] == "mempool"


def test_who_mistypes_a_passphrase_is_asked_again(mpcw: Mpcw) -> None:
    address = mpcw.json("address", "list")[0]["address"]
    for mistakes, code in ((2, 0), (3, 10)):
        terminal = Terminal(mpcw, "address", "verify", address)
        for typed in [*["mistyped"] * mistakes, *PASSPHRASES[:2]][: 3 if code else 4]:
            terminal.expect(" of main: ")
            terminal.shown = ""
            terminal.type(typed)
        done = terminal.end()
        assert done.code == code, done.out
    assert "party 0: the passphrase does not open this file" in plain(done.out)


def test_no_is_taken_for_an_answer(mpcw: Mpcw, unharmed: Callable[[], None]) -> None:
    for answer in ("n", "", "yess"):
        terminal = Terminal(mpcw, "send", f"{STRANGER}=1000000", "--fee-rate", "2")
        terminal.expect("[y/N]")
        terminal.type(answer)
        done = terminal.end()
        assert done.code == 4
        assert "you said no: nothing was signed" in done.out


def test_nobody_is_asked_without_a_terminal(mpcw: Mpcw, unharmed: Callable[[], None]) -> None:
    error = mpcw.fails("send", f"{STRANGER}=1000000", stdin=b"y\n")
    assert (error["code"], "--yes" in error["message"]) == (2, True)
    assert mpcw("send", f"{STRANGER}=1000000", stdin=b"y\n").code == 2


def test_new_wallet_asks_for_each_passphrase_twice(mpcw: Mpcw) -> None:
    terminal = Terminal(mpcw, "wallet", "create", "typed", "-n", "2", "-t", "2", "--no-segwit")
    for party in (0, 1):
        for prompt in (f"New passphrase of party {party}: ", f"New passphrase of party {party} (again): "):
            terminal.expect(prompt)
            terminal.type(f"typed {party}")
    assert terminal.end().code == 0
    file = mpcw.home.parent / "typed"
    file.write_text("typed 1\n")
    verify = ["passphrase", "change", "1", "-w", "typed", "--new-passphrase-file", mpcw.passphrase_file(0)]
    assert mpcw.fails(*verify, "--passphrase-file", f"1={mpcw.passphrase_file(1)}")["code"] == 10
    mpcw.ok(*verify, "--passphrase-file", f"1={file}")


def test_no_passphrase_is_asked_for_a_name_that_is_taken(mpcw: Mpcw) -> None:
    for name, code in (("main", 4), ("a name", 2)):
        done = Terminal(mpcw, "wallet", "create", name, "--no-segwit").end()
        assert (done.code, "passphrase" in done.out) == (code, False)


def test_wallet_can_be_used_while_the_passphrases_of_a_server_are_typed(mpcw: Mpcw) -> None:
    terminal = Terminal(mpcw, "serve")
    terminal.expect("Passphrase of party 0 of main: ")
    assert mpcw.json("wallet", "balance")["total"] > 0
    for party, passphrase in enumerate(PASSPHRASES):
        terminal.expect(f"Passphrase of party {party} of main: ")
        terminal.type(passphrase)
    terminal.expect("serving party 0, 1, 2 of main")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end().code == 0


def test_two_passphrases_that_differ_make_no_wallet(mpcw: Mpcw) -> None:
    terminal = Terminal(mpcw, "wallet", "create", "typed", "-n", "1", "-t", "1", "--no-segwit")
    for _ in range(3):
        for prompt, typed in (("party 0: ", "one"), ("(again): ", "other")):
            terminal.expect(prompt)
            terminal.shown = ""
            terminal.type(typed)
    done = terminal.end()
    assert (done.code, "the two passphrases differ" in done.out) == (2, True)
    assert [wallet["name"] for wallet in mpcw.json("wallet", "list")] == ["main"]


def test_options_go_before_variables(mpcw: Mpcw, tmp_path: Path) -> None:
    address = mpcw.json("address", "list")[0]["address"]
    good = f"0={mpcw.passphrase_file(0)}"
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    verify = ["address", "verify", address]
    assert mpcw(*verify, variables={"MPCW_PASSPHRASE_FILE_0": str(wrong)}).code == 10
    assert (
        mpcw(*verify, "--passphrase-file", good, variables={"MPCW_PASSPHRASE_FILE_0": str(wrong)}).code == 0
    )
    assert mpcw.fails(*verify, "--passphrase-file", f"0={wrong}")["code"] == 10
    assert mpcw.fails(*verify, "--passphrase-file", f"0={tmp_path / 'none'}")["code"] == 3
    for malformed in ("0", "0=", "=x", "3=x", "\u0660=x", "-1=x"):
        error = mpcw.fails(*verify, "--passphrase-file", malformed)
        assert (error["code"], "PARTY=PATH" in error["message"]) == (2, True)


def test_no_terminal_and_no_file_is_said(mpcw: Mpcw, unharmed: Callable[[], None]) -> None:
    named = {f"MPCW_PASSPHRASE_FILE_{i}": "" for i in range(3)}
    address = mpcw.json("address", "list")[0]["address"]
    with mpcw.start("address", "verify", address, variables=named, start_new_session=True) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "no terminal" in err
    assert "--passphrase-file 0=FILE, or name the file in $MPCW_PASSPHRASE_FILE_0" in err


def test_changed_passphrase_opens_and_the_old_one_no_longer(mpcw: Mpcw, tmp_path: Path) -> None:
    address = mpcw.json("address", "list")[0]["address"]
    new = tmp_path / "new"
    new.write_text("new one\n")
    mpcw.ok("passphrase", "change", 0, "--new-passphrase-file", new)
    assert mpcw.fails("address", "verify", address)["code"] == 10
    mpcw.ok("address", "verify", address, "--passphrase-file", f"0={new}")
    assert mpcw.fails("passphrase", "change", 0, "--new-passphrase-file", new)["code"] == 10
    assert mpcw.fails("passphrase", "change", 3, "--new-passphrase-file", new)["code"] == 2
    new.write_text("\n")
    error = mpcw.fails("passphrase", "change", 1, "--new-passphrase-file", new)
    assert (error["code"], error["message"]) == (2, "the passphrase is empty")
