"""Parties in another process: signing through the socket, and what happens to those who misbehave there."""

import os
import socket
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest

from cosigner import calls
from cosigner.daemon import WAITING
from cosigner.errors import PolicyDenied, UnreachableError
from cosigner.home import Home
from cosigner.keeper import Keeper, Refilling, Waiting
from cosigner.local import LocalWallet
from cosigner.meeting import SOCKET, MeetingPlace
from cosigner.parties import unix_now
from cosigner.party import Party, SigningOrder
from cosigner.refill_calls import REFILL_CALLS
from cosigner.remote import Caller, RemoteParty, Server
from cosigner.service import ABOUT, WALLET_SERVICE, party_service
from cosigner.signing import sign
from cosigner.steps import silent
from cosigner.wire import MAX_REQUEST, Method
from presig_pool.errors import PoolExhausted
from presig_pool.watermarks import Watermarks
from protocol.errors import EncodingError
from protocol.ids import PartyId
from storage.errors import LockedError, StorageError
from tests.cosigner.group import STRANGER, consensus_accepts
from tests.cosigner.served import Serving, served
from tests.cosigner.wallets import fund, unlock
from wallet.amounts import FeeRate
from wallet.build import CoinControl
from wallet.errors import MalformedError
from wallet.psbt import Psbt, extract
from wallet.tx import Txid

P0, P1, P2 = map(PartyId, range(3))


@pytest.fixture
def serving(mixed: LocalWallet) -> Iterator[Serving]:
    """Parties 0 and 2 of a funded wallet, with six presignatures."""
    fund(mixed, 40_000, 50_000, 60_000, 70_000, accounts=(0, 1))
    with served(mixed, (0, 2), stocked=6) as it:
        yield it


@pytest.fixture
def client(serving: Serving) -> Iterator[LocalWallet]:
    """The wallet as another process opens it."""
    with LocalWallet.open(serving.home) as wallet:
        yield wallet


@pytest.fixture
def server(serving: Serving) -> Iterator[Server]:
    found = Server.find(meeting(serving))
    assert found is not None
    with found:
        yield found


def meeting(serving: Serving) -> Path:
    return serving.home.wallet().meeting


def everything(wallet: LocalWallet, rate: int = 2000) -> Psbt:
    """A transaction with two inputs of each account."""
    return wallet.draft_send_all(STRANGER, FeeRate(rate), dry_run=True).psbt


def fail(error: Exception) -> NoReturn:
    raise error


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


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


def test_refill_whose_user_has_gone_makes_no_more_batches(
    serving: Serving, client: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pool in serving.pools.values():
        pool.watermarks = Watermarks(low=1, target=1, max=150, batch=1)

    def leave(_: Refilling | Waiting) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.pools.refill([P0, P2], 100, leave)
    eventually(lambda: [it.what for it in serving.incidents] == ["refill"])
    assert serving.ready(0, 0, 2)[0] < 20


# ---- errors ----


def test_short_pool_is_told_with_its_figures(server: Server) -> None:
    with pytest.raises(PoolExhausted) as caught:
        server.parties[P0].offer_presignatures([P0, P2], 7, server.parties[P0].ready_presignatures([P0, P2]))
    assert (caught.value.wanted, caught.value.ready) == (7, 6)
    assert str(caught.value) == "7 presignatures are wanted and 6 are ready"


def test_refusals_of_served_parties_are_told_by_party(
    serving: Serving, client: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Party, "open_signing", lambda *_: fail(MalformedError("no such thing")))
    with pytest.raises(PolicyDenied) as caught:
        client.sign(everything(client))
    assert caught.value.refusals == {0: "no such thing", 2: "no such thing"}
    assert [(it.party, it.what) for it in serving.incidents] == [(0, "open_signing"), (2, "open_signing")]


def test_unknown_error_crosses_without_its_text(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Party, "script", lambda *_: fail(ZeroDivisionError("secret 4711")))
    with pytest.raises(Exception, match="keeps to itself") as caught:
        server.parties[P0].script(0, 0, 0)
    assert "4711" not in repr(caught.value)


def test_party_that_is_not_served_is_not_reached(server: Server) -> None:
    with pytest.raises(UnreachableError, match="party 1 is not served"):
        RemoteParty(server._channel, P1).script(0, 0, 0)


def test_call_that_nobody_answers_in_time_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    monkeypatch.setattr(Party, "script", lambda *_: free.wait(20))
    hasty = replace(calls.SCRIPT, seconds=1)
    with pytest.raises(UnreachableError, match="party 0 has not answered for 1 s"):
        Caller(server._channel, party_service(P0), "party 0").ask(hasty, (0, 0, 0))
    free.set()


def test_server_that_stops_is_told(serving: Serving, server: Server) -> None:
    serving.daemon.stop()
    with pytest.raises(UnreachableError, match="party 0 does not answer") as caught:
        server.parties[P0].script(0, 0, 0)
    assert "mpcw serve" in caught.value.hint


def test_unreachable_signer_ends_the_session_of_the_others(
    serving: Serving, client: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = client.parties.peers([P2])[P2]
    for call in ("receive", "end"):
        monkeypatch.setattr(peer, call, lambda *_: fail(UnreachableError("party 2 does not answer")))
    with pytest.raises(UnreachableError):
        client.sign(everything(client))
    assert serving.ready(0, 0, 2) == (6, 0)


def test_unreachable_signer_keeps_no_other_from_being_told(
    serving: Serving, client: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = client.parties.peers([P0, P2])
    opened = peers[P2].open_signing

    def lost(order: SigningOrder) -> NoReturn:
        opened(order)
        raise UnreachableError("the answer is lost")

    monkeypatch.setattr(peers[P2], "open_signing", lost)
    monkeypatch.setattr(peers[P0], "end", lambda *_: fail(UnreachableError("party 0 does not answer")))
    with pytest.raises(UnreachableError, match="the answer is lost"):
        client.sign(everything(client))
    assert serving.ready(2, 0, 2) == (6, 0)


# ---- secrets ----


def test_no_secret_is_in_any_reply(
    serving: Serving, client: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies, reply = list[bytes](), Method.reply

    def overheard(method: Method[Any, Any, Any], value: object) -> bytes:
        replies.append(reply(method, value))
        return replies[-1]

    secrets = list[bytes]()
    for i, pool in serving.pools.items():
        store, segwit = serving.own.stores[PartyId(i)], client.keys.segwit
        assert segwit is not None
        secrets += [store.host_key().declassify()]
        secrets += [store.share(client.keys.taproot.public_key).secshare.declassify()]
        secrets += [store.ecdsa_share(segwit.public_key).secshare.declassify()]
        for held in pool._store.secrets(pool.ready(segwit.stock([P0, P2]), 0)):
            secrets += [secret.declassify() for secret in held.secrets()]
    monkeypatch.setattr(Method, "reply", overheard)
    client.sign(everything(client))
    client.pools.figures()
    assert len(replies) > 10
    assert len(secrets) == 2 * 3 + 2 * 6 * 2
    said = b"".join(replies)
    assert not any(form in said for secret in secrets for form in (secret, secret[::-1]))


# ---- hostile bytes ----


@pytest.mark.parametrize("method", [*calls.WALLET_CALLS, *REFILL_CALLS], ids=lambda method: method.name)
@pytest.mark.parametrize("request_", [b"", b"\x00", b"\xff" * 100], ids=["empty", "zero", "ones"])
def test_malformed_request_is_refused(server: Server, method: Method[Any, Any, Any], request_: bytes) -> None:
    call: Any = server._channel.unary_unary(f"/{party_service(P0)}/{method.name}")
    assert isinstance(method.read_reply(call(request_, timeout=5)), EncodingError)


def test_oversized_request_is_refused_before_it_is_read(server: Server) -> None:
    call: Any = server._channel.unary_unary(f"/{party_service(P0)}/receive")
    with pytest.raises(grpc.RpcError) as caught:
        call(bytes(MAX_REQUEST + 1), timeout=10)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # type: ignore[attr-defined]
    assert server.parties[P0].script(0, 0, 0)


def test_what_is_no_http_harms_nobody(serving: Serving, server: Server) -> None:
    with ExitStack() as stack:
        for noise in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            line = stack.enter_context(socket.socket(socket.AF_UNIX))
            line.connect(str(meeting(serving) / SOCKET))
            line.sendall(noise)
        assert server.parties[P0].script(0, 0, 0)


def test_answer_that_cannot_be_read_is_no_answer(server: Server) -> None:
    other: Method[Any, None, bytes] = Method("about", ABOUT.request, calls.SCRIPT.answer, lambda *_: b"", 5)
    with pytest.raises(UnreachableError, match="answers what cannot be read"):
        Caller(server._channel, WALLET_SERVICE, "mpcw serve").ask(other, None)


def test_sessions_of_a_client_that_died_end_and_free_its_presignatures(
    mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(mixed, 40_000, 50_000, accounts=(0, 1))
    monkeypatch.setattr("cosigner.party.SESSION_SECONDS", 0.5)
    with served(mixed, (0, 2), stocked=6) as serving:
        with LocalWallet.open(serving.home) as client:
            peers, orders = client.parties.peers([P0, P2]), list[SigningOrder]()

            def die(order: SigningOrder) -> None:
                orders.append(order)
                raise SystemExit

            monkeypatch.setattr(peers[P2], "open_signing", die)
            monkeypatch.setattr(RemoteParty, "end", lambda *_: None)
            with pytest.raises(SystemExit):
                client.sign(everything(client))
        assert serving.ready(0, 0, 2) == (6, 1)
        eventually(lambda: serving.ready(0, 0, 2) == (6, 0))
        assert {(it.party, it.what) for it in serving.incidents} == {(0, "a signing session")}
        assert len(orders) == 1


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
        serving.daemon.stop()
        assert serving.ready(0, 0, 2) == (6, 0)
        place = meeting(serving)
        assert list(place.iterdir()) == []
    assert MeetingPlace.find(place) is None


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
        assert free.wait(30)
        return ()

    monkeypatch.setattr(Party, "receive", compute)
    with ThreadPoolExecutor(20) as threads:
        slow = [threads.submit(server.parties[P0].receive, P2, b"") for _ in range(20)]
        for _ in slow:
            assert busy.acquire(timeout=30)
        assert server.parties[P0].script(0, 0, 0)
        assert not any(future.done() for future in slow)
        free.set()


def test_more_calls_than_there_is_room_for_are_refused_at_once(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr(Party, "script", lambda *_: bytes(free.wait(30)))

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


# ---- the place ----


def test_second_server_is_refused(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.directory.LOCK_WAIT", 0.1)
    with pytest.raises(LockedError, match="mpcw serve runs for this wallet already"):
        MeetingPlace.claim(meeting(serving))
    with LocalWallet.open(serving.home) as client:
        assert client.unlocked == (0, 2)


def test_only_the_user_reaches_the_socket(serving: Serving) -> None:
    place = meeting(serving)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / SOCKET).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o777])
def test_place_that_others_reach_is_not_used(serving: Serving, client: LocalWallet, mode: int) -> None:
    meeting(serving).chmod(mode)
    with pytest.raises(StorageError, match="could answer in the place of your parties"):
        client.unlocked  # noqa: B018


def test_place_that_others_reach_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "serve").mkdir()
    (tmp_path / "serve").chmod(0o755)
    with pytest.raises(StorageError, match="others than you"):
        MeetingPlace.claim(tmp_path / "serve")


def test_place_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    MeetingPlace.claim(tmp_path / "serve").close()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(StorageError, match="others than you"):
        MeetingPlace.claim(tmp_path / "serve")


def test_link_is_no_place(tmp_path: Path) -> None:
    MeetingPlace.claim(tmp_path / "serve").close()
    (tmp_path / "link").symlink_to(tmp_path / "serve")
    with pytest.raises(StorageError, match="cannot be opened"):
        MeetingPlace.claim(tmp_path / "link")


def test_socket_that_a_killed_server_left_is_no_server(tmp_path: Path) -> None:
    path = tmp_path / "serve"
    MeetingPlace.claim(path).close()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path / SOCKET))
    assert MeetingPlace.find(path) is None
    with MeetingPlace.claim(path):
        assert not (path / SOCKET).exists()


def test_path_may_be_longer_than_that_of_a_socket(mixed: LocalWallet) -> None:
    deep = mixed.home.path.parent / ("d" * 100) / "100%20?#"
    deep.parent.mkdir()
    mixed.close()
    mixed.home.path.rename(deep)
    with served(LocalWallet.open(Home(deep)), (0, 2)), LocalWallet.open(Home(deep)) as client:
        assert client.unlocked == (0, 2)
