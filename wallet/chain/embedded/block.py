"""Make a block of a regtest chain: coinbase (BIP-34), witness commitment (BIP-141), proof of work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wallet.amounts import COIN, Sats
from wallet.tx import SEQUENCE_FINAL, OutPoint, Transaction, Txid, TxIn, TxOut, double_sha256
from wallet.wire import counted

MAX_BLOCK_WEIGHT: Final = 4_000_000
MAX_BLOCK_SIGOPS: Final = 80_000
COINBASE_WEIGHT: Final = 8_000  # kept free for header and coinbase (Bitcoin Core, -blockreservedweight)
COINBASE_SIGOPS: Final = 400

_VERSION: Final = 0x20000000
_BITS: Final = 0x207FFFFF  # regtest never retargets
_TARGET: Final = 0x7FFFFF << (8 * (0x20 - 3))
_HALVING: Final = 150  # blocks, regtest
_COMMITMENT: Final = bytes.fromhex("6a24aa21a9ed")
_RESERVED: Final = bytes(32)  # witness reserved value


@dataclass(frozen=True, slots=True)
class Template:
    """What a block is made of.

    Args:
        previous: hash of the block before it.
        height: of the new block.
        time: of its header, after the median time past, Unix seconds.
        script_pubkey: what the coinbase pays to.
        txs: in their order, parents before children, without the coinbase.
        fees: what the transactions leave to the coinbase, satoshi.
    """

    previous: bytes
    height: int
    time: int
    script_pubkey: bytes
    txs: Sequence[Transaction] = ()
    fees: int = 0


def make_block(template: Template) -> tuple[bytes, tuple[Transaction, ...]]:
    """Return the serialised block of a template with its proof of work, and its transactions."""
    coinbase = _coinbase(template)
    txs = (coinbase, *template.txs)
    header = (
        _VERSION.to_bytes(4, "little")
        + template.previous
        + _merkle_root([tx.txid for tx in txs])
        + template.time.to_bytes(4, "little")
        + _BITS.to_bytes(4, "little")
    )
    return _work(header) + counted([bytes(tx) for tx in txs]), txs


def subsidy(height: int) -> Sats:
    """Return what a block creates on regtest, satoshi."""
    return Sats(50 * COIN >> (height // _HALVING)) if height // _HALVING < 64 else Sats(0)


def _coinbase(template: Template) -> Transaction:
    # BIP-141, Commitment structure: the coinbase counts as a wtxid of zeros
    root = _merkle_root([bytes(32), *(tx.wtxid for tx in template.txs)])
    return Transaction(
        (
            TxIn(
                OutPoint(Txid(bytes(32)), 0xFFFFFFFF),
                sequence=SEQUENCE_FINAL,
                script_sig=_height_script(template.height),
                witness=(_RESERVED,),
            ),
        ),
        (
            TxOut(Sats(subsidy(template.height) + template.fees), template.script_pubkey),
            TxOut(Sats(0), _COMMITMENT + double_sha256(root + _RESERVED)),
        ),
    )


def _height_script(height: int) -> bytes:
    """Return the script of a coinbase input: the height as the shortest push (BIP-34), at least 2 bytes."""
    if height <= 16:
        return bytes([0x50 + height, 0])
    number = height.to_bytes(height.bit_length() // 8 + 1, "little")  # its top bit is the sign
    return bytes([len(number)]) + number


def _merkle_root(hashes: Sequence[bytes]) -> bytes:
    level = list(hashes)
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [double_sha256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def _work(header: bytes) -> bytes:
    """Return a header of 76 bytes with a nonce that meets the target; every second one does."""
    nonce = 0
    while int.from_bytes(double_sha256(header + nonce.to_bytes(4, "little")), "little") > _TARGET:
        nonce += 1
    return header + nonce.to_bytes(4, "little")
