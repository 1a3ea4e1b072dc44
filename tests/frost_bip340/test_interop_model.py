"""The BIP-445 column of a file that signs one key under several schemes, in all combinations of parities."""

import json
from pathlib import Path

import pytest

from frost_bip340.key_share import KeyShare, ThresholdInfo
from frost_bip340.nonce import SecNonce
from frost_bip340.session import SigningSession
from frost_bip340.signing import aggregate, sign
from frost_bip340.tweak import output_tweak
from native.curve import Point, mul_base
from native.secret import SecretScalars

FILE = Path(__file__).parents[1] / "vectors" / "frost-interop" / "bip445_vs_zftr.json"
CASES = json.loads(FILE.read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["tc_id"])
def test_bip445_column(case):
    secrets = [SecretScalars.from_bytes(bytes.fromhex(case["secshares"][str(i)])) for i in range(case["n"])]
    thresh_pk = Point.from_bytes(bytes.fromhex(case["thresh_pk_untweaked"]))
    info = ThresholdInfo(case["t"], thresh_pk, tuple(mul_base(secret)[0] for secret in secrets))
    root = case["merkle_root"]
    tweak = output_tweak(thresh_pk, None if root is None else bytes.fromhex(root))
    assert bytes(tweak.value).hex() == case["taptweak"]

    signers = case["bip_ids"]
    nonces = {
        i: SecNonce(SecretScalars.from_bytes(bytes.fromhex(text), 2))
        for i, text in zip(signers, case["secnonces"], strict=True)
    }
    pubnonces = {i: nonce.pubnonce for i, nonce in nonces.items()}
    assert [pubnonce.hex() for pubnonce in pubnonces.values()] == case["pubnonces"]
    session = SigningSession.of(info, pubnonces, bytes.fromhex(case["msg"]), [tweak])
    assert session.aggnonce.hex() == case["bip445"]["aggnonce"]
    assert session.key.Q.x_bytes.hex() == case["output_key_xonly"]
    assert info.thresh_pk.has_even_y == case["parity"]["untweaked_even"]
    assert session.key.Q.has_even_y == case["parity"]["output_even"]

    psigs = {i: sign(nonces[i], KeyShare(info, i, secrets[i], bytes(32)), session) for i in signers}
    assert [psig.hex() for psig in psigs.values()] == case["bip445"]["psigs"]
    assert aggregate(psigs, pubnonces, session).hex() == case["bip445"]["signature"]
