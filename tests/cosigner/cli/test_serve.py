"""mpcw serve in a process of its own, and the other commands, which find it."""

import json
import shutil
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cosigner.cli.serve import stopped_by_signals
from cosigner.meeting import SOCKET
from tests.cosigner.cli.conftest import STRANGER, Mpcw

MARKS = {"WATERMARKS": "2,4,6,2"}  # low, target, max, batch
LATE_SECONDS = 600  # after which a process that a test waits for is killed
NO_FILES = {f"MPCW_PASSPHRASE_FILE_{i}": "" for i in range(3)}


class Server:
    """A process that serves, and what it tells."""

    def __init__(self, mpcw: Mpcw, *args: object, marks: dict[str, str] = MARKS) -> None:
        self.mpcw = mpcw
        self.events: list[dict[str, Any]] = []
        self.process = mpcw.start("serve", "--json", *args, variables=marks)
        self._late = threading.Timer(LATE_SECONDS, self.process.kill)
        self._late.daemon = True
        self._late.start()

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read events until one fits; each is on a line of its own."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if condition(self.events[-1]):
                return self.events[-1]
        raise AssertionError(f"{self.events} and no more: {self.end(signal.SIGTERM)}")

    def stocked(self, *groups: list[int]) -> None:
        """Wait until the stocks of groups of signers have been filled, in whatever order that comes."""
        while not all(group in self._filled for group in groups):
            self.until(lambda event: event["event"] == "refill")

    @property
    def _filled(self) -> list[list[int]]:
        refills = (event for event in self.events if event["event"] == "refill")
        return [event["signers"] for event in refills if event["made"] == event["wanted"]]

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal, and return the exit code and what is on standard error."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=LATE_SECONDS)
        self._late.cancel()
        self.events += [json.loads(line) for line in out.splitlines()]
        return self.process.returncode, err

    @property
    def names(self) -> list[str]:
        return [event["event"] for event in self.events]


@pytest.fixture(scope="module")
def server(mixed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A process that serves a funded wallet; tests use up what it has."""
    home = tmp_path_factory.mktemp("serve") / "home"
    shutil.copytree(mixed_template, home)
    running = Server(Mpcw(home))
    running.until(lambda event: event["event"] == "serving")
    running.stocked([0, 1], [0, 2], [1, 2])
    yield running
    code, err = running.end(signal.SIGINT)
    assert (code, err) == (0, "")
    said = [name for name in running.names if name != "refill"]  # a batch that runs is made to its end
    assert said[-2:] == ["stopping", "stopped"]
    assert list((home / "wallets" / "main" / "serve").iterdir()) == []


@pytest.fixture
def mpcw(server: Server) -> Mpcw:
    """The command line, without any passphrase."""
    return WithoutPassphrases(server.mpcw.home)


class WithoutPassphrases(Mpcw):
    def variables(self) -> dict[str, str]:
        return super().variables() | NO_FILES


def test_it_says_what_it_serves(server: Server) -> None:
    serving = next(event for event in server.events if event["event"] == "serving")
    assert (serving["wallet"], serving["parties"]) == ("main", [0, 1, 2])
    assert serving["process"] == server.process.pid


def test_it_fills_the_pool_and_says_how_fast(server: Server) -> None:
    refill = next(event for event in server.events if event["event"] == "refill")
    assert (refill["made"], refill["wanted"]) == (2, 4)
    assert len(refill["signers"]) == 2
    assert refill["seconds"] > 0


def test_payment_of_both_accounts_asks_for_no_passphrase(mpcw: Mpcw) -> None:
    before = burned(mpcw, [0, 1])
    sent = mpcw.json("send", f"{STRANGER}=60btc", "--yes", "--fee-rate", "2")  # more than one coin has
    assert sent["presignatures"] == 1
    assert sent["broadcast"] is True
    assert burned(mpcw, [0, 1]) == before + 1


def burned(mpcw: Mpcw, signers: list[int]) -> int:
    stocks = mpcw.json("presig", "status")["stocks"]
    return sum(stock["burned"] for stock in stocks if stock["signers"] == signers)


def test_address_is_verified_by_all_that_are_served(mpcw: Mpcw) -> None:
    made = mpcw.json("address", "new", "--account", "segwit")["address"]
    assert mpcw.json("address", "verify", made)["parties"] == [0, 1, 2]


def test_pool_is_looked_at_filled_and_drained(server: Server, mpcw: Mpcw) -> None:
    found = mpcw.json("presig", "status")
    assert (found["kept"], found["watermarks"]["target"]) == (True, 4)
    assert mpcw.json("presig", "drain", "--signers", "1,2")["kept"] is True
    made = mpcw.json("presig", "refill", "--count", 1, "--signers", "1,2")
    assert (made["signers"], made["kept"]) == ([1, 2], True)
    assert made["made"] >= 1
    assert mpcw.json("presig", "purge")["rows"] >= 0
    assert mpcw.json("presig", "watch", "--seconds", 0)["kept"] is True


def test_full_pool_is_not_refilled_to_its_target(mpcw: Mpcw) -> None:
    mpcw("presig", "refill", "--count", 100, "--signers", "0,2")  # as many as there may be
    error = mpcw.fails("presig", "refill", "--signers", "0,2")
    assert (error["name"], "say --count" in error["message"]) == ("usage", True)


def test_error_of_the_server_is_that_of_the_command(mpcw: Mpcw) -> None:
    mpcw("presig", "refill", "--count", 100, "--signers", "0,1")  # as many as there may be
    error = mpcw.fails("presig", "refill", "--count", 100, "--signers", "0,1")
    if error["name"] != "lease-refused":  # the keeper may be at it
        assert error["name"] == "usage"
    assert "Traceback" not in str(error)


def test_second_server_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.directory.LOCK_WAIT", 0.1)
    error = server.mpcw.fails("serve")
    assert error["name"] == "in-use"
    assert "runs for this wallet already" in error["message"]


def test_file_of_a_party_is_not_to_be_had_meanwhile(mpcw: Mpcw, server: Server) -> None:
    old, new = server.mpcw.passphrase_file(0), server.mpcw.home.parent / "new"
    new.write_text("another one\n")
    error = mpcw.fails(
        "passphrase", "change", 0, "--passphrase-file", f"0={old}", "--new-passphrase-file", new
    )
    assert "mpcw serve has the file of party 0" in error["message"]


def test_doctor_tells_that_it_runs(server: Server, mpcw: Mpcw) -> None:
    found = {item["check"]: item for item in mpcw.json("doctor")}["mpcw serve"]
    assert found["finding"] == f"main: party 0, 1, 2, process {server.process.pid}"


def test_socket_is_the_users_alone(server: Server) -> None:
    folder = server.mpcw.home / "wallets" / "main" / "serve"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / SOCKET).stat().st_mode) == 0o600


# ---- by itself ----


def test_killed_server_leaves_a_void_pool_and_no_obstacle(both: Mpcw) -> None:
    first = Server(both, "--parties", "0,1")  # one stock, which both have when it is filled
    first.stocked([0, 1])
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert (both.home / "wallets" / "main" / "serve" / SOCKET).exists()
    found = both.json("presig", "status")
    assert found["kept"] is False
    assert all(stock["ready"] == 0 for stock in found["stocks"])
    second = Server(both, "--parties", "0,1")
    assert second.until(lambda event: event["event"] == "serving")["parties"] == [0, 1]
    void = [event for event in second.events if event["event"] == "void"]
    assert {event["party"] for event in void} >= {0, 1}
    assert all(event["count"] >= 2 for event in void)
    code, err = second.end(signal.SIGTERM)
    assert (code, err) == (0, "")
    assert second.names[-1] == "stopped"
    both.json("address", "verify", both.json("address", "new")["address"])


def test_passphrase_that_is_wrong_ends_it(both: Mpcw, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong\n")
    error = both.fails("serve", "--passphrase-file", f"1={tmp_path / 'wrong'}")
    assert error["name"] == "wrong-passphrase"
    assert list((both.home / "wallets" / "main" / "serve").iterdir()) == []


def test_watermarks_are_those_that_the_user_gives(both: Mpcw) -> None:
    running = Server(both, "--parties", "0,1", "--low", "1", "--target", "3", "--max", "5")
    running.stocked([0, 1])
    assert running.events[-1]["wanted"] == 3
    found = both.json("presig", "status")
    assert [found["watermarks"][name] for name in ("low", "target", "max", "batch")] == [1, 3, 5, 2]
    assert [stock["ready"] for stock in found["stocks"]] == [3]
    assert running.end(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize(
    "marks", [("--low", "0"), ("--low", "101"), ("--target", "151"), ("--max", "99"), ("--max", "10001")]
)
def test_watermarks_that_do_not_fit_are_refused_before_a_passphrase_is_asked_for(
    both: Mpcw, marks: tuple[str, str]
) -> None:
    error = WithoutPassphrases(both.home).fails("serve", *marks)
    assert (error["code"], error["name"]) == (2, "usage")


def test_wallet_without_segwit_takes_no_watermarks(tmp_path: Path, cli_template: Path) -> None:
    shutil.copytree(cli_template, tmp_path / "home")
    assert Mpcw(tmp_path / "home").fails("serve", "--low", "1")["name"] == "not-found"


@pytest.mark.parametrize("parties", ["3", "0,x", "", "0,,1"])
def test_parties_that_there_are_not_are_refused(both: Mpcw, parties: str) -> None:
    assert both.fails("serve", "--parties", parties)["name"] == "usage"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda it: it.name)
def test_signal_stops_it_and_is_handled_as_before_afterwards(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stopped_by_signals() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
    assert signal.getsignal(number) is before
