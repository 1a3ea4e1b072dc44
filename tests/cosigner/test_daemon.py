"""Parties in another process: signing, refills, and many who ask at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import grpc
import pytest

from cosigner.calls import WALLET_CALLS
from cosigner.clients import Clients
from cosigner.clock import unix_now
from cosigner.daemon import THREADS, WAITING, Daemon
from cosigner.errors import UnreachableError
from cosigner.keeper import Keeper, Refilling, Waiting
from cosigner.local import LocalWallet
from cosigner.meeting import MeetingPlace
from cosigner.party import Acceptance, Party, SigningOrder
from cosigner.pool_calls import POOL_CALLS, REFILL
from cosigner.pools import Pools
from cosigner.refill_calls import REFILL_CALLS
from cosigner.refilling import Leader
from cosigner.remote import RemoteParty, Server
from cosigner.service import ABOUT, MAX_REPORTING, PRESENT, WALLET_SERVICE, party_service
from cosigner.sessions import Sessions
from cosigner.signing import sign
from cosigner.steps import silent
from presig_pool.watermarks import Watermarks
from protocol.errors import MpcError
from protocol.ids import PartyId, SessionId
from protocol.machine import Sealed
from storage.errors import LockedError
from tests.cosigner.group import STRANGER, consensus_accepts
from tests.cosigner.served import P0, P1, P2, Serving, eventually, everything, fail, meeting, served
from tests.cosigner.wallets import fund, unlock
from wallet.amounts import FeeRate
from wallet.build import CoinControl
from wallet.errors import UnknownError
from wallet.psbt import Psbt, extract
from wallet.tx import Txid

# ---- what it is for ----


def test_mixed_inputs_are_signed_by_parties_that_are_served(serving: Serving, client: LocalWallet) -> None:
    assert client.unlocked == (0, 2)
    psbt = everything(client)
    signed = client.sign(psbt)
    assert consensus_accepts(psbt, extract(signed.psbt))
    assert set(signed.summaries) == {0, 2}
    assert [serving.ready(i, 0, 2) for i in (0, 2)] == [(4, 0)] * 2
    assert serving.incidents == []


def test_address_is_verified_by_parties_that_are_served(serving: Serving, client: LocalWallet) -> None:
    for account in (0, 1):
        assert client.address_verify(client.new_address(account=account).text) == (0, 2)


def test_parties_that_are_served_sign_before_those_that_are_sealed(client: LocalWallet) -> None:
    assert client.default_signers() == (0, 2)


def test_party_that_is_not_served_is_unlocked_here_and_signs_with_one_that_is(client: LocalWallet) -> None:
    unlock(client, 1)
    assert client.unlocked == (0, 1, 2)
    taproot = frozenset(coin.outpoint for coin in client.coins() if coin.owner.account == 0)
    control = CoinControl(taproot, only=True)
    psbt = client.draft_send_all(STRANGER, FeeRate(2000), control).psbt
    assert consensus_accepts(psbt, extract(client.sign(psbt, [P1, P2]).psbt))


def test_party_that_is_served_is_not_unlocked_twice(client: LocalWallet) -> None:
    unlock(client, 0)
    assert list(client.parties.own.parties) == []


def test_file_of_a_party_that_is_served_is_not_waited_for(client: LocalWallet) -> None:
    with pytest.raises(LockedError, match="mpcw serve has the file of party 2"):
        client.signed_by(P2)
    assert client.signed_by(P1) == ()


def test_wallet_is_used_while_its_parties_are_served(serving: Serving, client: LocalWallet) -> None:
    assert client.new_address().text
    client.close()
    with LocalWallet.open(serving.home) as again:
        assert again.unlocked == (0, 2)


def test_nobody_is_asked_to_sign_what_is_no_transaction(serving: Serving, server: Server) -> None:
    """A raw digest and a presignature that is known are a forgery (CVE-2025-66017, A-N9)."""
    assert {
        method.name for method in (*WALLET_CALLS, *REFILL_CALLS, *POOL_CALLS, REFILL, ABOUT, PRESENT)
    } == {
        *("about", "present", "script", "end", "figures", "drain", "purge", "refill"),
        *("ready_presignatures", "offer_presignatures", "open_signing", "receive"),  # a PSBT, and envelopes
        *("depth", "lend", "keep", "open_presigning", "vouch", "confirm"),
    }
    for service in (WALLET_SERVICE, party_service(P0)):
        for name in ("sign", "sign_digest", "sign_hash", "sign_message", "burn", "sign_share"):
            call = server._channel.unary_unary(f"/{service}/{name}")
            with pytest.raises(grpc.RpcError) as caught:
                call(bytes(32), timeout=60)
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert serving.incidents == []


def test_server_says_what_it_serves(server: Server) -> None:
    assert server.about.process == os.getpid()
    assert server.about.parties == (0, 2)


def test_refill_is_led_by_a_party_of_another_process(
    serving: Serving, client: LocalWallet, server: Server
) -> None:
    unlock(client, 1)
    own = client.parties.own.parties[P1]
    peers = {P1: own, P2: server.parties[P2]}
    stock = own.refills.stock([P1, P2])
    told = list[Refilling | Waiting]()
    keeper = Keeper(own.refills, peers, (), unix_now, told.append)
    assert keeper.refill(stock, 2) == 2
    assert serving.ready(2, 1, 2) == (2, 0)
    assert isinstance(told[-1], Refilling)
    segwit = frozenset(coin.outpoint for coin in client.coins() if coin.owner.account == 1)
    psbt = client.draft_send_all(STRANGER, FeeRate(2000), CoinControl(segwit, only=True)).psbt
    assert consensus_accepts(psbt, extract(client.sign(psbt, [P1, P2]).psbt))
    assert serving.ready(2, 1, 2) == (0, 0)


def test_pools_of_the_server_are_those_of_the_wallet(serving: Serving, client: LocalWallet) -> None:
    found = client.pool_figures()
    assert [(stock.signers, stock.ready) for stock in found.stocks] == [((0, 2), 6)]
    assert client.pools.drain() == 6
    assert client.pools.purge() == 12
    told = list[Refilling | Waiting]()
    assert client.pools.refill([P0, P2], 3, told.append) == 3
    assert [news.made for news in told if isinstance(news, Refilling)] == [0, 3]
    assert serving.ready(0, 0, 2) == (3, 0)


def test_payment_with_more_inputs_than_a_pool_may_have_is_signed_by_the_served(
    serving: Serving, client: LocalWallet
) -> None:
    assert serving.own.pools is not None
    serving.own.pools.keep_to(Watermarks(low=1, target=1, max=1, batch=2))
    client.pools.drain()
    psbt = everything(client)
    assert consensus_accepts(psbt, extract(client.sign(psbt, wait=lambda _: None).psbt))
    assert serving.ready(0, 0, 2) == (0, 0)


def test_refill_whose_user_has_gone_makes_no_more_batches(
    serving: Serving, client: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pool in serving.pools.values():
        pool.watermarks = Watermarks(low=1, target=1, max=150, batch=1)
    make = Leader.make

    def slow(leader: Leader, fence: int, count: int) -> None:
        make(leader, fence, count)
        time.sleep(0.5)  # enough, in a few batches, for the news that the user has gone

    monkeypatch.setattr(Leader, "make", slow)

    def leave(_: Refilling | Waiting) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.pools.refill([P0, P2], 100, leave)
    eventually(lambda: [it.what for it in serving.incidents] == ["refill"])
    assert serving.ready(0, 0, 2)[0] < 20


def test_wallet_without_segwit_is_served_without_pools(wallet: LocalWallet) -> None:
    fund(wallet, 90_000)
    with served(wallet, (0, 1)) as serving, LocalWallet.open(serving.home) as client:
        psbt = everything(client)
        assert consensus_accepts(psbt, extract(client.sign(psbt).psbt))
        with pytest.raises(UnknownError, match="no SegWit account"):
            client.pool_figures()


# ---- many at once ----


def test_a_hundred_calls_at_once_are_answered(server: Server) -> None:
    scripts = {}

    def ask(i: int) -> None:
        scripts[i] = server.parties[P0 if i % 2 else P2].script(i % 2, 0, i // 2)

    with ThreadPoolExecutor(100) as threads:
        list(threads.map(ask, range(100)))
    assert len(set(scripts.values())) == 100


def test_call_does_not_wait_behind_the_messages_of_a_refill(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, busy = threading.Event(), threading.Semaphore(0)

    def compute(*_: object) -> tuple[()]:
        busy.release()
        assert free.wait(60)
        return ()

    monkeypatch.setattr(Party, "receive", compute)
    with ThreadPoolExecutor(20) as threads:
        slow = [threads.submit(server.parties[P0].receive, P2, b"") for _ in range(20)]
        for _ in slow:
            assert busy.acquire(timeout=60)
        assert server.parties[P0].script(0, 0, 0)
        assert not any(future.done() for future in slow)
        free.set()


def test_more_calls_than_there_is_room_for_are_refused_at_once(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr(Party, "script", lambda *_: bytes(free.wait(60)))

    def ask(_: int) -> str:
        try:
            return str(len(found.parties[P0].script(0, 0, 0)))
        except UnreachableError as e:
            free.set()  # by now the others have their place
            return str(e)

    found = Server.find(meeting(serving))
    assert found is not None
    with found, ThreadPoolExecutor(WAITING + 20) as threads:
        answers = Counter(threads.map(ask, range(WAITING + 20)))
    assert answers["party 0 is asked too many things at once, or something too large"] >= 1
    assert answers["1"] >= WAITING // 2
    assert sum(answers.values()) == WAITING + 20


def test_refills_that_wait_for_each_other_keep_no_call_waiting(
    serving: Serving, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()

    def wait(*_: object, **__: object) -> int:
        assert free.wait(60)
        return 1

    def order(_: int) -> str:
        try:
            return str(server.pools.refill([P0, P2], 1, lambda _: None))
        except UnreachableError as e:
            return str(e)

    monkeypatch.setattr(Pools, "refill", wait)
    busy = "mpcw serve is asked too many things at once, or something too large"
    with ThreadPoolExecutor(THREADS) as threads:
        orders = [threads.submit(order, i) for i in range(THREADS)]
        eventually(lambda: sum(order.done() for order in orders) == THREADS - MAX_REPORTING)
        assert server.parties[P0].script(0, 0, 0)
        free.set()
    assert Counter(order.result() for order in orders) == {busy: THREADS - MAX_REPORTING, "1": MAX_REPORTING}
    assert server.pools.refill([P0, P2], 1, lambda _: None) == 1  # there is room again


def test_order_whose_user_has_gone_holds_no_thread(
    mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, over = threading.Event(), threading.Event()

    def wait(*_: object, **__: object) -> int:
        free.wait(60)
        over.set()
        return 1

    monkeypatch.setattr(Pools, "refill", wait)
    monkeypatch.setattr("cosigner.daemon.THREADS", 1)
    monkeypatch.setattr("cosigner.remote.REFILL", replace(REFILL, seconds=0.5))
    with served(mixed, (0, 2)) as serving, LocalWallet.open(serving.home) as client:
        with pytest.raises(UnreachableError):
            client.pools.refill([P0, P2], 1, lambda _: None)
        assert client.parties.server is not None
        assert client.parties.server.parties[P0].script(0, 0, 0)
        assert not over.is_set()
        free.set()
        assert over.wait(60)


def test_clients_at_once_are_granted_different_presignatures(serving: Serving, client: LocalWallet) -> None:
    psbts = [everything(client, rate) for rate in (1000, 2000, 3000)]

    def pay(psbt: Psbt) -> Txid:
        found = Server.find(meeting(serving))
        assert found is not None
        with found:
            signed = sign(client.review(psbt), psbt, client.keys, found.parties, silent)
        assert consensus_accepts(psbt, extract(signed.psbt))
        return extract(signed.psbt).txid

    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(pay, psbts))) == 3
    assert [serving.ready(i, 0, 2) for i in (0, 2)] == [(0, 0)] * 2


# ---- the end ----


class Dead(BaseException):
    """What takes a client away in the midst of signing."""


def sign_and_die(serving: Serving, monkeypatch: pytest.MonkeyPatch, at: str, times: int = 0) -> None:
    """Have a client go away when it asks a party for something, after it has done so some times."""
    asked = Counter[str]()
    really = getattr(RemoteParty, at)

    def ask(party: RemoteParty, *args: object) -> object:
        asked[at] += 1
        if asked[at] > times:
            raise Dead
        return really(party, *args)

    with LocalWallet.open(serving.home) as client, monkeypatch.context() as patch:
        patch.setattr(RemoteParty, "end", lambda *_: None)
        psbt = everything(client)
        patch.setattr(RemoteParty, at, ask)
        with pytest.raises(Dead):
            client.sign(psbt)
        assert serving.granted() > 0 or serving.burned() > 0


@pytest.fixture
def segwit(mixed: LocalWallet) -> Iterator[Serving]:
    """Parties 0 and 2, with presignatures and one SegWit coin."""
    fund(mixed, 50_000, accounts=(1,))
    with served(mixed, (0, 2), stocked=6) as serving:
        yield serving


@pytest.mark.parametrize(("at", "times"), [("open_signing", 1), ("receive", 0)])
def test_presignatures_of_a_client_that_died_are_free_at_once(
    segwit: Serving, monkeypatch: pytest.MonkeyPatch, at: str, times: int
) -> None:
    sign_and_die(segwit, monkeypatch, at, times)
    eventually(lambda: segwit.granted() == 0)
    assert [segwit.ready(i, 0, 2) for i in (0, 2)] == [(6, 0)] * 2
    assert not any(party._opened for party in segwit.own.parties.values())
    assert {it.what for it in segwit.incidents} == {"a signing session whose client has gone"}
    with LocalWallet.open(segwit.home) as client:
        psbt = everything(client)
        assert consensus_accepts(psbt, extract(client.sign(psbt).psbt))


def test_presignature_that_a_signer_burnt_for_a_client_that_died_is_void_at_the_others(
    segwit: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Sessions.receive
    monkeypatch.setattr("cosigner.exchange._end", lambda *_: None)

    def receive(sessions: Sessions, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        if sessions is segwit.own.parties[P2]._sessions:
            raise OSError("the machine of party 2 fails")
        return really(sessions, sender, envelope)

    with LocalWallet.open(segwit.home) as client, monkeypatch.context() as patch:
        patch.setattr(Sessions, "receive", receive)
        patch.setattr(Party, "receive", lambda party, *args: party._sessions.receive(*args))
        patch.setattr(RemoteParty, "end", lambda *_: None)
        with pytest.raises(Exception, match="machine"):
            client.sign(everything(client))
        assert (segwit.burned(0), segwit.burned(2)) == (1, 0)
        assert segwit.granted() == 1
    eventually(lambda: segwit.granted() == 0)
    assert [segwit.ready(i, 0, 2) for i in (0, 2)] == [(5, 0)] * 2


def test_presignature_with_a_signer_in_the_process_that_died_is_void(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalWallet.open(serving.home) as client:
        unlock(client, 1)
        own, found = client.parties.own.parties[P1], Server.find(meeting(serving))
        assert found is not None
        with found:
            peers = {P1: own, P2: found.parties[P2]}
            keeper = Keeper(own.refills, peers, (), unix_now, lambda _: None)
            assert keeper.refill(own.refills.stock([P1, P2]), 2) == 2
        monkeypatch.setattr(RemoteParty, "end", lambda *_: None)
        monkeypatch.setattr(RemoteParty, "receive", lambda *_: fail(UnreachableError("gone")))
        segwit = frozenset(coin.outpoint for coin in client.coins() if coin.owner.account == 1)
        psbt = client.draft_send_all(STRANGER, FeeRate(2000), CoinControl(segwit, only=True)).psbt
        with pytest.raises(UnreachableError):
            client.sign(psbt, [P1, P2])
        assert serving.ready(2, 1, 2) == (2, 2)
    eventually(lambda: serving.ready(2, 1, 2) == (0, 0))


def test_session_that_is_opened_for_a_client_that_has_gone_is_ended(
    segwit: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, asked, gone, opened = Party.open_signing, threading.Event(), threading.Event(), threading.Event()

    def slow(party: Party, order: SigningOrder) -> Acceptance:
        asked.set()
        assert gone.wait(60)
        accepted = really(party, order)
        opened.set()
        return accepted

    monkeypatch.setattr(Party, "open_signing", slow)
    leave = Clients.leave

    def left(clients: Clients, client: bytes) -> None:
        leave(clients, client)
        gone.set()

    monkeypatch.setattr(Clients, "leave", left)
    with ThreadPoolExecutor(1) as threads:
        with LocalWallet.open(segwit.home) as client:
            signing = threads.submit(client.sign, everything(client))
            assert asked.wait(60)
        assert signing.exception(60) is not None
    assert opened.wait(60)
    eventually(lambda: segwit.granted() == 0)
    assert segwit.ready(0, 0, 2) == (6, 0)


def test_killed_process_frees_its_presignatures_at_once(segwit: Serving) -> None:
    code = f"""
import os, signal
from pathlib import Path
from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.remote import RemoteParty
RemoteParty.receive = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with LocalWallet.open(Home(Path({str(segwit.home.path)!r}))) as wallet:
    (psbt,) = wallet.drafts().values()
    wallet.sign(psbt)
"""
    with LocalWallet.open(segwit.home) as client:
        client.draft_send_all(STRANGER, FeeRate(2000))
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    eventually(lambda: segwit.granted() == 0)
    assert [segwit.ready(i, 0, 2) for i in (0, 2)] == [(6, 0)] * 2
    assert segwit.incidents


def test_sessions_of_a_client_that_is_not_watched_end_when_their_time_is_over(
    segwit: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cosigner.clients.MAX_CLIENTS", 0)
    sign_and_die(segwit, monkeypatch, "receive")
    assert segwit.granted() == 2
    monkeypatch.setattr("cosigner.party.SESSION_SECONDS", 0)
    eventually(lambda: segwit.granted() == 0)
    assert {it.what for it in segwit.incidents} == {"a signing session"}
    assert segwit.ready(0, 0, 2) == (6, 0)


def test_error_of_the_program_at_a_party_ends_no_look_at_the_others(
    segwit: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere in the suite an error that a thread tells fails the test."""
    told, really = list[threading.ExceptHookArgs](), Party.end_old

    def end_old(party: Party) -> tuple[MpcError, ...]:
        if party.id == P0 and not told:
            raise KeyError("session")
        return really(party)

    monkeypatch.setattr(threading, "excepthook", told.append)
    monkeypatch.setattr("cosigner.clients.MAX_CLIENTS", 0)
    sign_and_die(segwit, monkeypatch, "receive")
    monkeypatch.setattr(Party, "end_old", end_old)
    monkeypatch.setattr("cosigner.party.SESSION_SECONDS", 0)
    eventually(lambda: segwit.granted() == 0)
    assert [args.exc_type for args in told] == [KeyError]


def test_looks_that_fail_become_rare_until_one_succeeds() -> None:
    waits = list[float]()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 12

    looking = SimpleNamespace(
        _stop=SimpleNamespace(wait=wait), _parties=[P0], _end_old=lambda _: len(waits) > 10
    )
    Daemon._look(cast(Daemon, looking))
    assert waits[:3] == [0.25, 0.5, 1]
    assert waits[10:] == [60, 0.25, 0.25]


def test_what_a_session_that_could_not_be_ended_was_granted_is_void(
    segwit: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, really = list[threading.ExceptHookArgs](), Party.halt
    monkeypatch.setattr(threading, "excepthook", told.append)

    def halt(party: Party, session: SessionId) -> MpcError | None:
        if party.id == P0:
            raise KeyError("session")
        return really(party, session)

    with monkeypatch.context() as patch:
        patch.setattr(Party, "halt", halt)
        sign_and_die(segwit, monkeypatch, "receive")
        eventually(lambda: segwit.granted() == 0)
    assert [args.exc_type for args in told] == [KeyError]
    assert [segwit.ready(i, 0, 2) for i in (0, 2)] == [(5, 0)] * 2
    assert KeyError in {type(it.error) for it in segwit.incidents}


def test_client_that_goes_on_is_watched_by_one_call_and_its_sessions_are_forgotten(
    serving: Serving, client: LocalWallet
) -> None:
    clients = serving.daemon._clients
    for _ in range(2):
        client.sign(everything(client))
        (present,) = clients._present.values()
        assert len(present.sessions) <= 2  # those of the last transaction
    client.close()
    eventually(lambda: not clients._present)
    assert serving.incidents == []


def test_stopping_ends_a_session_that_is_opened_meanwhile(
    segwit: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cosigner.daemon.GRACE_SECONDS", 0.1)
    really, asked = Party.open_signing, threading.Event()

    def slow(party: Party, order: SigningOrder) -> Acceptance:
        asked.set()
        time.sleep(1)
        return really(party, order)

    monkeypatch.setattr(Party, "open_signing", slow)
    monkeypatch.setattr("cosigner.remote.Presence.client", lambda _: b"")
    with ThreadPoolExecutor(1) as threads, LocalWallet.open(segwit.home) as client:
        signing = threads.submit(client.sign, everything(client))
        assert asked.wait(30)
        segwit.daemon.stop()
        assert signing.exception(30) is not None
    assert segwit.granted() == 0
    assert not any(party._opened for party in segwit.own.parties.values())


def test_stopping_ends_sessions_and_removes_the_socket(
    mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(mixed, 50_000, accounts=(1,))
    with served(mixed, (0, 2), stocked=6) as serving:
        with LocalWallet.open(serving.home) as client:
            monkeypatch.setattr(RemoteParty, "end", lambda *_: None)
            monkeypatch.setattr(RemoteParty, "receive", lambda *_: fail(UnreachableError("gone")))
            with pytest.raises(UnreachableError):
                client.sign(everything(client))
            assert serving.ready(0, 0, 2) == (6, 1)
            monkeypatch.setattr("cosigner.daemon.GRACE_SECONDS", 300.0)
            began = time.monotonic()
            serving.daemon.stop()
        assert time.monotonic() - began < 200  # the call of the client was not waited for
        assert serving.ready(0, 0, 2) == (6, 0)
        place = meeting(serving)
        assert list(place.iterdir()) == []
    assert MeetingPlace.find(place) is None
