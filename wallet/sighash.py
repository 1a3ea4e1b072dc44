"""What a signature signs: the digests of P2WPKH (BIP-143) and of the Taproot key path (BIP-341).

Both hash all inputs and all outputs into every digest. These hashes are computed once per transaction, so
that the digests of all inputs take time linear in their number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from native.hashing import tagged_hash
from wallet.errors import MalformedError
from wallet.tx import OutPoint, Transaction, TxOut, double_sha256
from wallet.wire import sized

SIGHASH_DEFAULT: Final = 0x00  # Taproot only; signs what ALL signs
SIGHASH_ALL: Final = 0x01
SIGHASH_NONE: Final = 0x02
SIGHASH_SINGLE: Final = 0x03
SIGHASH_ANYONECANPAY: Final = 0x80  # flag on the last three

V0_TYPES: Final = frozenset(
    kind | flag for kind in (SIGHASH_ALL, SIGHASH_NONE, SIGHASH_SINGLE) for flag in (0, SIGHASH_ANYONECANPAY)
)
TAPROOT_TYPES: Final = V0_TYPES | {SIGHASH_DEFAULT}


@dataclass(frozen=True, slots=True)
class SighashCache:
    """The digests of one transaction.

    Args:
        tx: the transaction; its witnesses and input scripts do not matter.
        prevouts: what each input spends, in the order of the inputs. The digests are only as true as these.

    Raises:
        MalformedError: there are not as many prevouts as inputs.
    """

    tx: Transaction
    prevouts: Sequence[TxOut]
    # single SHA-256, 32 bytes each, in the words of BIP-341; BIP-143 hashes three of them once more
    _sha_prevouts: bytes = field(init=False, repr=False)
    _sha_sequences: bytes = field(init=False, repr=False)
    _sha_outputs: bytes = field(init=False, repr=False)
    _sha_amounts: bytes = field(init=False, repr=False)
    _sha_scriptpubkeys: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.prevouts) != len(self.tx.inputs):
            raise MalformedError("the sighash of a transaction needs one spent output for each input")
        midstates = {
            "_sha_prevouts": (_outpoint(txin.prevout) for txin in self.tx.inputs),
            "_sha_sequences": (_u32(txin.sequence) for txin in self.tx.inputs),
            "_sha_outputs": map(bytes, self.tx.outputs),
            "_sha_amounts": (_u64(out.value) for out in self.prevouts),
            "_sha_scriptpubkeys": (sized(out.script_pubkey) for out in self.prevouts),
        }
        for name, items in midstates.items():
            object.__setattr__(self, name, _sha(items))

    def segwit_v0(self, index: int, key_hash: bytes, sighash_type: int = SIGHASH_ALL) -> bytes:
        """Return the digest of a P2WPKH input (BIP-143, Specification).

        Args:
            index: of the input.
            key_hash: HASH160 of the key that signs, 20 bytes.
            sighash_type: one of V0_TYPES.

        Returns:
            32 bytes.

        Raises:
            MalformedError: an argument is out of range.
        """
        self._expect(index, sighash_type, V0_TYPES)
        if len(key_hash) != 20:
            raise MalformedError("a key hash has 20 bytes")
        txin, base, anyone = self.tx.inputs[index], sighash_type & 3, sighash_type & SIGHASH_ANYONECANPAY
        preimage = (
            _u32(self.tx.version),
            bytes(32) if anyone else sha256(self._sha_prevouts).digest(),
            sha256(self._sha_sequences).digest() if sighash_type == SIGHASH_ALL else bytes(32),
            _outpoint(txin.prevout),
            b"\x19\x76\xa9\x14" + key_hash + b"\x88\xac",  # scriptCode with its length
            _u64(self.prevouts[index].value),
            _u32(txin.sequence),
            self._hash_outputs(index, base),
            _u32(self.tx.locktime),
            _u32(sighash_type),
        )
        return double_sha256(b"".join(preimage))

    def taproot_key_path(self, index: int, sighash_type: int = SIGHASH_DEFAULT) -> bytes:
        """Return the digest of a P2TR input that is spent by its key, without annex (BIP-341, SigMsg).

        Args:
            index: of the input.
            sighash_type: one of TAPROOT_TYPES.

        Returns:
            32 bytes.

        Raises:
            MalformedError: an argument is out of range, or SINGLE has no output at the index.
        """
        self._expect(index, sighash_type, TAPROOT_TYPES)
        base, anyone = sighash_type & 3, sighash_type & SIGHASH_ANYONECANPAY
        if base == SIGHASH_SINGLE and index >= len(self.tx.outputs):
            raise MalformedError(f"input {index} has no output that SIGHASH_SINGLE could sign")
        message = [b"\x00", bytes([sighash_type]), _u32(self.tx.version), _u32(self.tx.locktime)]
        if not anyone:
            message += self._sha_prevouts, self._sha_amounts, self._sha_scriptpubkeys, self._sha_sequences
        if base in (SIGHASH_DEFAULT, SIGHASH_ALL):
            message.append(self._sha_outputs)
        message.append(b"\x00")  # spend_type: ext_flag 0, no annex
        if anyone:
            txin = self.tx.inputs[index]
            message += _outpoint(txin.prevout), bytes(self.prevouts[index]), _u32(txin.sequence)
        else:
            message.append(_u32(index))
        if base == SIGHASH_SINGLE:
            message.append(sha256(bytes(self.tx.outputs[index])).digest())
        return tagged_hash("TapSighash", *message)

    def _hash_outputs(self, index: int, base: int) -> bytes:
        """Return hashOutputs of BIP-143."""
        if base == SIGHASH_ALL:
            return sha256(self._sha_outputs).digest()
        if base == SIGHASH_SINGLE and index < len(self.tx.outputs):
            return double_sha256(bytes(self.tx.outputs[index]))
        return bytes(32)

    def _expect(self, index: int, sighash_type: int, types: frozenset[int]) -> None:
        if not 0 <= index < len(self.tx.inputs):
            raise MalformedError(f"the transaction has no input {index}")
        if sighash_type not in types:
            raise MalformedError(f"0x{sighash_type:02x} is no sighash type of this kind of input")


def _sha(items: Iterable[bytes]) -> bytes:
    return sha256(b"".join(items)).digest()


def _u32(value: int) -> bytes:
    return (value & 0xFFFFFFFF).to_bytes(4, "little")  # a version may be negative


def _u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def _outpoint(prevout: OutPoint) -> bytes:
    return prevout.txid + _u32(prevout.index)
