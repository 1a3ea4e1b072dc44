"""Transactions as immutable values and their serialisation (BIP-144)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import ClassVar, Final, NewType, Self

from wallet.amounts import MAX_MONEY, Sats
from wallet.errors import MalformedError
from wallet.wire import Reader, counted, sized

Txid = NewType("Txid", bytes)  # 32 bytes in the order of the hash; displayed reversed

SEQUENCE_FINAL: Final = 0xFFFFFFFF
SEQUENCE_NO_RBF: Final = 0xFFFFFFFE  # locktime is enforced, replacement not signalled
SEQUENCE_RBF: Final = 0xFFFFFFFD  # BIP-125
MAX_STANDARD_WEIGHT: Final = 400_000
MAX_TRANSACTION_BYTES: Final = 4_000_000  # the weight limit of a block

_SEGWIT: Final = b"\x00\x01"  # marker and flag (BIP-144)
_TXID = re.compile(r"[0-9a-f]{64}")
_OUTPOINT = re.compile(r"([0-9a-f]{64}):(0|[1-9][0-9]{0,9})")


def double_sha256(data: bytes) -> bytes:
    """Return SHA256(SHA256(data))."""
    return sha256(sha256(data).digest()).digest()


def parse_txid(text: str) -> Txid:
    """Read a transaction id as displayed.

    Raises:
        MalformedError: it is not 64 hex digits.
    """
    if not _TXID.fullmatch(text.lower()):
        raise MalformedError(f"{text[:80]!r} is no transaction id: it takes 64 hex digits")
    return Txid(bytes.fromhex(text)[::-1])


def show_txid(txid: Txid) -> str:
    """Return a transaction id as displayed: its bytes reversed, in hex."""
    return txid[::-1].hex()


@dataclass(frozen=True, slots=True, order=True)
class OutPoint:
    """The output of a transaction that an input spends.

    Args:
        txid: of the transaction.
        index: of the output, 0..2^32-1.

    Raises:
        MalformedError: a field has another size.
    """

    txid: Txid
    index: int

    def __post_init__(self) -> None:
        if len(self.txid) != 32 or not 0 <= self.index <= 0xFFFFFFFF:
            raise MalformedError("a coin is a transaction id of 32 bytes and an index of 0..2^32-1")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read txid:index.

        Raises:
            MalformedError: it has another form.
        """
        match = _OUTPOINT.fullmatch(text.lower())
        if match is None or int(match[2]) > 0xFFFFFFFF:
            raise MalformedError(f"{text[:80]!r} is no coin", "write txid:index")
        return cls(parse_txid(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{show_txid(self.txid)}:{self.index}"


@dataclass(frozen=True, slots=True)
class TxIn:
    """An input.

    Args:
        prevout: what it spends.
        sequence: BIP-125 and BIP-68 number.
        script_sig: empty for native SegWit.
        witness: the stack, empty before signing.
    """

    prevout: OutPoint
    sequence: int = SEQUENCE_RBF
    script_sig: bytes = b""
    witness: tuple[bytes, ...] = ()

    LEAST_SIZE: ClassVar = 41

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read an input; its witness stands elsewhere.

        Raises:
            MalformedError: bytes are missing.
        """
        prevout = OutPoint(Txid(reader.fixed(32)), reader.unsigned(4))
        script_sig = reader.sized()
        return cls(prevout, reader.unsigned(4), script_sig)

    def without_witness(self) -> bytes:
        """Return the serialisation, to which the witness does not belong."""
        prevout = self.prevout.txid + self.prevout.index.to_bytes(4, "little")
        return prevout + sized(self.script_sig) + self.sequence.to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class TxOut:
    """An output.

    Args:
        value: satoshi.
        script_pubkey: who may spend it.
    """

    value: Sats
    script_pubkey: bytes

    LEAST_SIZE: ClassVar = 9

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read an output.

        Raises:
            MalformedError: bytes are missing, or the value is out of range.
        """
        value = reader.unsigned(8)
        if value > MAX_MONEY:
            raise MalformedError("the value of an output is out of range")
        return cls(Sats(value), reader.sized())

    def __bytes__(self) -> bytes:
        """Return the serialisation."""
        return self.value.to_bytes(8, "little") + sized(self.script_pubkey)


_NOTHING: Final = OutPoint(Txid(bytes(32)), 0xFFFFFFFF)  # the only input of a coinbase


def serialize(version: int, inputs: Sequence[TxIn], outputs: Sequence[TxOut], locktime: int) -> bytes:
    """Return the serialisation of a transaction without witnesses."""
    return b"".join(
        (
            version.to_bytes(4, "little", signed=True),
            counted([txin.without_witness() for txin in inputs]),
            counted([bytes(out) for out in outputs]),
            locktime.to_bytes(4, "little"),
        )
    )


def _with_witness(reader: Reader, txin: TxIn) -> TxIn:
    return replace(txin, witness=tuple(reader.sized() for _ in range(reader.count(1))))


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction.

    Args:
        inputs: at least one.
        outputs: at least one.
        locktime: first height or time at which it may be mined.
        version: 2 unless read from elsewhere.

    Raises:
        MalformedError: there is no input or output, an input appears twice or spends nothing in company, or a
            number is out of range.
    """

    inputs: tuple[TxIn, ...]
    outputs: tuple[TxOut, ...]
    locktime: int = 0
    version: int = 2
    txid: Txid = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if not self.inputs or not self.outputs:
            raise MalformedError("a transaction needs an input and an output")
        if len({txin.prevout for txin in self.inputs}) != len(self.inputs):
            raise MalformedError("a transaction spends an output twice")
        if len(self.inputs) > 1 and any(txin.prevout == _NOTHING for txin in self.inputs):
            raise MalformedError("a transaction that is no coinbase has an input that spends nothing")
        total = 0
        for out in self.outputs:
            total += out.value
            if out.value < 0 or total > MAX_MONEY:
                raise MalformedError("an output of a transaction is out of range")
        try:
            object.__setattr__(self, "txid", Txid(double_sha256(self.without_witness())))
        except OverflowError as e:
            raise MalformedError("a number of a transaction is out of range") from e

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the serialisation of the network (BIP-144).

        Raises:
            MalformedError: it is another thing, has bytes left over, or breaks a rule of the class.
        """
        if len(data) > MAX_TRANSACTION_BYTES:
            raise MalformedError("a transaction is longer than a block")
        reader = Reader(data)
        try:
            version = reader.signed(4)
            segwit = reader.peek(1) == b"\x00"
            if segwit and reader.fixed(2) != _SEGWIT:
                raise MalformedError("it has no inputs")
            inputs = tuple(TxIn.read(reader) for _ in range(reader.count(TxIn.LEAST_SIZE)))
            outputs = tuple(TxOut.read(reader) for _ in range(reader.count(TxOut.LEAST_SIZE)))
            if segwit:
                inputs = tuple(_with_witness(reader, txin) for txin in inputs)
                if not any(txin.witness for txin in inputs):
                    raise MalformedError("all of its witnesses are empty")
            locktime = reader.unsigned(4)
            reader.end()
        except MalformedError as e:
            raise MalformedError(f"this is no transaction: {e}") from e
        return cls(inputs, outputs, locktime, version)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read the serialisation in hex.

        Raises:
            MalformedError: as from_bytes.
        """
        try:
            data = bytes.fromhex(text)
        except ValueError as e:
            raise MalformedError("a transaction is written in hex") from e
        return cls.from_bytes(data)

    def __bytes__(self) -> bytes:
        """Return the serialisation of the network, with witnesses if there are any."""
        legacy, witnesses = self.without_witness(), self._witnesses()
        return legacy[:4] + _SEGWIT + legacy[4:-4] + witnesses + legacy[-4:] if witnesses else legacy

    def without_witness(self) -> bytes:
        """Return the serialisation whose double SHA-256 is the transaction id."""
        return serialize(self.version, self.inputs, self.outputs, self.locktime)

    def _witnesses(self) -> bytes:
        """Return the serialisation of the witnesses, empty if there are none."""
        if not any(txin.witness for txin in self.inputs):
            return b""
        return b"".join(counted([sized(item) for item in txin.witness]) for txin in self.inputs)

    @property
    def wtxid(self) -> Txid:
        """Hash of the serialisation with witnesses."""
        return Txid(double_sha256(bytes(self)))

    @property
    def weight(self) -> int:
        """Weight units: 4 for a byte, 1 for a byte of the marker, the flag and the witnesses (BIP-141)."""
        witnesses = self._witnesses()
        return 4 * len(self.without_witness()) + (len(_SEGWIT) + len(witnesses) if witnesses else 0)

    @property
    def vsize(self) -> int:
        """Virtual bytes, rounded up."""
        return -(-self.weight // 4)

    @property
    def signals_rbf(self) -> bool:
        """Whether an input signals that it may be replaced (BIP-125)."""
        return any(txin.sequence <= SEQUENCE_RBF for txin in self.inputs)

    def with_witnesses(self, stacks: tuple[tuple[bytes, ...], ...]) -> Self:
        """Return this transaction with a witness stack for every input.

        Raises:
            MalformedError: there are more or fewer stacks than inputs.
        """
        if len(stacks) != len(self.inputs):
            raise MalformedError("a transaction takes one witness for each input")
        inputs = (replace(txin, witness=stack) for txin, stack in zip(self.inputs, stacks, strict=True))
        return replace(self, inputs=tuple(inputs))
