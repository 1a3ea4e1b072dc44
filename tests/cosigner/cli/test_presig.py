"""mpcw presig, and payments whose SegWit inputs lack presignatures."""

import math
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from cosigner.cli import presig
from cosigner.cli.command import Invocation
from cosigner.cli.output import Output
from cosigner.cli.refill import expected_seconds, progress_text
from cosigner.cli.spending import _make_them
from cosigner.home import Home
from cosigner.keeper import Refilling
from cosigner.local import LocalWallet
from cosigner.pools import PartyFigures, PoolFigures
from cosigner.trouble import Trouble
from presig_pool.errors import PoolExhausted
from presig_pool.state import Stock
from presig_pool.watermarks import Watermarks
from protocol.errors import SecretReuseError
from protocol.ids import Epoch, PartyId
from tests.cosigner.cli.conftest import PASSPHRASES, STRANGER, Mpcw
from tests.cosigner.cli.test_passphrases import PATIENCE, Terminal, plain
from tests.cosigner.wallets import payment, pool, stock_up, unlock
from wallet.build import CoinControl
from wallet.script import ScriptType

ALL_SEGWIT = ("send", f"{STRANGER}=60btc", "--fee-rate", "2")  # takes a coin of each account
P0, P1 = PartyId(0), PartyId(1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = Watermarks(low=1, target=2, max=3, batch=2)
    monkeypatch.setattr("cosigner.parties.WATERMARKS", marks)


# ---- without a process that keeps them ----


def test_status_says_that_nobody_keeps_presignatures(both: Mpcw) -> None:
    shown = both.ok("presig", "status")
    assert "There were never any presignatures." in shown.out
    assert "end with the process that makes them" in shown.err
    assert "next: mpcw serve" in shown.err
    assert both.json("presig", "status")["kept"] is False


def test_refill_that_would_not_last_is_refused(both: Mpcw) -> None:
    error = both.fails("presig", "refill", "--count", 1)
    assert (error["code"], error["name"]) == (12, "not-kept")
    assert "mpcw serve" in error["hint"]
    assert both.json("presig", "status")["stocks"] == []


def test_refill_measures_how_fast_presignatures_are_made(both: Mpcw) -> None:
    made = both.json("presig", "refill", "--count", 3, "--measure", "--signers", "0,2")
    assert (made["made"], made["signers"], made["kept"]) == (3, [0, 2], False)
    assert both.json("presig", "refill", "--measure")["made"] == 2  # the target
    shown = both.ok("presig", "refill", "--count", 1, "--measure")
    assert re.search(r"1 made by 0, 1 in [0-9.]+ s: [0-9.]+ per second", shown.out)
    assert "ended with this process" in shown.err


def test_status_tells_what_a_process_that_has_ended_has_left(both: Mpcw) -> None:
    both.ok("presig", "refill", "--count", 3, "--measure")
    value = both.json("presig", "status")
    (stock,) = value["stocks"]
    assert (stock["signers"], stock["ready"], stock["generated"], stock["voided"]) == ([0, 1], 0, 3, 3)
    assert [party["voided"] for party in value["parties"]] == [3, 3, 0]
    shown = both.ok("presig", "status")
    assert "made 3, used 0, void 3" in shown.out
    assert "A process ended with 3 presignatures: void" in shown.err


def test_purge_forgets_what_is_left(both: Mpcw) -> None:
    both.ok("presig", "refill", "--count", 2, "--measure")
    assert both.json("presig", "purge") == {"rows": 4}
    assert both.json("presig", "purge") == {"rows": 0}
    value = both.json("presig", "status")
    assert [party["voided"] for party in value["parties"]] == [0, 0, 0]
    assert value["stocks"][0]["voided"] == 2


def test_drain_says_when_there_is_nothing_to_drain(both: Mpcw) -> None:
    assert both.json("presig", "drain") == {"voided": 0, "kept": False}
    assert "no process keeps" in both.ok("presig", "drain").err


@pytest.mark.parametrize(
    ("args", "code", "name"),
    [
        (("refill", "--count", 0, "--measure"), 2, "usage"),
        (("refill", "--measure", "--signers", "0"), 6, "not-enough-signers"),
        (("refill", "--measure", "--signers", "0,1,2"), 6, "not-enough-signers"),
        (("refill", "--measure", "--signers", "0,7"), 2, "usage"),
        (("drain", "--signers", "x"), 2, "usage"),
        (("watch", "--signers", "2"), 6, "not-enough-signers"),
    ],
)
def test_orders_that_make_no_sense_are_refused(
    args: tuple[object, ...], code: int, name: str, both: Mpcw
) -> None:
    error = both.fails("presig", *args)
    assert (error["code"], error["name"]) == (code, name), error


@pytest.mark.parametrize("verb", [("status",), ("refill", "--measure"), ("drain",), ("purge",), ("watch",)])
def test_wallet_without_segwit_has_no_pool(verb: tuple[str, ...], mpcw: Mpcw) -> None:
    error = mpcw.fails("presig", *verb)
    assert (error["code"], error["name"]) == (3, "not-found")
    assert "no SegWit account" in error["message"]


def test_attempts_to_use_a_presignature_again_are_warned_of(both: Mpcw) -> None:
    assert "warning" not in both.ok("presig", "status").err
    with LocalWallet.open(Home(both.home)) as wallet:
        unlock(wallet, 0, 1)
        stock_up(wallet, (0, 1), 1)
        (used,) = wallet.parties.own.parties[P0].ready_presignatures((P0, P1))
        coin = next(coin for coin in wallet.coins() if coin.kind is ScriptType.P2WPKH)
        control = CoinControl(frozenset([coin.outpoint]), only=True)
        wallet.sign(wallet.draft_send(replace(payment(50_000), control=control)).psbt, (P0, P1))
        with pytest.raises(SecretReuseError):
            pool(wallet, 1).grant(pool(wallet, 1).stocks()[0], bytes(32), [used], 0)
    assert [it["reuse_attempts"] for it in both.json("presig", "status")["parties"]] == [0, 1, 0]
    shown = both.ok("presig", "status").err
    assert "warning: somebody asked for presignatures that were used before" in shown
    assert "(party 1: 1)" in shown


def test_failing_file_of_a_party_is_shown(both: Mpcw, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = PartyFigures(P0, 0, 0, Trouble(None, "damaged: restore it"))
    found = PoolFigures(True, Watermarks(), (), (lost, PartyFigures(P1, 0, 0)))
    monkeypatch.setattr(LocalWallet, "pool_figures", lambda _: found)
    says = "party 0 makes no presignatures any more: damaged: restore it"
    assert f"warning: {says}" in both.ok("presig", "status").err
    assert says in both.ok("presig", "watch", "--seconds", 0).out
    shown = [party["trouble"] for party in both.json("presig", "status")["parties"]]
    assert shown == [{"until": None, "reason": "damaged: restore it"}, None]


# ---- watch ----


@contextmanager
def looking_until(*ready: int) -> Iterator[None]:
    """Have the time of mpcw presig watch pass when it has seen stocks with so many presignatures."""
    late, pool_figures, filled = time.monotonic() + PATIENCE, LocalWallet.pool_figures, False

    def figures(wallet: LocalWallet) -> PoolFigures:
        nonlocal filled
        found = pool_figures(wallet)
        filled = [stock.ready for stock in found.stocks] == list(ready)
        return found

    def monotonic() -> float:
        return math.inf if filled or time.monotonic() > late else 0.0

    clock = SimpleNamespace(monotonic=monotonic, sleep=lambda _: time.sleep(0.05))
    with patch.object(presig, "time", clock), patch.object(LocalWallet, "pool_figures", figures):
        yield


def test_watch_fills_the_pool_of_its_own_process(both: Mpcw) -> None:
    with looking_until(2, 2):
        value = both.json("presig", "watch", "--seconds", 2, "--signers", "0,1", "--signers", "1,2")
    assert value["kept"] is True
    assert [(stock["signers"], stock["ready"]) for stock in value["stocks"]] == [([0, 1], 2), ([1, 2], 2)]
    with looking_until(2):
        shown = both.ok("presig", "watch", "--seconds", 2)
    assert re.search(r"^0, 1 +2 +0 +0 +0 +[0-9]+ ", shown.out, re.MULTILINE)
    assert "filled to 2 below 1, never above 3; void after 7 days" in shown.out
    assert "2 presignatures ended with this process." in shown.err


def test_watch_is_a_live_table_that_ctrl_c_ends(both: Mpcw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATERMARKS", "1,2,3,2")
    terminal = Terminal(both, "presig", "watch")
    for party in (0, 1):
        terminal.expect(f"Passphrase of party {party} of main: ")
        terminal.type(PASSPHRASES[party])
    terminal.expect("made 2, used 0, void 0")
    terminal.process.send_signal(signal.SIGINT)
    done = terminal.end()
    assert done.code == 130
    shown = plain(done.out)
    assert "2 presignatures ended with this process." in shown
    assert "Traceback" not in shown
    assert "\x1b[?25h" in done.out, "the cursor is hidden"


# ---- payments ----


def test_short_pool_is_told_with_what_to_do(both: Mpcw) -> None:
    error = both.fails(*ALL_SEGWIT, "--yes")
    assert (error["code"], error["name"]) == (12, "pool-exhausted")
    assert (error["wanted"], error["ready"]) == (1, 0)
    assert error["message"] == "1 presignature is wanted and 0 are ready"
    assert "--wait" in error["hint"]
    assert "mpcw serve" in error["hint"]
    assert both.json("tx", "list")[0]["txid"] == error["draft"]
    signed = both.json("tx", "sign", error["draft"], "--yes", "--wait")
    assert signed["presignatures"] == 1
    both.ok("tx", "broadcast", error["draft"])


def test_missing_presignatures_are_made_for_a_payment_that_waits(both: Mpcw) -> None:
    paid = both.json(*ALL_SEGWIT, "--yes", "--wait")
    assert {item["account"] for item in paid["inputs"]} == {"taproot", "segwit"}
    assert paid["presignatures"] == 1
    assert 0 < paid["signing_seconds"] < 60
    both.ok("chain", "mine")
    statuses = {entry["txid"]: entry["status"] for entry in both.json("wallet", "history")}
    assert statuses[paid["txid"]] == "confirmed"
    (stock,) = both.json("presig", "status")["stocks"]
    assert (stock["generated"], stock["burned"], stock["used_last_hour"]) == (1, 1, 1)


def test_payment_with_more_inputs_than_a_pool_may_have_is_one_payment(both: Mpcw) -> None:
    for _ in range(3):
        both.ok("chain", "faucet", "--account", "segwit")
    everything = ("send", "--all", STRANGER, "--fee-rate", "2", "--yes")
    error = both.fails(*everything)
    assert (error["code"], error["name"], error["wanted"]) == (12, "pool-exhausted", 4)
    assert error["hint"] == "have them made first with --wait, or kept ready by mpcw serve"
    both.ok("tx", "drop", error["draft"])
    assert both.json(*everything, "--wait")["presignatures"] == 4


def test_taproot_inputs_need_no_presignatures(both: Mpcw) -> None:
    coin = next(item["coin"] for item in both.json("coin", "list") if item["account"] == "taproot")
    paid = both.json("send", f"{STRANGER}=1btc", "--coin", coin, "--only", "--yes", "--fee-rate", "2")
    assert paid["presignatures"] == 0
    assert both.json("presig", "status")["stocks"] == []


def test_replacement_says_that_it_takes_new_presignatures(both: Mpcw) -> None:
    first = both.ok(*ALL_SEGWIT, "--yes", "--wait")
    assert re.search(r"^uses +1 presignature$", first.err, re.MULTILINE)
    assert re.search(r"^signed in [0-9]+ ms, 1 presignature used up$", first.err, re.MULTILINE)
    txid = both.json("wallet", "history")[0]["txid"]
    for verb in ("bump", "cancel"):
        shown = both.ok("tx", verb, txid, "--fee-rate", 10, "--dry-run").out if verb == "bump" else ""
        shown = shown or both.ok("tx", verb, txid, "--dry-run").out
        assert "1 new presignature: those of what it replaces are used up" in shown
    bumped = both.json("tx", "bump", txid, "--fee-rate", 10, "--yes", "--wait")
    assert bumped["presignatures"] == 1
    assert both.json("presig", "status")["stocks"][0]["burned"] == 2


def test_people_at_a_terminal_are_offered_to_make_them(both: Mpcw) -> None:
    for answer, code in (("n", 12), ("y", 0)):
        terminal = Terminal(both, *ALL_SEGWIT, "--yes")
        for party in (0, 1):
            terminal.expect(f"Passphrase of party {party} of main: ")
            terminal.type(PASSPHRASES[party])
        terminal.expect("1 presignature is wanted and 0 are ready. Make 1 now, in about 1 s? [y/N]")
        terminal.type(answer)
        done = terminal.end()
        assert done.code == code, done.out
    assert "signed in" in plain(done.out)


def test_nobody_is_asked_who_has_said_wait(mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(Output, "ask", lambda *_: True)
    call, short = Invocation(None, None, Output(False)), PoolExhausted(1, 0)
    assert _make_them(call, mixed, short, waited=False)
    assert not _make_them(call, mixed, short, waited=True)
    assert not _make_them(Invocation(None, None, Output(True)), mixed, short, waited=False)


# ---- words ----


def test_progress_says_batch_rate_and_time_left() -> None:
    stock = Stock(b"\x02" * 33, Epoch(0), (P0, P1))
    start = Refilling(stock, 0, 4, 0, 100, 0.0)
    assert progress_text(start) == (
        f"making presignatures: batch 1 of 4, 0 of 100 made, about {expected_seconds(100, 2)} s"
    )
    later = Refilling(stock, 1, 4, 32, 100, 4.0)
    assert progress_text(later) == (
        "making presignatures: batch 2 of 4, 32 of 100 made, 8.0 per second, 8 s left"
    )


def test_more_presignatures_and_signers_are_expected_to_take_longer() -> None:
    assert expected_seconds(1, 2) == 1
    assert expected_seconds(100, 2) > expected_seconds(10, 2)
    assert expected_seconds(100, 5) > expected_seconds(100, 2)
