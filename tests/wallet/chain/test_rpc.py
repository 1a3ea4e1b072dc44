import json
import socket
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import NoReturn

import pytest

from tests.clock import Clock
from tests.wallet.chain.fake_node import PASSWORD, USER, FakeNode, Handler, NodeError, body, methods
from wallet.chain import rpc
from wallet.chain.endpoint import Endpoint
from wallet.chain.rpc import MAX_BATCH, NO_LIMIT, RPC_IN_WARMUP, Call, RpcClient, RpcError
from wallet.errors import ChainError
from wallet.network import REGTEST


def basic(credentials: str) -> str:
    return "Basic " + b64encode(credentials.encode()).decode()


def failure(node: FakeNode, timeout: float = 60) -> ChainError:
    with pytest.raises(ChainError) as caught:
        RpcClient(node.endpoint(), timeout=timeout).call("uptime")
    return caught.value


# calls


def test_a_call_sends_its_parameters_and_credentials() -> None:
    with FakeNode() as node:
        client = RpcClient(node.endpoint())
        assert client.call("uptime", 1, None, "x").text() == "uptime"
        client.named("getblock", {"verbosity": 0})
    first, second = node.requests
    assert first[:2] == ("/", basic(f"{USER}:{PASSWORD}"))
    assert [(call["method"], call["params"]) for call in first[2]] == [("uptime", [1, None, "x"])]
    assert second[2][0]["params"] == {"verbosity": 0}


def test_a_wallet_is_part_of_the_path_and_cannot_change_it() -> None:
    with FakeNode() as node:
        RpcClient(node.endpoint()).of_wallet("a/../b c").call("getwalletinfo")
    assert node.requests[0][0] == "/wallet/a%2F..%2Fb%20c"


def test_a_batch_answers_in_the_order_of_its_calls_whatever_the_order_of_the_node() -> None:
    def respond(handler: Handler) -> None:
        calls = handler.server.requests[-1][2]
        handler.reply(
            json.dumps([{"result": c["params"][0], "id": c["id"]} for c in reversed(calls)]).encode()
        )

    with FakeNode(respond) as node:
        answers = RpcClient(node.endpoint()).batch([Call("echo", (i,)) for i in range(MAX_BATCH + 5)])
    assert [a.integer() for a in answers if not isinstance(a, RpcError)] == list(range(MAX_BATCH + 5))
    assert [len(request[2]) for request in node.requests] == [MAX_BATCH, 5]


def test_a_batch_gives_the_error_of_each_call_that_failed() -> None:
    def answer(method: str, params: list[int]) -> int:
        if params[0] == 1:
            raise NodeError(-5, "not found")
        return params[0]

    with FakeNode(methods(answer)) as node:
        good, bad, other = RpcClient(node.endpoint()).batch([Call("echo", (i,)) for i in range(3)])
    assert isinstance(bad, RpcError)
    assert (bad.code, bad.reason) == (-5, "not found")
    assert not isinstance(good, RpcError)
    assert not isinstance(other, RpcError)


def test_an_empty_batch_asks_nothing() -> None:
    with FakeNode() as node:
        assert RpcClient(node.endpoint()).batch([]) == []
    assert node.requests == []


def test_an_error_has_the_words_of_the_node_without_control_characters() -> None:
    def answer(*_: object) -> None:
        raise NodeError(-8, "\x1b[31mbad\nheight" + "x" * 10_000)

    with FakeNode(methods(answer)) as node, pytest.raises(RpcError) as caught:
        RpcClient(node.endpoint()).call("getblockhash", 9)
    assert caught.value.code == -8
    assert caught.value.reason.startswith("[31mbad height")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


# what is no answer


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"",
        b"\xff\xfe",
        b"1",
        b"{}",
        b"[]",
        b"[1]",
        b"[{}]",
        b'[{"result": 1, "id": 1}]',
        b'[{"result": 1, "id": -1}]',
        b'[{"result": 1, "id": "0"}]',
        b'[{"result": 1, "id": false}]',
        b'[{"result": 1}]',
        b'[{"id": 0}]',
        b'[{"id": 0, "error": "no"}]',
        b'[{"id": 0, "error": {"message": "no"}}]',
        b'[{"id": 0, "error": {"code": "5", "message": "no"}}]',
        b'[{"id": 0, "error": {"code": 5, "message": []}}]',
        b'[{"result": 1, "id": 0}, {"result": 1, "id": 0}]',
        b'[{"result": NaN, "id": 0}]',
        b'[{"result": ' + b"9" * 5000 + b', "id": 0}]',
        b"[" * 100_000,
        b'[{"result": 1, "id": 0}] x',
    ],
)
def test_an_answer_that_is_none_is_refused(answer: bytes) -> None:
    with FakeNode(body(answer)) as node:
        error = failure(node)
    assert not isinstance(error, RpcError)
    assert "uptime" in str(error)


def test_two_answers_with_one_number_are_refused() -> None:
    answer = b'[{"result": 1, "id": 0}, {"result": 2, "id": 0}]'
    with FakeNode(body(answer)) as node, pytest.raises(ChainError, match="unlike bitcoind"):
        RpcClient(node.endpoint()).batch([Call("a"), Call("b")])


def test_a_long_answer_is_refused_by_its_announced_length() -> None:
    refused = threading.Event()

    def respond(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(rpc.MAX_RESPONSE + 1))
        handler.end_headers()
        refused.wait(60)

    with FakeNode(respond) as node:
        # not a byte of it has come, nor the end of the connection
        assert "longer than 128 MiB" in str(failure(node, timeout=30))
        refused.set()


def test_a_long_answer_is_refused_when_it_has_become_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "MAX_RESPONSE", 1 << 20)
    sent = 0

    def respond(handler: Handler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(bytes(1 << 20))
            sent += 1

    with FakeNode(respond) as node:
        assert "longer than 1 MiB" in str(failure(node))
    assert sent < 100


# slow


def test_a_node_that_does_not_answer_in_time_is_given_up() -> None:
    done = threading.Event()
    with FakeNode(lambda _: done.wait(60) and None) as node:
        assert "in time" in str(failure(node, timeout=0.2))
        done.set()


def test_a_node_that_answers_a_byte_at_a_time_is_given_up() -> None:
    given_up = threading.Event()

    def respond(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not given_up.wait(0.05):
            handler.wfile.write(b" ")

    with FakeNode(respond) as node:
        assert "in time" in str(failure(node, timeout=0.3))
        given_up.set()


def test_a_call_without_limit_waits_as_long_as_it_takes() -> None:
    def answer(*_: object) -> int:
        time.sleep(0.4)
        return 7

    with FakeNode(methods(answer)) as node:
        client = RpcClient(node.endpoint(), timeout=0.1)
        assert client.call("rescanblockchain", timeout=NO_LIMIT).integer() == 7


# nodes that are not ready


def test_a_node_that_is_starting_is_waited_for() -> None:
    left = 3

    def answer(*_: object) -> str:
        nonlocal left
        left -= 1
        if left >= 0:
            raise NodeError(RPC_IN_WARMUP, "Loading block index…")
        return "ready"

    with FakeNode(methods(answer)) as node:
        assert RpcClient(node.endpoint()).call("uptime").text() == "ready"


def test_a_node_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object) -> str:
        raise NodeError(RPC_IN_WARMUP, "Loading block index…")

    monkeypatch.setattr(rpc, "time", clock := Clock())
    with FakeNode(methods(answer)) as node:
        error = failure(node, timeout=3)
    assert clock.now > 3
    assert len(node.requests) > 3
    assert "is starting: Loading block index…" in str(error)
    assert error.hint == "try again in a moment"


def test_a_busy_node_is_asked_again() -> None:
    def respond(handler: Handler) -> None:
        if len(handler.server.requests) == 1:
            handler.reply(b"Work queue depth exceeded", 503)
        else:
            methods(lambda *_: 1)(handler)

    with FakeNode(respond) as node:
        assert RpcClient(node.endpoint()).call("uptime").integer() == 1


# nodes that refuse or are not there


def test_nothing_that_listens_is_an_error_with_the_command_to_start_it() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = Endpoint(REGTEST, "127.0.0.1", unused.getsockname()[1], user="u", password="p")
        with pytest.raises(ChainError, match="does not run") as caught:
            RpcClient(endpoint).call("uptime")
    assert caught.value.hint == "start it with: bitcoind -regtest -daemon"


def test_a_host_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    endpoint = Endpoint(REGTEST, "no.such.host.invalid", 1, user="u", password=PASSWORD, allow_remote=True)
    with pytest.raises(ChainError, match=r"no\.such\.host\.invalid"):
        RpcClient(endpoint).call("uptime")


def test_a_connection_that_breaks_is_an_error_and_the_call_is_not_made_twice() -> None:
    with FakeNode(lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)) as node:
        assert "broke during uptime" in str(failure(node))
        assert len(node.requests) == 1


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (401, "does not accept the user and password", "rpcauth"),
        (403, "does not accept this address or method", "rpcallowip"),
    ],
)
def test_a_refusal_is_explained_and_keeps_the_password(status: int, message: str, hint: str) -> None:
    with FakeNode(body(b"", status)) as node:
        error = failure(node)
    assert message in str(error)
    assert hint in error.hint


@pytest.mark.parametrize("status", [200, 401, 403, 500])
def test_no_error_has_the_password(status: int) -> None:
    with FakeNode(body(b"nonsense", status)) as node:
        error: BaseException | None = failure(node)
    while error is not None:
        for text in (str(error), repr(error), getattr(error, "hint", "")):
            assert PASSWORD not in text
            assert basic(f"{USER}:{PASSWORD}").split()[1] not in text
        error = error.__cause__ or error.__context__


def test_a_cookie_is_read_anew_since_a_restart_changes_it(tmp_path: Path) -> None:
    cookie = tmp_path / ".cookie"
    valid = ""

    def respond(handler: Handler) -> None:
        if handler.headers["Authorization"] != basic(valid):
            handler.reply(b"", 401)
        else:
            methods(lambda *_: 1)(handler)

    with FakeNode(respond) as node:
        client = RpcClient(Endpoint(REGTEST, "127.0.0.1", node.port, cookie))
        for valid in ("__cookie__:first", "__cookie__:second"):
            cookie.write_text(valid)
            assert client.call("uptime").integer() == 1
        valid = "__cookie__:third"
        with pytest.raises(ChainError, match="does not accept") as caught:
            client.call("uptime")
    assert "-datadir" in caught.value.hint
