"""PSBTs against the vectors of BIP-174, BIP-370 and BIP-371."""

import base64

import pytest

from tests.wallet.psbt.vectors import INVALID, LOCKTIMES, ROLES, SIGNER_FAILURES, VALID
from wallet.errors import MalformedError
from wallet.psbt import KeyOrigin, Psbt, PsbtInput, PsbtOutput, combine, extract, finalize
from wallet.psbt.unsigned import required_locktime
from wallet.tx import SEQUENCE_FINAL, OutPoint, Transaction, TxIn, TxOut, parse_txid

KNOWN_CASES = {**VALID, **SIGNER_FAILURES}


@pytest.mark.parametrize("text", KNOWN_CASES.values(), ids=KNOWN_CASES.keys())
def test_a_valid_psbt_reads_and_writes_back_byte_for_byte(text: str) -> None:
    psbt = Psbt.from_base64(text)
    assert bytes(psbt) == base64.b64decode(text)
    assert psbt.base64() == text


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_an_invalid_psbt_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        Psbt.from_base64(text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("BIP-174: PSBT with duplicate keys in an input", "input 0: PSBT_IN_NON_WITNESS_UTXO is there twice"),
        ("BIP-174: PSBT missing outputs", "output 0: bytes are missing"),
        ("BIP-370: PSBTv2 missing PSBT_OUT_SCRIPT", "output 0: PSBT_OUT_SCRIPT is missing"),
        (
            "BIP-370: PSBTv0 but with PSBT_IN_SEQUENCE",
            "input 0: PSBT_IN_SEQUENCE is not allowed in version 0",
        ),
        (
            "BIP-371: PSBT With PSBT_IN_TAP_KEY_SIG signature that is too short",
            "input 0: PSBT_IN_TAP_KEY_SIG: 63 bytes instead of 64 or 65",
        ),
    ],
)
def test_a_refusal_names_map_index_and_field(name: str, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        Psbt.from_base64(INVALID[name])


@pytest.mark.parametrize(
    ("locktime", "text"), [case[1:] for case in LOCKTIMES], ids=[case[0] for case in LOCKTIMES]
)
def test_the_lock_time_is_the_one_of_bip_370(locktime: int | None, text: str) -> None:
    if locktime is None:
        with pytest.raises(MalformedError, match="different kinds"):
            Psbt.from_base64(text)
    else:
        assert Psbt.from_base64(text).tx.locktime == locktime


def test_the_fallback_is_the_lock_time_where_no_input_requires_one() -> None:
    assert required_locktime(17, [PsbtInput()]) == 17
    assert required_locktime(17, [PsbtInput(), PsbtInput(required_height_locktime=9)]) == 9


# The workflow of BIP-174, from "A creator creating a PSBT" on.


def creator() -> Psbt:
    spent = {
        "75ddabb27b8845f5247975c8a5ba7c6f336c4570708ebe230caf6db5217ae858": 0,
        "1dea7cd05979072a3578cab271c02244ea8a090bbb46aa680a65ecd027048d83": 1,
    }
    paid = {
        "0014d85c2b71d0060b09c9886aeb815e50991dda124d": 149_990_000,
        "001400aea9a2e5f0f876a588df5546e8742d1d87008f": 100_000_000,
    }
    return Psbt.of(
        Transaction(
            tuple(TxIn(OutPoint(parse_txid(txid), index), SEQUENCE_FINAL) for txid, index in spent.items()),
            tuple(TxOut(value, bytes.fromhex(script)) for script, value in paid.items()),
        )
    )


def updater() -> Psbt:
    hardened = 1 << 31
    origins = {
        bytes.fromhex(key): KeyOrigin(
            bytes.fromhex("d90c6a4f"), tuple(int(step[:-1]) + hardened for step in path.split("/")[1:])
        )
        for key, path in ROLES["public_keys"].items()
    }
    keys = list(origins)
    second, first = (Transaction.from_hex(text) for text in ROLES["previous_transactions"])
    redeem = [bytes.fromhex(script) for script in ROLES["redeem_scripts"]]
    inputs = (
        PsbtInput(
            non_witness_utxo=first,
            redeem_script=redeem[0],
            bip32_derivation={key: origins[key] for key in keys[:2]},
        ),
        PsbtInput(
            witness_utxo=second.outputs[1],
            redeem_script=redeem[1],
            witness_script=bytes.fromhex(ROLES["witness_scripts"][0]),
            bip32_derivation={key: origins[key] for key in keys[2:4]},
        ),
    )
    outputs = tuple(PsbtOutput(bip32_derivation={key: origins[key]}) for key in keys[4:])
    return Psbt.of(creator().tx, inputs, outputs)


def test_a_creator_makes_the_psbt_of_bip_174() -> None:
    assert creator().base64() == ROLES["creator"]


def test_an_updater_makes_the_psbt_of_bip_174() -> None:
    assert updater().base64() == ROLES["updater"]


def test_a_combiner_makes_the_psbt_of_bip_174() -> None:
    psbts = [Psbt.from_base64(ROLES[part]) for part in ("signer_0", "signer_1")]
    # the BIP's has the partial signatures in another order than that of their keys
    assert combine(psbts) == combine(psbts[::-1]) == Psbt.from_base64(ROLES["combined"])


def test_a_combiner_orders_unknown_fields_as_bip_174_does() -> None:
    psbts = [Psbt.from_base64(ROLES[part]) for part in ("unknown_0", "unknown_1")]
    assert combine(psbts).base64() == combine(psbts[::-1]).base64() == ROLES["unknown_combined"]


def test_a_finalizer_leaves_inputs_of_bip_174_that_are_final_as_they_are() -> None:
    assert finalize(Psbt.from_base64(ROLES["finalized"])).base64() == ROLES["finalized"]


def test_an_extractor_makes_the_transaction_of_bip_174() -> None:
    assert bytes(extract(Psbt.from_base64(ROLES["finalized"]))).hex() == ROLES["extracted"]
