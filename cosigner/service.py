"""What answers calls of the wire: decode, ask, encode, and no error that leaves in another form."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeVar, cast

import grpc

from cosigner.calls import read_parties, write_parties
from cosigner.clients import CLIENT_SIZE, Clients
from cosigner.errors import UnreachableError
from cosigner.wire import NOTHING, Call, Codec, Method, refusal
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError
from protocol.ids import PartyId

P = TypeVar("P")
Q = TypeVar("Q")
A = TypeVar("A")

WIRE_VERSION: Final = 1
WALLET_SERVICE: Final = "mpcw.wallet"
MAX_REPORTING: Final = 8  # calls of one kind that take their time; each has a thread that others wait for
CLIENT_KEY: Final = "client-bin"  # of the metadata of a call: the id that the answer to PRESENT has given

Failed = Callable[[str, Exception], None]  # name of the call, the error that is sent
Reports = SimpleQueue[bytes | None]  # None at their end


def party_service(party: PartyId) -> str:
    """Return the name under which a party is asked."""
    return f"mpcw.party{party}"


def handlers(
    service: str, peer: P, methods: Sequence[Method[P, Any, Any]], failed: Failed
) -> grpc.GenericRpcHandler:
    """Return what answers the calls of a service.

    Args:
        service: its name.
        peer: who is asked.
        methods: what may be asked.
        failed: told of each call that ends with an error.
    """
    return grpc.method_handlers_generic_handler(
        service, {method.name: _handler(peer, method, failed) for method in methods}
    )


def _handler(peer: P, method: Method[P, Any, Any], failed: Failed) -> "grpc.RpcMethodHandler[bytes, bytes]":
    return _answering(method, lambda question, _: method.run(peer, question), failed)


def personal(
    service: str, method: Call[Q, A], run: Callable[[Q, bytes], A], failed: Failed
) -> grpc.GenericRpcHandler:
    """Return what answers a call for which it matters who asks.

    Args:
        service: its name.
        method: the call.
        run: does what is asked, and is given the client's id; empty if it says none.
        failed: told of each call that ends with an error.
    """
    return grpc.method_handlers_generic_handler(service, {method.name: _answering(method, run, failed)})


def _answering(
    method: Call[Q, A], run: Callable[[Q, bytes], A], failed: Failed
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        if not context.is_active():
            return b""  # whoever asked has given up while the call waited for a thread
        try:
            return method.reply(run(method.request.decode(request), _client(context)))
        except Exception as e:
            failed(method.name, e)
            return refusal(e)

    return grpc.unary_unary_rpc_method_handler(answer)


def _client(context: grpc.ServicerContext) -> bytes:
    """Return the id that the server gave to whoever asks; empty if it says none."""
    said = dict(context.invocation_metadata() or ()).get(CLIENT_KEY, b"")
    return said if isinstance(said, bytes) else b""


class _Lasting:
    """Answers a call once and leaves it open until either side has gone; no thread waits meanwhile."""

    experimental_non_blocking = True  # gRPC's own health service lets its watchers wait like this

    def __init__(self, clients: Clients, end: Callable[[Callable[[], None]], object]) -> None:
        self._clients, self._end = clients, end

    def _ended(self, client: bytes) -> None:
        self._end(lambda: self._clients.leave(client))

    def __call__(self, _: bytes, context: grpc.ServicerContext, send: Callable[[bytes | None], None]) -> None:
        client = self._clients.arrive(context.cancel)
        if not context.add_callback(lambda: self._ended(client)):
            self._clients.leave(client)  # it has gone meanwhile
        send(PRESENT.reply(client))
        if not client:
            send(None)


def present(clients: Clients, end: Callable[[Callable[[], None]], object]) -> grpc.GenericRpcHandler:
    """Return what answers the call that a client leaves open as long as it lives.

    Args:
        clients: told who comes and goes.
        end: runs what is to be done when one has gone, not in the thread that calls it.
    """
    answer: grpc.RpcMethodHandler[bytes, bytes]
    answer = grpc.unary_stream_rpc_method_handler(cast(Any, _Lasting(clients, end)))  # stubs lack its third
    return grpc.method_handlers_generic_handler(WALLET_SERVICE, {PRESENT.name: answer})


def reporting(
    service: str,
    method: Call[Q, A],
    run: Callable[[Q, Callable[[A], None]], A],
    failed: Failed,
) -> grpc.GenericRpcHandler:
    """Return what answers a call that takes its time: with what it reports, and at the end with its result.

    Of those that are asked at once, MAX_REPORTING are answered and the others refused.

    Args:
        service: its name.
        method: the call.
        run: does what is asked, and is given what takes a report; that raises when nobody listens any more.
        failed: told of each call that ends with an error.
    """
    room = threading.BoundedSemaphore(MAX_REPORTING)

    def work(request: bytes, context: grpc.ServicerContext, reports: Reports) -> None:
        def report(value: A) -> None:
            if not context.is_active():
                raise UnreachableError("whoever asked for it has gone")
            reports.put(method.reply(value))

        try:
            reports.put(method.reply(run(method.request.decode(request), report)))
        except Exception as e:
            failed(method.name, e)
            reports.put(refusal(e))
        finally:
            room.release()
            reports.put(None)

    def answer(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        if not room.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "so many of these calls run already")
        reports: Reports = SimpleQueue()
        threading.Thread(target=work, args=(request, context, reports), name=method.name).start()
        if not context.add_callback(lambda: reports.put(None)):  # nobody waits for reports to nobody
            reports.put(None)
        return iter(reports.get, None)

    return grpc.method_handlers_generic_handler(
        service, {method.name: grpc.unary_stream_rpc_method_handler(answer)}
    )


# ---- what a server says of itself ----


@dataclass(frozen=True, slots=True)
class About:
    """What a server is.

    Args:
        process: id of its process.
        parties: whom it serves, ascending.
    """

    process: int
    parties: tuple[PartyId, ...]


class Host(Protocol):
    """A server."""

    def about(self) -> About:
        """Return what it is."""


def _write_about(writer: Writer, about: About) -> None:
    writer.unsigned(WIRE_VERSION, 2).unsigned(about.process, 4)
    write_parties(writer, about.parties)


def _read_about(reader: Reader) -> About:
    if reader.unsigned("version", 2) != WIRE_VERSION:
        raise EncodingError("version", "the server is of another version of mpcw")
    process = reader.unsigned("process", 4)
    parties = read_parties(reader)
    if parties != tuple(sorted(set(parties))):
        raise EncodingError("parties", "not ascending")
    return About(process, parties)


PRESENT: Final[Call[None, bytes]] = Call(
    "present",
    NOTHING,
    Codec(
        lambda out, client: out.bytes_of(client, CLIENT_SIZE),
        lambda r: r.bytes_of("client", CLIENT_SIZE),
        4 + CLIENT_SIZE,
    ),
    5,
)
ABOUT: Final[Method[Host, None, About]] = Method(
    "about",
    NOTHING,
    Codec(_write_about, _read_about, 1024),
    5,
    lambda host, _: host.about(),
)
