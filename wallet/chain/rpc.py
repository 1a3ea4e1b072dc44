"""JSON-RPC to bitcoind: bounded in size and time, with errors that say what to do."""

import http.client
import json
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import quote

from wallet.chain.answer import Answer, Json, parse_json
from wallet.chain.endpoint import Endpoint
from wallet.errors import ChainError

MAX_RESPONSE: Final = 128 << 20  # bytes
MAX_BATCH: Final = 100  # calls in one request
NO_LIMIT: Final = float("inf")

# Bitcoin Core, rpc/protocol.h
RPC_MISC_ERROR: Final = -1
RPC_WALLET_ERROR: Final = -4
RPC_INVALID_ADDRESS_OR_KEY: Final = -5
RPC_WALLET_NOT_FOUND: Final = -18
RPC_VERIFY_ERROR: Final = -25
RPC_VERIFY_REJECTED: Final = -26
RPC_VERIFY_ALREADY_IN_UTXO_SET: Final = -27
RPC_IN_WARMUP: Final = -28
RPC_WALLET_ALREADY_LOADED: Final = -35
RPC_METHOD_NOT_FOUND: Final = -32601

_CHUNK: Final = 1 << 16
_RETRY_SECONDS: Final = 0.1

Params = Mapping[str, Json] | Sequence[Json]


class RpcError(ChainError):
    """The node has answered with an error.

    Attributes:
        code: as rpc/protocol.h of Bitcoin Core names them.
        reason: in the node's words.
    """

    def __init__(self, method: str, code: int, reason: str) -> None:
        self.code = code
        self.reason = printable(reason)
        super().__init__(f"bitcoind refused {method}: {self.reason}", _HINTS.get(code, ""))


_HINTS: Final = {
    RPC_WALLET_NOT_FOUND: "open the wallet again: the node has unloaded it",
    RPC_METHOD_NOT_FOUND: "this needs Bitcoin Core 26 or later, built and started with its wallet",
}


class _NotReadyError(ChainError):
    """The node is starting, or its queue of calls is full: nothing was done."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a batch.

    Args:
        method: its name.
        params: by position or by name.
    """

    method: str
    params: Params = ()


class RpcClient:
    """A node's JSON-RPC; threads may share it, and no connection outlives its request.

    Args:
        endpoint: the node.
        wallet: the node's wallet to talk to; None for calls that need none.
        timeout: seconds for a call, and for a node that is starting or busy to become ready.
    """

    def __init__(self, endpoint: Endpoint, wallet: str | None = None, timeout: float = 60) -> None:
        self.endpoint = endpoint
        self.wallet = wallet
        self._timeout = timeout
        self._path = "/" if wallet is None else f"/wallet/{quote(wallet, safe='')}"

    def of_wallet(self, wallet: str) -> Self:
        """Return a client of a wallet of the same node."""
        return type(self)(self.endpoint, wallet, self._timeout)

    def call(self, method: str, *params: Json, timeout: float | None = None) -> Answer:
        """Call a method with parameters by position.

        Args:
            method: its name.
            params: JSON values.
            timeout: seconds, NO_LIMIT to wait as long as it takes; the client's own if None.

        Raises:
            RpcError: the node answered with an error.
            ChainError: it did not answer, or with something else.
        """
        return self._one(Call(method, params), timeout)

    def named(self, method: str, params: Mapping[str, Json], timeout: float | None = None) -> Answer:
        """Call a method with parameters by name; otherwise as call()."""
        return self._one(Call(method, params), timeout)

    def batch(self, calls: Sequence[Call]) -> list[Answer | RpcError]:
        """Make many calls in few requests.

        Returns:
            For each call its answer, or the error of the node.

        Raises:
            ChainError: the node did not answer, or with something else.
        """
        results: list[Answer | RpcError] = []
        for start in range(0, len(calls), MAX_BATCH):
            results += self._request(calls[start : start + MAX_BATCH], None)
        return results

    def _one(self, call: Call, timeout: float | None) -> Answer:
        result = self._request([call], timeout)[0]
        if isinstance(result, RpcError):
            raise result
        return result

    def _request(self, calls: Sequence[Call], timeout: float | None) -> list[Answer | RpcError]:
        """Make one request, again while the node is not ready."""
        ready_by = time.monotonic() + self._timeout
        while True:
            try:
                return self._attempt(calls, self._timeout if timeout is None else timeout)
            except _NotReadyError:
                if time.monotonic() > ready_by:
                    raise
            time.sleep(_RETRY_SECONDS)

    def _attempt(self, calls: Sequence[Call], timeout: float) -> list[Answer | RpcError]:
        body: list[Json] = [
            {"jsonrpc": "1.0", "id": i, "method": call.method, "params": _plain(call.params)}
            for i, call in enumerate(calls)
        ]
        methods = ", ".join(sorted({call.method for call in calls}))
        status, data = self._post(json.dumps(body).encode(), methods, timeout)
        self._check_status(status)
        try:
            answer = parse_json(data)
        except ValueError as e:
            raise self._alien(methods) from e
        if not isinstance(answer, list) or len(answer) != len(calls):
            raise self._alien(methods)
        results = self._in_order(calls, answer)
        for result in results:
            if isinstance(result, RpcError) and result.code == RPC_IN_WARMUP:
                raise _NotReadyError(f"{self._where()} is starting: {result.reason}", "try again in a moment")
        return results

    def _in_order(self, calls: Sequence[Call], responses: list[Json]) -> list[Answer | RpcError]:
        results: dict[int, Answer | RpcError] = {}
        for response in responses:
            number = response.get("id") if isinstance(response, dict) else None
            if type(number) is not int or not 0 <= number < len(calls) or number in results:
                raise self._alien(calls[0].method)
            results[number] = self._result(calls[number].method, Answer(response, calls[number].method))
        return [results[i] for i in range(len(calls))]

    def _result(self, method: str, response: Answer) -> Answer | RpcError:
        error = response.get("error")
        if error is not None and error.value is not None:
            return RpcError(method, error["code"].integer(), error["message"].text())
        return Answer(response["result"].value, method)

    def _post(self, body: bytes, methods: str, timeout: float) -> tuple[int, bytes]:
        endpoint = self.endpoint
        headers = {"Authorization": endpoint.authorization(), "Content-Type": "application/json"}
        wait = None if timeout == NO_LIMIT else timeout
        deadline = time.monotonic() + timeout
        connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=wait)
        try:
            connection.connect()
            # a node that vanishes while it rescans for hours is noticed
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.request("POST", self._path, body, headers)
            with connection.getresponse() as response:
                return response.status, self._read(response, methods, deadline)
        except ConnectionRefusedError as e:
            raise ChainError(f"{self._where()} does not run", endpoint.start_hint()) from e
        except TimeoutError as e:
            raise self._too_slow(methods) from e
        except (OSError, http.client.HTTPException) as e:
            # the text of an exception could quote what was sent
            raise ChainError(
                f"the connection to {self._where()} broke during {methods}: {type(e).__name__}",
                "see whether bitcoind still runs: the end of its debug.log says why it stopped",
            ) from e
        finally:
            connection.close()

    def _read(self, response: http.client.HTTPResponse, methods: str, deadline: float) -> bytes:
        if (response.length or 0) > MAX_RESPONSE:
            raise self._too_long(methods)
        chunks, size = [], 0
        while chunk := response.read1(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_RESPONSE:
                raise self._too_long(methods)
            if time.monotonic() > deadline:
                raise self._too_slow(methods)
        return b"".join(chunks)

    def _check_status(self, status: int) -> None:
        """Raise for answers that carry no JSON; an error of JSON-RPC comes with 400, 404 or 500."""
        if status == HTTPStatus.UNAUTHORIZED:
            source = "rpcauth in bitcoin.conf" if self.endpoint.cookie is None else "-datadir of bitcoind"
            raise ChainError(
                f"{self._where()} does not accept the user and password", f"compare them with {source}"
            )
        if status == HTTPStatus.FORBIDDEN:
            raise ChainError(
                f"{self._where()} does not accept this address or method",
                "see rpcallowip and rpcwhitelist in bitcoin.conf",
            )
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise _NotReadyError(f"{self._where()} is too busy", "try again, or raise rpcworkqueue")

    def _where(self) -> str:
        return f"bitcoind at {self.endpoint.host}:{self.endpoint.port}"

    def _alien(self, method: str) -> ChainError:
        return ChainError(
            f"what listens at {self.endpoint.host}:{self.endpoint.port} answers {method} unlike bitcoind",
            "check host and port",
        )

    def _too_long(self, methods: str) -> ChainError:
        return ChainError(
            f"the answer of {self._where()} to {methods} is longer than {MAX_RESPONSE >> 20} MiB"
        )

    def _too_slow(self, methods: str) -> ChainError:
        return ChainError(
            f"{self._where()} did not answer {methods} in time", "try again when it is less busy"
        )


def _plain(params: Params) -> Json:
    return dict(params) if isinstance(params, Mapping) else list(params)


def printable(text: str) -> str:
    """Return what a node says as one short line without control characters."""
    return "".join(c if c.isprintable() else " " for c in text[:500]).strip()
