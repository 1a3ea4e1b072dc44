"""mpcw primes: stocks are made, listed, discarded and used by wallets, at a terminal and in scripts."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest

from cosigner.priority import NICE
from ecdsa_cggmp.aux_info import AuxSecret
from tests.cosigner.cli.conftest import PASSPHRASES, ROOT, Mpcw
from tests.cosigner.cli.test_passphrases import PATIENCE, Terminal, plain
from tests.ecdsa_cggmp.levels import TINY
from tests.storage.samples import sql

# mpcw with a search that is one, of short primes
SEARCHING = """
import os, sys
from unittest.mock import patch
from cosigner import level
from cosigner.cli.app import main
from tests.ecdsa_cggmp.levels import TINY
from tests.storage.cheap import cheap_passphrases
sys.argv[0] = "mpcw"
level.PARAMS = TINY
with cheap_passphrases():
    main()
"""


@pytest.fixture(autouse=True)
def unchanged_priority() -> Iterator[None]:
    with patch("cosigner.cli.primes.yield_to_others"):
        yield


def counts(mpcw: Mpcw) -> dict[int, int]:
    return {item["party"]: len(item["sets"]) for item in mpcw.json("primes", "list")}


def stock(mpcw: Mpcw, party: int) -> Path:
    return mpcw.home / "primes" / str(party) / "primes.db"


def test_sets_are_made_for_each_party_and_listed(bare: Mpcw) -> None:
    began = int(time.time())
    made = bare.json("primes", "make", "--count", 2)
    assert made["made"] == 2
    assert made["sets"] == {"0": 2, "1": 2, "2": 2}
    assert made["seconds"] >= 0
    listed = bare.json("primes", "list")
    assert [item["party"] for item in listed] == [0, 1, 2]
    for item in listed:
        assert item["error"] is None
        assert [one["bits"] for one in item["sets"]] == [TINY.prime_bits] * 2
        assert all(began <= one["made"] <= time.time() for one in item["sets"])
    assert stock(bare, 0).stat().st_mode & 0o777 == 0o600


def test_people_see_what_was_made_and_what_comes_next(bare: Mpcw) -> None:
    shown = bare.ok("primes", "make", "--party", 2, "--party", 0)
    assert shown.out.startswith("1 set for each of parties 0, 2 in ")
    assert "parties 0, 2   primes found and sealed in the stock  set 1 of 1" in shown.err
    assert shown.err.endswith("next: mpcw wallet create NAME\n")
    listed = bare.ok("primes", "list").out.splitlines()
    assert listed[0].split() == ["party", "sets", "bits", "made", "(UTC)"]
    assert [line.split()[:3] for line in listed[1:]] == [["0", "1", "832"], ["2", "1", "832"]]


def test_without_primes_the_list_says_how_to_make_some(bare: Mpcw) -> None:
    shown = bare.ok("primes", "list")
    assert "There are no primes" in shown.out
    assert shown.err == "next: mpcw primes make\n"
    assert bare.json("primes", "list") == []


def test_a_wallet_takes_a_set_for_each_party_that_has_one(bare: Mpcw) -> None:
    bare.ok("primes", "make", "--party", 0, "--party", 2, "--count", 2)
    with patch.object(AuxSecret, "search", wraps=AuxSecret.search) as search:
        shown = bare.ok("wallet", "create", "main")
    assert search.call_count == 1
    assert "party 0        primes taken out of the stock  1 left" in shown.err
    assert "party 2        primes taken out of the stock  1 left" in shown.err
    assert counts(bare) == {0: 1, 2: 1}


def test_a_wallet_whose_party_has_another_passphrase_leaves_the_stock_and_says_so(bare: Mpcw) -> None:
    bare.ok("primes", "make", "-n", 1)
    other = bare.home.parent / "other"
    other.write_text("another passphrase")
    shown = bare.ok("wallet", "create", "main", "--passphrase-file", f"0={other}")
    assert "party 0        stock of primes not used  it has another passphrase\n" in shown.err
    assert counts(bare) == {0: 1}


def test_a_stock_keeps_the_passphrase_that_it_was_made_with(bare: Mpcw) -> None:
    bare.ok("primes", "make", "-n", 2)
    bare.passphrase_file(1).write_text("another")
    error = bare.fails("primes", "make", "-n", 2)
    assert (error["code"], error["name"]) == (10, "wrong-passphrase")
    assert "party 1" in error["message"]
    assert "mpcw primes discard" in error["hint"]
    assert counts(bare) == {0: 1, 1: 1}


def test_who_changes_a_passphrase_is_told_that_waiting_primes_keep_theirs(bare: Mpcw) -> None:
    bare.ok("primes", "make", "-n", 1)
    bare.ok("wallet", "create", "main", "--no-segwit")
    for party, told in ((0, True), (1, False)):
        shown = bare.ok("passphrase", "change", party, "--new-passphrase-file", bare.passphrase_file(2))
        assert (f"primes of party {party} that wait" in shown.err) is told
    assert counts(bare) == {0: 1}


def test_a_stock_that_cannot_be_read_is_listed_and_can_be_discarded(bare: Mpcw) -> None:
    bare.ok("primes", "make", "-n", 2)
    stock(bare, 0).write_bytes(b"no database" * 100)
    first, second = bare.json("primes", "list")
    assert first["sets"] == []
    assert "damaged" in first["error"]
    assert len(second["sets"]) == 1
    line = bare.ok("primes", "list").out.splitlines()[1]
    assert line.split()[:2] == ["0", "?"]
    bare.ok("primes", "discard", "--party", 0, "--yes")
    assert counts(bare) == {1: 1}


def test_times_and_levels_that_nobody_wrote_are_an_error_of_their_stock(bare: Mpcw) -> None:
    bare.ok("primes", "make", "-n", 1)
    sql(stock(bare, 0), ("UPDATE sealed SET public = ?", (bytes(18) + b"\xff" * 8,)))
    (item,) = bare.json("primes", "list")
    assert "made" in item["error"]
    bare.ok("primes", "list")


def test_discarding_asks_and_deletes(bare: Mpcw) -> None:
    bare.ok("primes", "make", "-n", 2, "--count", 2)
    terminal = Terminal(bare, "primes", "discard")
    terminal.expect("Discard 2 sets of party 0, 2 sets of party 1, for good? [y/N]")
    terminal.type("n")
    said_no = terminal.end()
    assert said_no.code == 4
    assert "nothing was discarded" in plain(said_no.out)
    assert counts(bare) == {0: 2, 1: 2}
    terminal = Terminal(bare, "primes", "discard", "--party", 1)
    terminal.expect("Discard 2 sets of party 1, for good? [y/N]")
    terminal.type("y")
    assert "Discarded the primes of party 1." in plain(terminal.end().out)
    assert counts(bare) == {0: 2}
    assert bare.json("primes", "discard", "--yes") == {"discarded": [0]}
    assert bare.json("primes", "discard") == {"discarded": []}
    assert not stock(bare, 0).exists()


def test_scripts_are_not_asked(bare: Mpcw) -> None:
    bare.ok("primes", "make", "-n", 1)
    error = bare.fails("primes", "discard")
    assert (error["code"], error["name"]) == (2, "usage")
    assert "--yes" in error["message"]
    assert counts(bare) == {0: 1}


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (["make", "--party", 1, "-n", 2], 2, "not both"),
        (["make", "--party", 128], 2, "--party"),
        (["make", "-n", 0], 2, "-n"),
        (["make", "-n", 129], 2, "-n"),
        (["make", "--count", 0], 2, "--count"),
        (["make", "--count", 257], 2, "--count"),
        (["make", "--passphrase-file", "x"], 2, "PARTY=PATH"),
        (["make", "--party", 0, "--count", 256], 2, "no room"),
        (["discard", "--party", 7, "--yes"], 3, "party 7"),
    ],
)
def test_what_cannot_be_is_refused_before_any_search(
    bare: Mpcw, args: list[object], code: int, text: str
) -> None:
    bare.ok("primes", "make", "-n", 1)
    with patch.object(AuxSecret, "search") as search:
        error = bare.fails("primes", *args)
    assert error["code"] == code
    assert text in error["message"]
    assert search.call_count == 0
    assert counts(bare) == {0: 1}


def test_new_passphrases_are_asked_for_twice_and_old_ones_once(bare: Mpcw) -> None:
    terminal = Terminal(bare, "primes", "make", "--party", 0)
    for _ in range(2):
        terminal.expect("New passphrase of party 0")
        terminal.shown = ""
        terminal.type(PASSPHRASES[0])
    assert terminal.end().code == 0
    terminal = Terminal(bare, "primes", "make", "--party", 0)
    terminal.expect("Passphrase of the primes of party 0: ")
    terminal.type(PASSPHRASES[0])
    assert terminal.end().code == 0
    assert counts(bare) == {0: 2}


def searching(mpcw: Mpcw, *args: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SEARCHING, *map(str, args)],
        env={**os.environ, **mpcw.variables()},
        cwd=ROOT,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for_sets(mpcw: Mpcw, party: int, number: int) -> None:
    end = time.monotonic() + PATIENCE
    while counts(mpcw).get(party, 0) < number:
        assert time.monotonic() < end
        time.sleep(0.05)


def priorities(process: int) -> Iterator[int]:
    for thread in os.listdir(f"/proc/{process}/task"):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            yield os.getpriority(os.PRIO_PROCESS, int(thread))


def test_ctrl_c_loses_nothing_but_the_set_in_progress(bare: Mpcw) -> None:
    with searching(bare, "primes", "make", "-n", 2, "--count", 100) as process:
        wait_for_sets(bare, 0, 1)
        assert max(priorities(process.pid)) >= NICE
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Sets that were sealed stay:\n  mpcw primes list" in err
    assert "error (interrupted)" in err
    found = counts(bare)
    assert found[0] >= found[1] >= found[0] - 1 >= 0
    again = bare.json("primes", "make", "-n", 2)
    assert again["sets"] == {str(party): number + 1 for party, number in found.items()}


def test_two_processes_make_sets_for_one_party(bare: Mpcw) -> None:
    bare.ok("primes", "make", "--party", 1)
    makers = [bare.start("primes", "make", "--party", 1, "--count", 20) for _ in range(2)]
    for process in makers:
        with process:
            _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
    assert counts(bare) == {1: 41}


def test_a_full_disk_is_said_and_loses_no_set(bare: Mpcw) -> None:
    bare.ok("primes", "make", "--party", 0, "--count", 2)
    size = stock(bare, 0).stat().st_size
    done = bare.process("primes", "make", "--party", 0, "--count", 50, file_limit=size)
    assert done.code == 11, done.err
    assert "error (" in done.err
    found = counts(bare)[0]
    assert 2 <= found < 52
    bare.ok("primes", "make", "--party", 0)
    assert counts(bare) == {0: found + 1}


def test_a_copied_stock_gives_no_wallet_what_another_has(bare: Mpcw, tmp_path: Path) -> None:
    bare.ok("primes", "make", "-n", 2)
    shutil.copytree(bare.home / "primes", tmp_path / "copy")
    bare.ok("wallet", "create", "one", "-n", 2)
    shutil.copytree(tmp_path / "copy", bare.home / "primes", dirs_exist_ok=True)
    with patch.object(AuxSecret, "search", side_effect=KeyboardInterrupt):
        shown = bare("wallet", "create", "two", "-n", 2)
    assert shown.code == 130
    assert "set of primes dropped  the primes were used in this home before" in shown.err
    assert "stock of primes not used  it is empty" in shown.err
    assert counts(bare) == {0: 0, 1: 1}


@pytest.mark.slow
def test_sets_of_full_size_are_made_and_used(bare: Mpcw) -> None:
    full = {"FULL_SIZE": "1"}
    with bare.start("primes", "make", "-n", 2, variables=full) as process:
        assert process.wait(3600) == 0
    assert [item["sets"][0]["bits"] for item in bare.json("primes", "list")] == [1536, 1536]
    with bare.start("wallet", "create", "full", "-n", 2, "-t", 2, variables=full) as process:
        _, err = process.communicate(timeout=3600)
    assert process.returncode == 0, err
    assert "primes taken out of the stock" in err
    assert counts(bare) == {0: 0, 1: 0}
