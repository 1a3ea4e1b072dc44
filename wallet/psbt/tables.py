"""The fields of the three kinds of maps (BIP-174, BIP-370, BIP-371)."""

from collections.abc import Callable
from typing import Any, Final

from coincurve import PublicKey

from native.errors import RejectedError
from native.verify import ecdsa_from_der
from wallet.amounts import MAX_MONEY
from wallet.errors import MalformedError
from wallet.psbt.fields import Codec, Field, Table
from wallet.psbt.values import (
    KeyOrigin,
    LeafScript,
    TapKeyOrigin,
    check_items,
    check_tree,
    read_tree,
    write_tree,
)
from wallet.tx import Transaction, TxOut
from wallet.wire import Reader, compact_size, counted, sized

LOCKTIME_THRESHOLD: Final = 500_000_000  # below it a lock time is a height (Bitcoin Core)

_XPUB_SIZE: Final = 78
_CONTROL_SIZES: Final = frozenset(range(33, 33 + 32 * 129, 32))  # BIP-341, Script validation rules


def _anything(_value: object) -> None:
    """Accept values whose own constructor has checked them."""


def _same(data: bytes) -> bytes:
    return data


def _length(*sizes: int) -> Callable[[bytes], None]:
    allowed = " or ".join(map(str, sizes))

    def check(data: bytes) -> None:
        if len(data) not in sizes:
            raise MalformedError(f"{len(data)} bytes instead of {allowed}")

    return check


def _data(check: Callable[[bytes], None] = _anything) -> Codec:
    return Codec(_same, _same, check)


def _integer(size: int, least: int = 0, most: int | None = None, *, signed: bool = False) -> Codec:
    top = (1 << 8 * size) - 1 if most is None else most

    def read(data: bytes) -> int:
        _length(size)(data)
        return int.from_bytes(data, "little", signed=signed)

    def write(value: int) -> bytes:
        return value.to_bytes(size, "little", signed=signed)

    def check(value: int) -> None:
        if not least <= value <= top:
            raise MalformedError(f"{value} is not in {least}..{top}")

    return Codec(read, write, check)


def _reading(read: Callable[[Reader], Any]) -> Callable[[bytes], Any]:
    def read_all(data: bytes) -> Any:
        reader = Reader(data)
        value = read(reader)
        reader.end()
        return value

    return read_all


def _amount(out: TxOut) -> None:
    if not 0 <= out.value <= MAX_MONEY:
        raise MalformedError("its value is out of range")


def _stack(reader: Reader) -> tuple[bytes, ...]:
    count = reader.count(1)
    check_items(count)
    return tuple(reader.sized() for _ in range(count))


def _write_stack(stack: tuple[bytes, ...]) -> bytes:
    return counted([sized(item) for item in stack])


def _public_key(data: bytes) -> None:
    _length(33, 65)(data)
    try:
        PublicKey(data)
    except ValueError as e:
        raise MalformedError(f"{data.hex()} is no public key") from e


def _xpub(data: bytes) -> None:
    _length(_XPUB_SIZE)(data)
    _public_key(data[45:])


def _partial_sig(data: bytes) -> None:
    try:
        ecdsa_from_der(data[:-1])
    except RejectedError as e:
        raise MalformedError("it is no strict DER signature with a sighash byte") from e


def _control_block(data: bytes) -> None:
    if len(data) not in _CONTROL_SIZES:
        raise MalformedError(f"{len(data)} bytes are no control block")


_BYTES: Final = _data()
_HASH: Final = _data(_length(32))
_SCHNORR: Final = _data(_length(64, 65))
_COUNT: Final = Codec(_reading(Reader.compact_size), compact_size, _anything)
_ORIGIN: Final = Codec(KeyOrigin.from_bytes, bytes, _anything)
_TAP_ORIGIN: Final = Codec(TapKeyOrigin.from_bytes, bytes, _anything)
_LEAF: Final = Codec(LeafScript.from_bytes, bytes, _anything)
_TREE: Final = Codec(read_tree, write_tree, check_tree)
_TRANSACTION: Final = Codec(Transaction.from_bytes, bytes, _anything)
_OUTPUT: Final = Codec(_reading(TxOut.read), bytes, _amount)
_WITNESS: Final = Codec(_reading(_stack), _write_stack, _anything)
_TIME: Final = _integer(4, LOCKTIME_THRESHOLD)
_HEIGHT: Final = _integer(4, 1, LOCKTIME_THRESHOLD - 1)
_VERSION: Final = _integer(4, -(1 << 31), (1 << 31) - 1, signed=True)

GLOBAL: Final = Table(
    (
        Field(0x00, "PSBT_GLOBAL_UNSIGNED_TX", "unsigned_tx", _BYTES, only=0, required=True),
        Field(0x01, "PSBT_GLOBAL_XPUB", "xpubs", _ORIGIN, _xpub),
        Field(0x02, "PSBT_GLOBAL_TX_VERSION", "tx_version", _VERSION, only=2, required=True),
        Field(0x03, "PSBT_GLOBAL_FALLBACK_LOCKTIME", "fallback_locktime", _integer(4), only=2),
        Field(0x04, "PSBT_GLOBAL_INPUT_COUNT", "input_count", _COUNT, only=2, required=True),
        Field(0x05, "PSBT_GLOBAL_OUTPUT_COUNT", "output_count", _COUNT, only=2, required=True),
        Field(0x06, "PSBT_GLOBAL_TX_MODIFIABLE", "tx_modifiable", _integer(1), only=2),
        Field(0xFB, "PSBT_GLOBAL_VERSION", "version", _integer(4)),
    )
)

INPUT: Final = Table(
    (
        Field(0x00, "PSBT_IN_NON_WITNESS_UTXO", "non_witness_utxo", _TRANSACTION),
        Field(0x01, "PSBT_IN_WITNESS_UTXO", "witness_utxo", _OUTPUT),
        Field(0x02, "PSBT_IN_PARTIAL_SIG", "partial_sigs", _data(_partial_sig), _public_key),
        Field(0x03, "PSBT_IN_SIGHASH_TYPE", "sighash_type", _integer(4)),
        Field(0x04, "PSBT_IN_REDEEM_SCRIPT", "redeem_script", _BYTES),
        Field(0x05, "PSBT_IN_WITNESS_SCRIPT", "witness_script", _BYTES),
        Field(0x06, "PSBT_IN_BIP32_DERIVATION", "bip32_derivation", _ORIGIN, _public_key),
        Field(0x07, "PSBT_IN_FINAL_SCRIPTSIG", "final_script_sig", _BYTES),
        Field(0x08, "PSBT_IN_FINAL_SCRIPTWITNESS", "final_script_witness", _WITNESS),
        Field(0x0A, "PSBT_IN_RIPEMD160", "ripemd160_preimages", _BYTES, _length(20)),
        Field(0x0B, "PSBT_IN_SHA256", "sha256_preimages", _BYTES, _length(32)),
        Field(0x0C, "PSBT_IN_HASH160", "hash160_preimages", _BYTES, _length(20)),
        Field(0x0D, "PSBT_IN_HASH256", "hash256_preimages", _BYTES, _length(32)),
        Field(0x0E, "PSBT_IN_PREVIOUS_TXID", "previous_txid", _HASH, only=2, required=True),
        Field(0x0F, "PSBT_IN_OUTPUT_INDEX", "output_index", _integer(4), only=2, required=True),
        Field(0x10, "PSBT_IN_SEQUENCE", "sequence", _integer(4), only=2),
        Field(0x11, "PSBT_IN_REQUIRED_TIME_LOCKTIME", "required_time_locktime", _TIME, only=2),
        Field(0x12, "PSBT_IN_REQUIRED_HEIGHT_LOCKTIME", "required_height_locktime", _HEIGHT, only=2),
        Field(0x13, "PSBT_IN_TAP_KEY_SIG", "tap_key_sig", _SCHNORR),
        Field(0x14, "PSBT_IN_TAP_SCRIPT_SIG", "tap_script_sigs", _SCHNORR, _length(64)),
        Field(0x15, "PSBT_IN_TAP_LEAF_SCRIPT", "tap_leaf_scripts", _LEAF, _control_block),
        Field(0x16, "PSBT_IN_TAP_BIP32_DERIVATION", "tap_bip32_derivation", _TAP_ORIGIN, _length(32)),
        Field(0x17, "PSBT_IN_TAP_INTERNAL_KEY", "tap_internal_key", _HASH),
        Field(0x18, "PSBT_IN_TAP_MERKLE_ROOT", "tap_merkle_root", _HASH),
    )
)

OUTPUT: Final = Table(
    (
        Field(0x00, "PSBT_OUT_REDEEM_SCRIPT", "redeem_script", _BYTES),
        Field(0x01, "PSBT_OUT_WITNESS_SCRIPT", "witness_script", _BYTES),
        Field(0x02, "PSBT_OUT_BIP32_DERIVATION", "bip32_derivation", _ORIGIN, _public_key),
        Field(0x03, "PSBT_OUT_AMOUNT", "amount", _integer(8, 0, MAX_MONEY), only=2, required=True),
        Field(0x04, "PSBT_OUT_SCRIPT", "script", _BYTES, only=2, required=True),
        Field(0x05, "PSBT_OUT_TAP_INTERNAL_KEY", "tap_internal_key", _HASH),
        Field(0x06, "PSBT_OUT_TAP_TREE", "tap_tree", _TREE),
        Field(0x07, "PSBT_OUT_TAP_BIP32_DERIVATION", "tap_bip32_derivation", _TAP_ORIGIN, _length(32)),
    )
)
