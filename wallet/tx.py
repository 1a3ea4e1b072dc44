"""Transactions as immutable values; python-bitcointx reads and writes their bytes."""

import re
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, NewType, Self

from bitcointx.core import COutPoint, CTransaction, CTxIn, CTxInWitness, CTxOut, CTxWitness
from bitcointx.core.script import CScript, CScriptWitness
from bitcointx.core.serialize import SerializationError

from wallet.amounts import MAX_MONEY, Sats
from wallet.errors import MalformedError

Txid = NewType("Txid", bytes)  # 32 bytes in the order of the hash; displayed reversed

SEQUENCE_FINAL: Final = 0xFFFFFFFF
SEQUENCE_NO_RBF: Final = 0xFFFFFFFE  # locktime is enforced, replacement not signalled
SEQUENCE_RBF: Final = 0xFFFFFFFD  # BIP-125
MAX_STANDARD_WEIGHT: Final = 400_000
MAX_TRANSACTION_BYTES: Final = 4_000_000  # the weight limit of a block

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
        raise MalformedError(f"{text!r} is no transaction id: it takes 64 hex digits")
    return Txid(bytes.fromhex(text)[::-1])


def show_txid(txid: Txid) -> str:
    """Return a transaction id as displayed: its bytes reversed, in hex."""
    return txid[::-1].hex()


@dataclass(frozen=True, slots=True, order=True)
class OutPoint:
    """The output of a transaction that an input spends.

    Args:
        txid: of the transaction.
        index: of the output.
    """

    txid: Txid
    index: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read txid:index.

        Raises:
            MalformedError: it has another form.
        """
        match = _OUTPOINT.fullmatch(text.lower())
        if match is None or int(match[2]) > 0xFFFFFFFF:
            raise MalformedError(f"{text!r} is no coin", "write txid:index")
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


@dataclass(frozen=True, slots=True)
class TxOut:
    """An output.

    Args:
        value: satoshi.
        script_pubkey: who may spend it.
    """

    value: Sats
    script_pubkey: bytes


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction.

    Args:
        inputs: at least one.
        outputs: at least one.
        locktime: first height or time at which it may be mined.
        version: 2 unless read from elsewhere.

    Raises:
        MalformedError: there is no input or output, an input appears twice, or an amount is out of range.
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
        total = 0
        for out in self.outputs:
            total += out.value
            if not 0 <= out.value <= MAX_MONEY or total > MAX_MONEY:
                raise MalformedError("an output of a transaction is out of range")
        object.__setattr__(self, "txid", Txid(double_sha256(self.without_witness())))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the serialisation of the network (BIP-144).

        Raises:
            MalformedError: it is another thing, has bytes left over, or breaks a rule of the class.
        """
        if len(data) > MAX_TRANSACTION_BYTES:
            raise MalformedError("a transaction is longer than a block")
        try:
            parsed = CTransaction.deserialize(data)
        except (SerializationError, ValueError) as e:
            raise MalformedError(f"this is no transaction: {e}") from e
        stacks = [tuple(map(bytes, wit.scriptWitness)) for wit in parsed.wit.vtxinwit]
        stacks += [()] * (len(parsed.vin) - len(stacks))
        inputs = (
            TxIn(
                OutPoint(Txid(bytes(txin.prevout.hash)), txin.prevout.n),
                txin.nSequence,
                bytes(txin.scriptSig),
                stack,
            )
            for txin, stack in zip(parsed.vin, stacks, strict=True)
        )
        outputs = (TxOut(Sats(out.nValue), bytes(out.scriptPubKey)) for out in parsed.vout)
        return cls(tuple(inputs), tuple(outputs), parsed.nLockTime, parsed.nVersion)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read the serialisation in hex.

        Raises:
            MalformedError: as from_bytes.
        """
        try:
            data = bytes.fromhex(text.strip())
        except ValueError as e:
            raise MalformedError("a transaction is written in hex") from e
        return cls.from_bytes(data)

    def __bytes__(self) -> bytes:
        """Return the serialisation of the network, with witnesses if there are any."""
        return self._serialize(tuple(txin.witness for txin in self.inputs))

    def without_witness(self) -> bytes:
        """Return the serialisation whose double SHA-256 is the transaction id."""
        return self._serialize(())

    def _serialize(self, stacks: tuple[tuple[bytes, ...], ...]) -> bytes:
        witness = CTxWitness([CTxInWitness(CScriptWitness(stack)) for stack in stacks] if any(stacks) else [])
        return CTransaction(
            [
                CTxIn(COutPoint(t.prevout.txid, t.prevout.index), CScript(t.script_sig), t.sequence)
                for t in self.inputs
            ],
            [CTxOut(out.value, CScript(out.script_pubkey)) for out in self.outputs],
            self.locktime,
            self.version,
            witness,
        ).serialize()

    @property
    def wtxid(self) -> Txid:
        """Hash of the serialisation with witnesses."""
        return Txid(double_sha256(bytes(self)))

    @property
    def weight(self) -> int:
        """Weight units (BIP-141)."""
        return 3 * len(self.without_witness()) + len(bytes(self))

    @property
    def vsize(self) -> int:
        """Virtual bytes, rounded up."""
        return -(-self.weight // 4)

    @property
    def signals_rbf(self) -> bool:
        """Whether an input signals that it may be replaced (BIP-125)."""
        return any(txin.sequence <= SEQUENCE_RBF for txin in self.inputs)

    def with_witnesses(self, stacks: tuple[tuple[bytes, ...], ...]) -> Self:
        """Return this transaction with a witness stack for every input."""
        inputs = (replace(txin, witness=stack) for txin, stack in zip(self.inputs, stacks, strict=True))
        return replace(self, inputs=tuple(inputs))
