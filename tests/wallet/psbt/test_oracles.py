"""PSBTs of ours to btclib, rust-bitcoin (bdkpython) and bitcointx, and theirs to us."""

import importlib.util
from collections.abc import Callable

import bdkpython as bdk
import bitcointx
import btclib_wallet.psbt.psbt as btclib
import pytest
from bitcointx import ChainParams
from bitcointx.core.psbt import PartiallySignedTransaction

from tests.wallet.psbt.signing import KEY, UNSIGNED, partial_sig, tap_key_sig, with_input
from tests.wallet.psbt.vectors import VALID
from wallet.psbt import Psbt, combine, extract, finalize, to_v0, to_v2

HALVES = [
    with_input(UNSIGNED, 0, partial_sigs={KEY: partial_sig()}),
    with_input(UNSIGNED, 1, tap_key_sig=tap_key_sig()),
]
COMBINED = combine(HALVES)
FINAL = finalize(COMBINED)

BIP_174 = {name: text for name, text in VALID.items() if Psbt.from_base64(text).version == 0}
# rust-bitcoin sorts the leaves of a Taproot tree
TO_RUST = {name: text for name, text in BIP_174.items() if "taproot tree" not in name}
# bitcointx wants keys of one network and reads no PSBT without inputs
TO_BITCOINTX = {
    name: text for name, text in BIP_174.items() if "xpub" not in name.lower() and " 0 inputs" not in name
}


def cases(texts: dict[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("text", texts.values(), ids=texts.keys())


@cases(VALID)
def test_btclib_reads_and_writes_the_same_psbt(text: str) -> None:
    psbt = Psbt.from_base64(text)
    assert Psbt.from_bytes(btclib.Psbt.parse(bytes(psbt)).serialize()) == psbt


@cases(VALID)
def test_btclib_converts_to_the_same_version(text: str) -> None:
    psbt = Psbt.from_base64(text)
    theirs = btclib.Psbt.parse(bytes(psbt))
    if psbt.version == 0:
        assert Psbt.from_bytes(theirs.to_v2().serialize()) == to_v2(psbt)
    else:
        assert Psbt.from_bytes(theirs.to_v0().serialize()) == to_v0(psbt)


@pytest.mark.parametrize("convert", [to_v0, to_v2], ids=["v0", "v2"])
def test_btclib_combines_finalises_and_extracts_the_same(convert: Callable[[Psbt], Psbt]) -> None:
    theirs = btclib.combine([btclib.Psbt.parse(bytes(convert(half))) for half in HALVES])
    assert Psbt.from_bytes(theirs.serialize()) == convert(COMBINED)
    final = btclib.finalize(theirs)
    assert Psbt.from_bytes(final.serialize()) == convert(FINAL)
    assert btclib.extract_tx(final).serialize(include_witness=True) == bytes(extract(FINAL))


@cases(TO_RUST)
def test_rust_bitcoin_reads_and_writes_the_same_psbt(text: str) -> None:
    psbt = Psbt.from_base64(text)
    assert Psbt.from_base64(bdk.Psbt(psbt.base64()).serialize()) == psbt


def test_rust_bitcoin_combines_finalises_and_extracts_the_same() -> None:
    first, second = (bdk.Psbt(half.base64()) for half in HALVES)
    theirs = first.combine(second)
    assert Psbt.from_base64(theirs.serialize()) == COMBINED
    assert theirs.fee() == COMBINED.fee
    final = theirs.finalize()
    assert final.could_finalize
    assert Psbt.from_base64(final.psbt.serialize()) == FINAL
    assert bytes(final.psbt.extract_tx().serialize()) == bytes(extract(FINAL))


@cases(TO_BITCOINTX)
def test_bitcointx_reads_and_writes_the_same_psbt(text: str) -> None:
    spec = importlib.util.find_spec("coincurve._libsecp256k1")
    assert spec is not None
    bitcointx.set_custom_secp256k1_path(spec.origin)
    psbt = Psbt.from_base64(text)
    with ChainParams("bitcoin/regtest"):
        theirs = PartiallySignedTransaction.from_base64(psbt.base64())
        assert Psbt.from_bytes(theirs.serialize()) == psbt
