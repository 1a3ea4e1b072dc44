"""A party in a process of its own, which can be killed at any system call, and what it sends."""

import copy
import os
import pickle
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cosigner.local import LocalWallet
from cosigner.party import Acceptance, Party, SigningOrder
from cosigner.refill_messages import PresignOrder
from ecdsa_cggmp import sign_rounds
from ecdsa_cggmp.sign_messages import SharesMsg, SigningPlan
from frost_bip340 import signing_rounds
from protocol.codec import Reader, decode
from protocol.errors import MpcError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import COORDINATOR, SESSION_ID_SIZE, PartyId, SessionId
from protocol.machine import Sealed
from protocol.signed import read_envelope
from storage.errors import StorageError
from tests.cosigner.wallets import party, pool, unlock
from tests.e2e.injection import allow_tracing
from tests.presig_pool.extraction import Captured

ME = PartyId(0)
TIMEOUT = 300  # seconds after which a process that does not answer is one that waits for ever
ANSWER_ROUND = 3  # of both signing protocols


class Line:
    """Pickled values to and from a process; each goes out in one system call."""

    def __init__(self, end: socket.socket) -> None:
        end.settimeout(TIMEOUT)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._end = end

    def say(self, value: object) -> None:
        data = pickle.dumps(value)
        self._end.sendall(struct.pack(">I", len(data)) + data)

    def hear(self) -> Any:
        """The next value.

        Raises:
            ConnectionError: the other end has closed, and has not sent a part of a value before.
        """
        (size,) = struct.unpack(">I", self._read(4))
        return pickle.loads(self._read(size))

    def _read(self, size: int) -> bytes:
        data = self._end.recv(size, socket.MSG_WAITALL)
        if not data:
            raise ConnectionResetError("the process has ended")
        assert len(data) == size, "a part of a value is on the wire"
        return data

    def close(self) -> None:
        self._end.close()


# ---- in the process ----


def _work(wallet: LocalWallet, line: Line, now: Callable[[], int]) -> None:
    """Unlock the party and do what is asked of it until it is closed."""
    line.hear()  # when strace is there
    try:
        unlock(wallet, ME)
    except StorageError as e:
        line.say(e)
        return
    line.say(None)
    verbs: dict[str, Callable[..., object]] = {
        "void": lambda: pool(wallet, ME).void("drained", now()),
        "purge": pool(wallet, ME).purge,
        "close": party(wallet, ME)._log.close,  # type: ignore[attr-defined]
    }
    while True:
        name, arguments = line.hear()
        answer: object
        try:
            answer = verbs[name]() if name in verbs else getattr(party(wallet, ME), name)(*arguments)
        except (MpcError, OSError) as e:
            answer = _portable(e)
        line.say(answer)
        if name == "close":
            return


def _portable(error: Exception) -> Exception:
    """An error as another process can read it."""
    try:
        return pickle.loads(pickle.dumps(error))  # type: ignore[no-any-return]
    except TypeError:
        return MpcError(f"{type(error).__name__}: {error}")


# ---- outside ----


@dataclass
class Wire:
    """What has left a process: its partial signatures, read with the orders that it was given."""

    headers: dict[SessionId, Header] = field(default_factory=dict)
    shares: list[tuple[SessionId, Captured]] = field(default_factory=list)  # ECDSA
    answers: dict[tuple[SessionId, PartyId], bytes] = field(default_factory=dict)  # of both schemes

    def ask(self, order: SigningOrder) -> None:
        for data in order.headers:
            header = decode(data, HEADER_LIMIT, Header.read)
            self.headers[header.session] = header

    def note(self, sender: PartyId, messages: Iterable[Sealed]) -> None:
        for sealed in messages:
            session, message = read_envelope(sealed.envelope, sender, sealed.receiver)
            header = self.headers.get(session)
            if header is None or message.slot.round != ANSWER_ROUND or sealed.receiver != COORDINATOR:
                continue
            answer = self.answers.setdefault((session, sender), message.body)
            assert answer == message.body, "two answers in a session"
            if header.protocol == sign_rounds.SPEC.name:
                self._note_shares(header, sender, message.body)
            else:
                assert header.protocol == signing_rounds.SPEC.name

    def _note_shares(self, header: Header, sender: PartyId, body: bytes) -> None:
        plan = SigningPlan.of(header)
        answer = SharesMsg.read(Reader(body), len(plan.signers), len(plan.inputs))
        for context, share in zip(answer.contributions.contexts(plan), answer.sigma, strict=True):
            self.shares.append((header.session, Captured(context, sender, share)))


class Overheard:
    """A party of this process, all of whose answers are on the wire, too."""

    def __init__(self, peer: Party, wire: Wire) -> None:
        self._peer, self._wire = peer, wire

    def __getattr__(self, name: str) -> Any:
        return getattr(self._peer, name)

    def open_signing(self, order: SigningOrder) -> Acceptance:
        self._wire.ask(order)
        return self._peer.open_signing(order)

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        sealed = self._peer.receive(sender, envelope)
        self._wire.note(self._peer.id, sealed)
        return sealed


class OtherProcess:
    """A party of a wallet that runs in a child of this process: a SigningPeer and a RefillPeer."""

    def __init__(self, wallet: LocalWallet, wire: Wire, now: Callable[[], int]) -> None:
        self.wire, self._turn = wire, threading.Lock()
        self.alive = True
        self.broken_off: list[SessionId] = []  # in which it has failed
        self.history: list[Wire] = []  # after 0, 1, 2... answers
        here, there = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                here.close()
                allow_tracing()
                _work(wallet, Line(there), now)
                code = 0
            finally:
                os._exit(code)
        there.close()
        self._line = Line(here)

    def start(self) -> None:
        self._exchange(None)

    @contextmanager
    def hung_up_on(self) -> Iterator[None]:
        """Hang up at the end of a block: the process ends."""
        try:
            yield
        finally:
            self._line.close()

    def ended(self) -> int:
        """Wait for the end; return the exit code, or the signal that killed it, negative."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def ask(self, name: str, *arguments: object) -> Any:
        return self._exchange((name, arguments))

    def _exchange(self, question: object) -> Any:
        with self._turn:
            self.history.append(copy.deepcopy(self.wire))
            try:
                self._line.say(question)
                answer = self._line.hear()
            except OSError:
                self.alive = False
                raise
        if isinstance(answer, Exception):
            raise answer
        return answer

    # as a peer

    def open_signing(self, order: SigningOrder) -> Acceptance:
        self.wire.ask(order)
        return self.ask("open_signing", order)  # type: ignore[no-any-return]

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        try:
            sealed: Sequence[Sealed] = self.ask("receive", sender, envelope)
        except (MpcError, OSError):
            self.broken_off.append(SessionId(envelope[:SESSION_ID_SIZE]))
            raise
        self.wire.note(ME, sealed)
        return sealed

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        try:
            ended: MpcError | None = self.ask("end", session, list(evidence))
        except MpcError as e:
            return e
        return ended

    def ready_presignatures(self, signers: Sequence[PartyId]) -> Sequence[bytes]:
        return self.ask("ready_presignatures", signers)  # type: ignore[no-any-return]

    def offer_presignatures(
        self, signers: Sequence[PartyId], count: int, among: Sequence[bytes]
    ) -> Sequence[bytes]:
        return self.ask("offer_presignatures", signers, count, among)  # type: ignore[no-any-return]

    def depth(self, stock: bytes) -> bytes:
        return self.ask("depth", stock)  # type: ignore[no-any-return]

    def lend(self, leader: PartyId, asked: bytes) -> bytes:
        return self.ask("lend", leader, asked)  # type: ignore[no-any-return]

    def keep(self, leader: PartyId, asked: bytes) -> None:
        self.ask("keep", leader, asked)

    def open_presigning(self, leader: PartyId, order: PresignOrder) -> Sequence[Sealed]:
        return self.ask("open_presigning", leader, order)  # type: ignore[no-any-return]

    def vouch(self, session: SessionId) -> bytes:
        return self.ask("vouch", session)  # type: ignore[no-any-return]

    def confirm(self, session: SessionId, vouchers: Mapping[PartyId, bytes]) -> None:
        self.ask("confirm", session, dict(vouchers))
