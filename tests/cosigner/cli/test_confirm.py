import pytest

from cosigner.cli.confirm import _whose
from wallet.amounts import Sats
from wallet.network import REGTEST
from wallet.review import ReviewedOutput
from wallet.script import p2tr, p2wpkh
from wallet.tx import TxOut


@pytest.mark.parametrize(
    ("script", "warned"),
    [
        (p2wpkh(bytes(20)), False),
        (p2tr(bytes([2] * 32)), False),
        (b"\x52\x20" + bytes(32), True),
        (b"\x60\x02\x01\x02", True),
        (b"\x51\x02\x4e\x73", True),
    ],
)
def test_who_pays_an_output_that_anybody_can_spend_is_warned(script: bytes, warned: bool) -> None:
    lines = _whose(ReviewedOutput(TxOut(Sats(5000), script), None), REGTEST, ())
    assert any("anybody can spend" in str(line) for line in lines) is warned
