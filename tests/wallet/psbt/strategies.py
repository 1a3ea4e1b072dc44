"""Hypothesis strategies: PSBTs of both versions with any of their fields."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from coincurve import PrivateKey
from hypothesis import assume
from hypothesis import strategies as st

from native.verify import ecdsa_to_der
from wallet.amounts import Sats
from wallet.psbt import KeyOrigin, LeafScript, Psbt, PsbtInput, PsbtOutput, TapKeyOrigin, TapLeaf, UnsignedTx
from wallet.psbt.unsigned import required_locktime
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

U32 = st.integers(0, 0xFFFFFFFF)
SCRIPTS = st.binary(max_size=40)
KEYS = st.sampled_from(
    [
        PrivateKey(secret.to_bytes(32, "big")).public_key.format(compressed)
        for secret in range(1, 5)
        for compressed in (True, False)
    ]
)


def exactly(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


def mapping(keys: st.SearchStrategy[bytes], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(keys, values, max_size=3)


HASHES = exactly(32)
# all zeros spends nothing, and is a coinbase's
PREVOUTS = st.builds(OutPoint, HASHES.filter(any).map(Txid), U32)
SCALARS = st.integers(1, 1 << 250).map(lambda scalar: scalar.to_bytes(32, "big"))
PARTIAL_SIGS = st.builds(lambda r, s: ecdsa_to_der(r + s) + b"\x01", SCALARS, SCALARS)
SCHNORR = exactly(64) | exactly(65)
ORIGINS = st.builds(KeyOrigin, exactly(4), st.lists(U32, max_size=4).map(tuple))
TAP_ORIGINS = st.builds(TapKeyOrigin, ORIGINS, st.lists(HASHES, max_size=2).map(tuple))
LEAVES = st.builds(LeafScript, SCRIPTS, st.integers(0, 127).map(lambda half: 2 * half))
CONTROL_BLOCKS = st.integers(0, 2).flatmap(lambda depth: exactly(33 + 32 * depth))
XPUBS = st.builds(
    lambda version, depth, rest, key: version + bytes([depth]) + rest + key,
    exactly(4), st.just(2), exactly(40), KEYS.filter(lambda key: len(key) == 33),
)  # fmt: skip
UNKNOWN = mapping(
    st.builds(
        lambda kind, rest: kind + rest, st.sampled_from([b"\x30", b"\xf0", b"\xfd\xfd\x00"]), exactly(2)
    )
    | st.just(b"\xfc\x04mpcw\x01more"),
    SCRIPTS,
)
TREES = st.sampled_from([(0,), (1, 1), (1, 2, 2), (2, 2, 1), (2, 2, 2, 2), (1, 2, 3, 3)]).flatmap(
    lambda depths: st.tuples(*(st.builds(TapLeaf, st.just(depth), LEAVES) for depth in depths))
)
OUTPUTS = st.builds(TxOut, st.integers(0, 10**12).map(Sats), SCRIPTS)
PREVIOUS = st.builds(
    Transaction,
    st.builds(
        TxIn,
        PREVOUTS,
        U32,
        SCRIPTS,
        st.lists(SCRIPTS, max_size=2).map(tuple),
    ).map(lambda txin: (txin,)),
    st.lists(OUTPUTS, min_size=1, max_size=2).map(tuple),
    U32,
)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


INPUTS = st.builds(
    PsbtInput,
    witness_utxo=maybe(OUTPUTS),
    partial_sigs=mapping(KEYS, PARTIAL_SIGS),
    sighash_type=maybe(U32),
    redeem_script=maybe(SCRIPTS),
    witness_script=maybe(SCRIPTS),
    bip32_derivation=mapping(KEYS, ORIGINS),
    final_script_sig=maybe(SCRIPTS),
    final_script_witness=maybe(st.lists(SCRIPTS, max_size=3).map(tuple)),
    ripemd160_preimages=mapping(exactly(20), SCRIPTS),
    sha256_preimages=mapping(HASHES, SCRIPTS),
    hash160_preimages=mapping(exactly(20), SCRIPTS),
    hash256_preimages=mapping(HASHES, SCRIPTS),
    tap_key_sig=maybe(SCHNORR),
    tap_script_sigs=mapping(exactly(64), SCHNORR),
    tap_leaf_scripts=mapping(CONTROL_BLOCKS, LEAVES),
    tap_bip32_derivation=mapping(HASHES, TAP_ORIGINS),
    tap_internal_key=maybe(HASHES),
    tap_merkle_root=maybe(HASHES),
    unknown=UNKNOWN,
)
OUTPUT_MAPS = st.builds(
    PsbtOutput,
    redeem_script=maybe(SCRIPTS),
    witness_script=maybe(SCRIPTS),
    bip32_derivation=mapping(KEYS, ORIGINS),
    tap_internal_key=maybe(HASHES),
    tap_tree=maybe(TREES),
    tap_bip32_derivation=mapping(HASHES, TAP_ORIGINS),
    unknown=UNKNOWN,
)


@st.composite
def psbts(draw: Callable[..., Any], version: int | None = None) -> Psbt:
    """Draw a PSBT with up to two inputs and outputs; either may be missing."""
    chosen = draw(st.sampled_from([0, 2])) if version is None else version
    txins, maps = [], []
    for _ in range(draw(st.integers(0, 2))):
        fields, prevout = draw(INPUTS), draw(PREVOUTS)
        if draw(st.booleans()):
            previous = draw(PREVIOUS)
            fields = replace(fields, non_witness_utxo=previous, witness_utxo=None)
            prevout = OutPoint(previous.txid, draw(st.integers(0, len(previous.outputs) - 1)))
        if chosen == 2 and draw(st.booleans()):
            fields = replace(fields, required_height_locktime=draw(st.integers(1, 499_999_999)))
        assume(prevout not in [txin.prevout for txin in txins])
        txins.append(TxIn(prevout, draw(U32)))
        maps.append(fields)
    txouts = draw(st.lists(OUTPUTS, max_size=2))
    fallback = draw(maybe(U32)) if chosen == 2 else None
    locktime = required_locktime(fallback, maps) if chosen == 2 else draw(U32)
    return Psbt(
        UnsignedTx(tuple(txins), tuple(txouts), locktime, draw(st.sampled_from([1, 2, -1]))),
        tuple(maps),
        tuple(draw(OUTPUT_MAPS) for _ in txouts),
        chosen,
        xpubs=draw(mapping(XPUBS, st.builds(KeyOrigin, exactly(4), st.tuples(U32, U32)))),
        fallback_locktime=fallback,
        tx_modifiable=draw(maybe(st.integers(0, 255))) if chosen == 2 else None,
        unknown=draw(UNKNOWN),
    )
