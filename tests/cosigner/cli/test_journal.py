"""The lines of a process that goes on."""

import errno
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from cosigner.cli.journal import Journal
from cosigner.cli.output import Output
from cosigner.daemon import Incident
from cosigner.errors import RefillFailedError
from cosigner.keeper import Refilling, Waiting
from cosigner.pools import PartyFigures, PoolFigures
from cosigner.steps import Deed, Step
from cosigner.trouble import Trouble
from presig_pool.state import Stock
from presig_pool.watermarks import DEFAULT
from protocol.errors import FaultyPartyError, SessionTimeout
from protocol.ids import Epoch, PartyId

P0, P2 = PartyId(0), PartyId(2)
STOCK = Stock(b"\2" * 33, Epoch(0), (P0, P2))
HALF = Refilling(STOCK, 1, 2, 4, 8, 2.0)
WAITING = Waiting(STOCK, (P2,), 1_700_000_000, "the refill failed with party 2: no way there")


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The events; each is an object on a line of its own, with its time."""
    out, err = capsys.readouterr()
    assert err == ""
    events = [json.loads(line) for line in out.splitlines()]
    assert all(event.pop("time") > 1_700_000_000 for event in events)
    return events


def test_batch_is_told_with_its_rate(capsys: pytest.CaptureFixture[str]) -> None:
    Journal(Output(False)).refill(HALF)
    assert "refill of 0 and 2: 4 of 8 made, 2.0 per second" in capsys.readouterr().out
    journal = Journal(Output(True))
    journal.refill(replace(HALF, batch=0, made=0))
    journal.refill(HALF)
    assert told(capsys) == [{"event": "refill", "signers": [0, 2], "made": 4, "wanted": 8, "seconds": 2.0}]


def test_refill_that_waits_is_told_once_with_its_peer(capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(Output(True))
    for record in (WAITING, WAITING, replace(WAITING, until=1_700_000_060), HALF, WAITING):
        journal.refill(record)
    events = told(capsys)
    assert [event["event"] for event in events] == ["waiting", "refill", "waiting"]
    assert events[0]["peers"] == [2]
    assert events[0]["reason"] == WAITING.reason
    Journal(Output(False)).refill(WAITING)
    assert "waits until 2023-11-14 22:13 UTC: the refill failed with party 2" in capsys.readouterr().out


def test_deed_of_a_party_is_told_but_not_twice(capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(Output(True))
    journal.step(Step(P2, Deed.PRESIGNATURES_BURNT, "1 burnt"))
    for deed in (Deed.PRIMES_SEARCHED, Deed.PRESIGNATURES_MADE, Deed.PRESIGNATURES_READY):
        journal.step(Step(P2, deed))
    assert told(capsys) == [{"event": "deed", "party": 2, "deed": "presignatures_burnt", "detail": "1 burnt"}]


def test_incident_names_the_party_and_the_culprits(capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(Output(True))
    journal.incident(Incident(P0, "receive", FaultyPartyError({P2: "signature"})))
    journal.incident(Incident(P0, "a signing session", SessionTimeout([P2])))
    journal.incident(Incident(None, "refill", RefillFailedError([P2], SessionTimeout([P2]))))
    faulty, late, failed = told(capsys)
    assert (faulty["party"], faulty["name"], faulty["culprits"]) == (0, "faulty-party", {"2": "signature"})
    assert (late["what"], late["missing"]) == ("a signing session", [2])
    assert (failed["party"], failed["name"]) == (None, "refill-failed")
    Journal(Output(False)).incident(Incident(P0, "receive", FaultyPartyError({P2: "signature"})))
    assert "party 0, receive: party 2: signature" in capsys.readouterr().out


def test_failing_file_of_a_party_is_told_once_and_when_it_works_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    journal, full = Journal(Output(True)), Trouble(1_700_000_000, "the disk is full")
    for trouble in (full, replace(full, until=1_700_000_030), Trouble(None, "damaged"), None, None):
        parties = PartyFigures(P0, 0, 0, trouble), PartyFigures(P2, 0, 0)
        journal.status(PoolFigures(True, DEFAULT, (), parties))
    assert told(capsys) == [
        {"event": "trouble", "party": 0, "until": 1_700_000_000, "reason": "the disk is full"},
        {"event": "trouble", "party": 0, "until": None, "reason": "damaged"},
        {"event": "recovered", "party": 0},
    ]
    Journal(Output(False)).status(PoolFigures(True, DEFAULT, (), (PartyFigures(P0, 0, 0, full),)))
    shown = capsys.readouterr().out
    assert "party 0 makes no presignatures until 2023-11-14 22:13 UTC: the disk is full" in shown


def test_events_of_many_threads_are_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(Output(True))
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda i: journal.step(Step(P0, Deed.SIGNING_LOGGED, str(i))), range(200)))
    assert {event["detail"] for event in told(capsys)} == {str(i) for i in range(200)}


@pytest.mark.parametrize(
    "error", [BrokenPipeError(), OSError(errno.EIO, "the terminal is gone"), SystemExit(1)]
)
def test_party_goes_on_when_nobody_reads(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> NoReturn:
        raise error

    out = Output(False)
    for name in ("event", "live", "settle"):
        monkeypatch.setattr(out, name, gone)
    journal = Journal(out)
    journal.step(Step(P0, Deed.SIGNING_LOGGED))
    journal.status(PoolFigures(True, DEFAULT, (), ()))
    journal.quiet()
