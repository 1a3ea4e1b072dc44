"""What is asked of a party over a channel, in bytes: one encoding for each question and each answer.

Whoever is at the other end is hostile: every size is bounded before anything is parsed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from cosigner.wire_errors import read_error, write_error
from protocol.codec import Reader, Writer, decode
from protocol.errors import UsageError

P_contra = TypeVar("P_contra", contravariant=True)
T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")

MAX_REQUEST: Final = 1 << 24  # bytes
MAX_REPLY: Final = 1 << 26  # bytes: the messages of a large batch to all other parties


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """An encoding.

    Args:
        write: writes a value.
        read: reads what write() has written, and nothing else.
        limit: the most bytes that a value takes.
    """

    write: Callable[[Writer, T], object]
    read: Callable[[Reader], T]
    limit: int

    def encode(self, value: T) -> bytes:
        """Return the encoding of a value.

        Raises:
            UsageError: it has none, or one that is too long.
        """
        writer = Writer()
        self.write(writer, value)
        data = bytes(writer)
        if len(data) > self.limit:
            raise UsageError(f"codec: more than {self.limit} bytes")
        return data

    def decode(self, data: bytes) -> T:
        """Return the value of an encoding.

        Raises:
            EncodingError: it is none; names the field.
        """
        return decode(data, self.limit, self.read)


NOTHING: Final[Codec[None]] = Codec(lambda _, __: None, lambda _: None, 0)


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, A]):
    """One thing that is asked.

    Args:
        name: of it on the wire.
        request: encoding of the question.
        answer: encoding of the answer.
        seconds: after which whoever asks gives up.
    """

    name: str
    request: Codec[Q]
    answer: Codec[A]
    seconds: int

    def reply(self, value: A) -> bytes:
        """Return the encoding of a reply with an answer."""
        return b"\x01" + self.answer.encode(value)

    def read_reply(self, reply: bytes) -> "Answered[A] | Exception":
        """Return the answer of a reply, or the error that it has instead.

        Raises:
            EncodingError: it is no reply; names the field.
        """

        def read(reader: Reader) -> Answered[A] | Exception:
            return Answered(self.answer.read(reader)) if reader.boolean("answered") else read_error(reader)

        return decode(reply, MAX_REPLY, read)


@dataclass(frozen=True, slots=True)
class Method(Call[Q, A], Generic[P_contra, Q, A]):
    """A call that one peer answers by itself, whoever asks.

    Args:
        run: asks a peer that is in this process.
    """

    run: Callable[[P_contra, Q], A]


@dataclass(frozen=True, slots=True)
class Answered(Generic[A]):
    """A reply that is an answer.

    Args:
        answer: it.
    """

    answer: A


def refusal(error: Exception) -> bytes:
    """Return the encoding of a reply with an error instead of an answer, whatever was asked.

    Args:
        error: any; one that the wire does not know becomes a plain one, without its text.
    """
    writer = Writer().boolean(False)
    write_error(writer, error)
    return bytes(writer)


def write_counted(
    writer: Writer, items: Sequence[T], limit: int, write: Callable[[Writer, T], object]
) -> Writer:
    """Write the number of items in 4 bytes, then the items.

    Raises:
        UsageError: there are more than limit.
    """
    if len(items) > limit:
        raise UsageError(f"codec: more than {limit} items")
    return writer.unsigned(len(items), 4).items(items, write)


def read_counted(reader: Reader, field: str, limit: int, read: Callable[[Reader, str], T]) -> tuple[T, ...]:
    """Read the number of items, at most limit, and the items; read takes the reader and the item's name."""
    return reader.items(field, reader.unsigned(f"number of {field}", 4, below=limit + 1), read)
