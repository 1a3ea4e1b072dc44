"""An HTTP server in a thread that answers as a test tells it to, honestly or not."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from wallet.chain.endpoint import Endpoint
from wallet.network import REGTEST, Network

USER, PASSWORD = "satoshi", "hunter2-is-secret"


class NodeError(Exception):
    """Raised by a method to answer with an error of JSON-RPC."""

    def __init__(self, code: Any, message: Any = "no") -> None:
        self.answer = {"code": code, "message": message}


class Handler(BaseHTTPRequestHandler):
    """Reads one request and lets the test's function answer it."""

    server: "Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.server.respond(self)

    def reply(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing on standard error."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    requests: list[tuple[str, str, Any]]
    respond: Callable[[Handler], None]

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests want."""


class FakeNode:
    """The server; a context that ends it.

    Args:
        respond: answers one request through the handler. By default it answers every call with its method.
    """

    def __init__(self, respond: Callable[[Handler], None] | None = None) -> None:
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.requests = []
        self._server.respond = respond or methods(lambda method, _: method)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def requests(self) -> list[tuple[str, str, Any]]:
        """Path, Authorization header and body of each request."""
        return self._server.requests

    def endpoint(self, network: Network = REGTEST) -> Endpoint:
        return Endpoint(network, "127.0.0.1", self.port, user=USER, password=PASSWORD)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def methods(answer: Callable[[str, Any], Any]) -> Callable[[Handler], None]:
    """Return a respond function: a call is answered with what a function of method and parameters gives."""

    def respond(handler: Handler) -> None:
        replies = []
        for call in handler.server.requests[-1][2]:
            result, error = None, None
            try:
                result = answer(call["method"], call["params"])
            except NodeError as e:
                error = e.answer
            replies.append({"result": result, "error": error, "id": call["id"]})
        handler.reply(json.dumps(replies).encode())

    return respond


def body(data: bytes, status: int = 200) -> Callable[[Handler], None]:
    """Return a respond function that always sends the same bytes."""
    return lambda handler: handler.reply(data, status)
