"""Output scripts: which kind one is, what spending it weighs, and when an output is dust."""

from enum import Enum
from typing import Final

from wallet.amounts import FeeRate, Sats
from wallet.tx import TxOut
from wallet.wire import sized

_MAX_SCRIPT_SIZE: Final = 10_000
_RETURN: Final = b"\x6a"
_PUSHDATA: Final = {0x4C: 1, 0x4D: 2, 0x4E: 4}  # opcodes OP_PUSHDATA and the bytes of their length
_OP_1NEGATE: Final = 0x4F
_OP_16: Final = 0x60
_DUST_RELAY: Final = FeeRate(3000)  # Bitcoin Core, DUST_RELAY_TX_FEE


class ScriptType(Enum):
    """Kinds of output scripts that a wallet of today meets."""

    P2PKH = "p2pkh"
    P2SH = "p2sh"
    P2WPKH = "p2wpkh"
    P2WSH = "p2wsh"
    P2TR = "p2tr"
    P2A = "anchor"
    WITNESS_UNKNOWN = "witness_unknown"
    NULL_DATA = "nulldata"
    NONSTANDARD = "nonstandard"


def p2pkh(key_hash: bytes) -> bytes:
    """Return the output script of HASH160(key), 20 bytes, from before SegWit."""
    return b"\x76\xa9\x14" + key_hash + b"\x88\xac"


def p2sh(script_hash: bytes) -> bytes:
    """Return the output script of HASH160(script), 20 bytes (BIP-16)."""
    return b"\xa9\x14" + script_hash + b"\x87"


def p2wpkh(key_hash: bytes) -> bytes:
    """Return the output script of HASH160(key), 20 bytes (BIP-141)."""
    return b"\x00\x14" + key_hash


def p2tr(output_key: bytes) -> bytes:
    """Return the output script of an x-only output key, 32 bytes (BIP-341)."""
    return b"\x51\x20" + output_key


def witness_program(script: bytes) -> tuple[int, bytes] | None:
    """Return version and program of a witness output script (BIP-141), None for other scripts."""
    if not 4 <= len(script) <= 42 or script[1] != len(script) - 2:
        return None
    if script[0] == 0:
        return 0, script[2:]
    return (script[0] - 0x50, script[2:]) if 0x51 <= script[0] <= 0x60 else None


def script_type(script: bytes) -> ScriptType:
    """Return the kind of an output script (Bitcoin Core, Solver)."""
    program = witness_program(script)
    if program is not None:
        return _WITNESS.get((program[0], len(program[1])), _other_witness(*program))
    if script == p2pkh(script[3:23]):
        return ScriptType.P2PKH
    if script == p2sh(script[2:22]):
        return ScriptType.P2SH
    if script[:1] == _RETURN and _is_push_only(script[1:]):
        return ScriptType.NULL_DATA
    return ScriptType.NONSTANDARD


_WITNESS: Final = {(0, 20): ScriptType.P2WPKH, (0, 32): ScriptType.P2WSH, (1, 32): ScriptType.P2TR}


def _is_push_only(script: bytes) -> bool:
    """Tell whether a script is nothing but constants (Bitcoin Core, IsPushOnly)."""
    at = 0
    while at < len(script):
        opcode = script[at]
        if opcode > _OP_16:
            return False
        width = _PUSHDATA.get(opcode, 0)
        size = int.from_bytes(script[at + 1 : at + 1 + width], "little") if width else opcode
        at += 1 + width + (size if opcode < _OP_1NEGATE else 0)
    return at == len(script)


def _other_witness(version: int, program: bytes) -> ScriptType:
    if version == 0:
        return ScriptType.NONSTANDARD
    return ScriptType.P2A if (version, program) == (1, b"\x4e\x73") else ScriptType.WITNESS_UNKNOWN


# An input without its witness is 41 bytes (outpoint, empty script, sequence): 164 weight units. The largest
# witnesses: count, length, 71 bytes of low-S DER (r may have its top bit set) and the sighash byte, length,
# key; and count, length, 64 bytes of BIP-340.
INPUT_WEIGHT: Final = {ScriptType.P2WPKH: 164 + 1 + 1 + 72 + 1 + 33, ScriptType.P2TR: 164 + 1 + 1 + 64}


def output_size(script: bytes) -> int:
    """Return the virtual bytes of an output: value, length, script."""
    return 8 + len(sized(script))


def dust_threshold(script: bytes) -> Sats:
    """Return the least value of an output that is worth its spending (Bitcoin Core, GetDustThreshold).

    Returns:
        Satoshi: 294 for P2WPKH, 330 for P2TR, 0 for what nobody can spend, such as data.
    """
    if script[:1] == _RETURN or len(script) > _MAX_SCRIPT_SIZE:
        return Sats(0)
    spending = 32 + 4 + 1 + 107 // 4 + 4 if witness_program(script) else 32 + 4 + 1 + 107 + 4
    return _DUST_RELAY.fee(output_size(script) + spending)


def is_dust(out: TxOut) -> bool:
    """Tell whether nodes refuse to relay an output as too small."""
    return out.value < dust_threshold(out.script_pubkey)
