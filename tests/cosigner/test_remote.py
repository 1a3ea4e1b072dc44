"""What crosses the socket: errors as what they are, no secret, and no harm from hostile bytes."""

import os
import socket
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, NoReturn

import grpc
import pytest

from cosigner import calls
from cosigner.errors import PolicyDenied, UnreachableError
from cosigner.local import LocalWallet
from cosigner.party import Party, SigningOrder
from cosigner.refill_calls import REFILL_CALLS
from cosigner.remote import Caller, Presence, RemoteParty, Server
from cosigner.service import ABOUT, WALLET_SERVICE, party_service
from cosigner.wire import MAX_REQUEST, Call
from presig_pool.errors import PoolExhausted
from protocol.errors import EncodingError
from protocol.ids import PartyId
from tests.cosigner.served import P0, P1, P2, Serving, everything, fail, meeting, short_path
from wallet.errors import MalformedError

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
        RemoteParty(server._channel, P1, Presence(server._channel)).script(0, 0, 0)


def test_call_that_nobody_answers_in_time_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    monkeypatch.setattr(Party, "script", lambda *_: free.wait(60))
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
    replies, reply = list[bytes](), Call.reply

    def overheard(method: Call[Any, Any], value: object) -> bytes:
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
    monkeypatch.setattr(Call, "reply", overheard)
    client.sign(everything(client))
    client.pools.figures()
    assert len(replies) > 10
    assert len(secrets) == 2 * 3 + 2 * 6 * 2
    said = b"".join(replies)
    assert not any(form in said for secret in secrets for form in (secret, secret[::-1]))


# ---- hostile bytes ----


@pytest.mark.parametrize("method", [*calls.WALLET_CALLS, *REFILL_CALLS], ids=lambda method: method.name)
@pytest.mark.parametrize("request_", [b"", b"\x00", b"\xff" * 100], ids=["empty", "zero", "ones"])
def test_malformed_request_is_refused(server: Server, method: Call[Any, Any], request_: bytes) -> None:
    call: Any = server._channel.unary_unary(f"/{party_service(P0)}/{method.name}")
    assert isinstance(method.read_reply(call(request_, timeout=60)), EncodingError)


def test_oversized_request_is_refused_before_it_is_read(server: Server) -> None:
    call: Any = server._channel.unary_unary(f"/{party_service(P0)}/receive")
    with pytest.raises(grpc.RpcError) as caught:
        call(bytes(MAX_REQUEST + 1), timeout=60)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # type: ignore[attr-defined]
    assert server.parties[P0].script(0, 0, 0)


def test_what_is_no_http_harms_nobody(serving: Serving, server: Server) -> None:
    with ExitStack() as stack:
        path = stack.enter_context(short_path(meeting(serving)))
        for noise in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            line = stack.enter_context(socket.socket(socket.AF_UNIX))
            line.connect(path)
            line.sendall(noise)
        assert server.parties[P0].script(0, 0, 0)


def test_answer_that_cannot_be_read_is_no_answer(server: Server) -> None:
    other: Call[None, bytes] = Call("about", ABOUT.request, calls.SCRIPT.answer, 5)
    with pytest.raises(UnreachableError, match="answers what cannot be read"):
        Caller(server._channel, WALLET_SERVICE, "mpcw serve").ask(other, None)
