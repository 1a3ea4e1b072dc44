"""The maps of inputs and outputs of a PSBT (BIP-174, BIP-370, BIP-371) as immutable values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wallet.psbt.tables import INPUT, OUTPUT
from wallet.psbt.values import KeyOrigin, LeafScript, TapKeyOrigin, TapLeaf
from wallet.tx import Transaction, TxOut


@dataclass(frozen=True, slots=True)
class PsbtInput:
    """What is known of an input. What it spends and its sequence are in Psbt.tx.

    Args:
        non_witness_utxo: the transaction that has the output that is spent; its txid is the outpoint's.
        witness_utxo: the output that is spent.
        partial_sigs: DER signature with its sighash byte, by public key of 33 or 65 bytes.
        sighash_type: the type that signatures must have, 32 bits; None for the default.
        redeem_script: of a P2SH output.
        witness_script: of a P2WSH output.
        bip32_derivation: origin by public key of 33 or 65 bytes.
        final_script_sig: the finished scriptSig.
        final_script_witness: the finished witness stack.
        ripemd160_preimages, sha256_preimages, hash160_preimages, hash256_preimages: preimage by hash.
        required_time_locktime: least lock time in Unix seconds, 500000000 or more; version 2 only.
        required_height_locktime: least lock time as a height, 1..499999999; version 2 only.
        tap_key_sig: signature for the key path, 64 bytes, or 65 with its sighash byte.
        tap_script_sigs: signatures of 64 or 65 bytes, by x-only key || leaf hash, 64 bytes.
        tap_leaf_scripts: scripts by control block.
        tap_bip32_derivation: origin by x-only key, 32 bytes.
        tap_internal_key: x-only, 32 bytes.
        tap_merkle_root: 32 bytes; None if there is no script tree.
        unknown: values of fields without a name here, also proprietary ones, by key type || key data.

    Raises:
        MalformedError: a field does not fit; names it.
    """

    non_witness_utxo: Transaction | None = None
    witness_utxo: TxOut | None = None
    partial_sigs: Mapping[bytes, bytes] = field(default_factory=dict)
    sighash_type: int | None = None
    redeem_script: bytes | None = None
    witness_script: bytes | None = None
    bip32_derivation: Mapping[bytes, KeyOrigin] = field(default_factory=dict)
    final_script_sig: bytes | None = None
    final_script_witness: tuple[bytes, ...] | None = None
    ripemd160_preimages: Mapping[bytes, bytes] = field(default_factory=dict)
    sha256_preimages: Mapping[bytes, bytes] = field(default_factory=dict)
    hash160_preimages: Mapping[bytes, bytes] = field(default_factory=dict)
    hash256_preimages: Mapping[bytes, bytes] = field(default_factory=dict)
    required_time_locktime: int | None = None
    required_height_locktime: int | None = None
    tap_key_sig: bytes | None = None
    tap_script_sigs: Mapping[bytes, bytes] = field(default_factory=dict)
    tap_leaf_scripts: Mapping[bytes, LeafScript] = field(default_factory=dict)
    tap_bip32_derivation: Mapping[bytes, TapKeyOrigin] = field(default_factory=dict)
    tap_internal_key: bytes | None = None
    tap_merkle_root: bytes | None = None
    unknown: Mapping[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        INPUT.freeze(self)

    @property
    def is_final(self) -> bool:
        """Whether the input has its finished scriptSig or witness."""
        return self.final_script_sig is not None or self.final_script_witness is not None


@dataclass(frozen=True, slots=True)
class PsbtOutput:
    """What is known of an output. Its amount and script are in Psbt.tx.

    Args:
        redeem_script: of a P2SH output.
        witness_script: of a P2WSH output.
        bip32_derivation: origin by public key of 33 or 65 bytes.
        tap_internal_key: x-only, 32 bytes.
        tap_tree: leaves in depth-first order; None if there is no script tree.
        tap_bip32_derivation: origin by x-only key, 32 bytes.
        unknown: values of fields without a name here, also proprietary ones, by key type || key data.

    Raises:
        MalformedError: a field does not fit; names it.
    """

    redeem_script: bytes | None = None
    witness_script: bytes | None = None
    bip32_derivation: Mapping[bytes, KeyOrigin] = field(default_factory=dict)
    tap_internal_key: bytes | None = None
    tap_tree: tuple[TapLeaf, ...] | None = None
    tap_bip32_derivation: Mapping[bytes, TapKeyOrigin] = field(default_factory=dict)
    unknown: Mapping[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        OUTPUT.freeze(self)
