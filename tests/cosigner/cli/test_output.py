"""What is written where: hints that can be copied, pipes that are closed, disks that are full."""

import os
from pathlib import Path

from tests.cosigner.cli.conftest import STRANGER, Mpcw
from tests.cosigner.cli.test_passphrases import PATIENCE, Terminal


def test_suggested_command_names_the_home_and_the_wallet_that_were_chosen(mpcw: Mpcw, tmp_path: Path) -> None:
    home = tmp_path / "a home"
    mpcw.home.rename(home)
    made = mpcw.ok("address", "new", "--home", home, "-w", "main")
    assert f"next: mpcw address verify {made.out.strip()} --home '{home}' -w main\n" in made.err
    assert "make one with: mpcw wallet create NAME" in mpcw("wallet", "balance").err


def test_suggested_command_is_bare_when_nothing_was_chosen(mpcw: Mpcw) -> None:
    made = mpcw.ok("address", "new")
    assert f"next: mpcw address verify {made.out.strip()}\n" in made.err


def test_advice_for_a_kept_draft_names_the_wallet(mpcw: Mpcw) -> None:
    wrong = f"0={mpcw.passphrase_file(1)}"
    shown = mpcw("send", f"{STRANGER}=1000000", "--yes", "-w", "main", "--passphrase-file", wrong)
    assert shown.code == 10
    (draft,) = mpcw.json("tx", "list")
    assert f"mpcw tx sign {draft['txid']} -w main\n" in shown.err


def test_error_is_told_on_standard_error_when_standard_output_is_full(mpcw: Mpcw) -> None:
    with Path("/dev/full").open("wb") as full:
        process = mpcw.start("wallet", "show", "--json", stdout=full)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 11
    assert err == "error (disk-full): No space left on device\n"


def test_payment_goes_on_when_nobody_reads_what_is_told_beside_it(mpcw: Mpcw) -> None:
    with Path("/dev/full").open("wb") as full:
        process = mpcw.start("send", f"{STRANGER}=1000000", "--yes", "--fee-rate", "2", stderr=full)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert out.startswith("sent ")
    assert mpcw.json("wallet", "history")[0]["status"] == "mempool"


def test_closed_standard_output_is_no_error(mpcw: Mpcw) -> None:
    started = mpcw.start("config", "path", "--json", preexec_fn=lambda: os.close(1))
    _, err = started.communicate(timeout=PATIENCE)
    assert (started.returncode, err) == (0, "")


def test_interruption_at_the_question_is_told_on_a_line_of_its_own(mpcw: Mpcw) -> None:
    terminal = Terminal(mpcw, "send", f"{STRANGER}=1000000", "--fee-rate", "2")
    terminal.expect("[y/N]")
    os.write(terminal.main, b"\x03")
    done = terminal.end()
    assert done.code == 130
    assert "\r\nerror (interrupted): interrupted from the keyboard\r\n" in done.out.replace(
        "\x1b[0m", ""
    ).replace("\x1b[1;31m", "")
    assert mpcw.json("tx", "list") == []


def test_error_of_the_system_is_told_without_its_number(mpcw: Mpcw) -> None:
    error = mpcw.fails("wallet", "import-labels", "/x/y")
    assert error["message"] == "/x/y: No such file or directory"
