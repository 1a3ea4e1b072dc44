"""Vectors of BIP-445 0.12.1, official and derived."""

import pytest

from frost_bip340.deterministic import deterministic_sign
from frost_bip340.key_share import ThresholdInfo
from frost_bip340.nonce import NonceContext, nonce_agg, nonce_gen
from frost_bip340.session import SigningSession
from frost_bip340.signing import partial_sig_agg, partial_sig_verify, sign
from native.curve import Point
from native.secret import SecretScalars, SecretSeed
from native.verify import verify_bip340
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, UsageError

from .bip445_vectors import (
    VECTORS,
    blamed,
    cases,
    info_of,
    load,
    psigs_of,
    pubnonces_of,
    secnonce_of,
    session_of,
    share_of,
    tweaks_of,
    unhex,
)

THRESHOLD_INFO = "official/threshold_info_vectors.json"
SIGN = ("official/sign_verify_vectors.excerpt.json", "derived/sign_verify_vectors.json")
TWEAK = "derived/tweak_vectors.json"
AGG = ("official/sig_agg_vectors.json", "derived/sig_agg_vectors.json")
DET = ("official/det_sign_vectors.excerpt.json", "derived/det_sign_vectors.json")
NONCE_GEN = load("derived/nonce_gen_vectors.json")["valid_tests"]
NONCE_AGG = load("derived/nonce_agg_vectors.json")


def threshold_info(group, case):
    pool = group["pubshares"]
    pubshares = [None if index is None else unhex(pool[index]) for index in case["pubshare_indices"]]
    return ThresholdInfo.from_bytes(case["t"], unhex(case["thresh_pk"]), pubshares)


@pytest.mark.parametrize(("group", "case"), cases("valid_tests", THRESHOLD_INFO))
def test_consistent_threshold_info_is_accepted(group, case):
    info = threshold_info(group, case)
    full = threshold_info(group, {**case, "pubshare_indices": range(info.n)})
    assert [info.pubshare(party) for party in range(info.n)] == list(full.pubshares)


@pytest.mark.parametrize(("group", "case"), cases("error_tests", THRESHOLD_INFO))
def test_inconsistent_threshold_info_is_refused_for_its_first_fault(group, case):
    assert case["error"]["type"] == "ValueError"
    with pytest.raises(UsageError) as caught:
        threshold_info(group, case)
    reason = case["error"]["message"].removeprefix("The provided key material is incorrect: ")
    if "1 <= t <= n" in reason or "n <= 128" in reason:
        assert "1 <= t <= n <= 128" in str(caught.value)
    else:
        assert str(caught.value).lower() == reason.rstrip(".").lower()


@pytest.mark.parametrize("case", NONCE_GEN, ids=[case["tc_id"] for case in NONCE_GEN])
def test_nonce_gen_vector(case):
    pubshare = unhex(case["pubshare"])
    context = NonceContext(
        party=case["signer_id"],
        pubshare=None if pubshare is None else Point.from_bytes(pubshare),
        thresh_pk=unhex(case["thresh_pk_xonly"]),
        msg=unhex(case["msg"]),
        extra_in=unhex(case["extra_in"]) or b"",
    )
    secshare = None if case["secshare"] is None else SecretScalars.from_bytes(unhex(case["secshare"]))
    secnonce = nonce_gen(SecretSeed.from_bytes(unhex(case["rand"])), secshare, context)
    assert [secnonce.take().declassify(), secnonce.pubnonce] == [unhex(value) for value in case["expected"]]


@pytest.mark.parametrize("case", NONCE_AGG["valid_tests"], ids=lambda case: case["tc_id"])
def test_nonce_agg_vector(case):
    pubnonces = [unhex(NONCE_AGG["pubnonces"][index]) for index in case["pubnonce_indices"]]
    assert nonce_agg(dict(enumerate(pubnonces))) == unhex(case["expected"])


@pytest.mark.parametrize("case", NONCE_AGG["error_tests"], ids=lambda case: case["tc_id"])
def test_bad_pubnonce_names_its_signer(case):
    pubnonces = [unhex(NONCE_AGG["pubnonces"][index]) for index in case["pubnonce_indices"]]
    with pytest.raises(FaultyPartyError) as caught:
        nonce_agg(dict(enumerate(pubnonces)))
    assert caught.value.culprits == {case["error"]["signer_index"]: "pubnonce"}


@pytest.mark.parametrize(("group", "case"), cases("valid_tests", *SIGN, TWEAK))
def test_partial_signature_vector(group, case):
    psig = sign(secnonce_of(group, case), share_of(group, case), session_of(group, case))
    assert psig == unhex(case["expected"])


@pytest.mark.parametrize(("group", "case"), cases("valid_tests", *SIGN, TWEAK))
def test_partial_signature_of_a_vector_holds(group, case):
    pubnonces = pubnonces_of(group, case)
    tweaks = tweaks_of(group, case)
    session = SigningSession.of(info_of(group, case), pubnonces, unhex(case["msg"]), tweaks)
    party = case["signer_id"]
    assert session.aggnonce == unhex(case["aggnonce"])
    assert partial_sig_verify(unhex(case["expected"]), pubnonces[party], party, session)


@pytest.mark.parametrize(("group", "case"), cases("sign_error_tests", *SIGN))
def test_signing_refuses_a_bad_session(group, case):
    blames_coordinator = case["error"]["type"] == "InvalidContributionError"
    with pytest.raises(FaultyCoordinatorError if blames_coordinator else UsageError):
        sign(secnonce_of(group, case), share_of(group, case), session_of(group, case))


@pytest.mark.parametrize(("group", "case"), cases("verify_fail_tests", *SIGN))
def test_wrong_partial_signature_does_not_hold(group, case):
    pubnonces = pubnonces_of(group, case)
    session = SigningSession.of(info_of(group, case), pubnonces, unhex(case["msg"]))
    party = case["ids"][case["signer_index"]]
    assert not partial_sig_verify(unhex(case["psig"]), pubnonces[party], party, session)


@pytest.mark.parametrize(("group", "case"), cases("verify_error_tests", *SIGN))
def test_verification_blames_the_signer_of_a_bad_pubnonce(group, case):
    with pytest.raises(FaultyPartyError) as caught:
        SigningSession.of(info_of(group, case), pubnonces_of(group, case), unhex(case["msg"]))
    assert caught.value.culprits == blamed(case)


@pytest.mark.parametrize(("group", "case"), cases("valid_tests", *AGG))
def test_aggregation_vector(group, case):
    session = session_of(group, case)
    signature = partial_sig_agg(psigs_of(case), session)
    assert signature == unhex(case["expected"])
    assert verify_bip340(signature, session.msg, session.key.Q.x_bytes)


@pytest.mark.parametrize(("group", "case"), cases("error_tests", *AGG))
def test_aggregation_refuses_bad_partial_signatures(group, case):
    if case["error"]["type"] == "ValueError":
        with pytest.raises(UsageError):
            partial_sig_agg(psigs_of(case), session_of(group, case))
    else:
        with pytest.raises(FaultyPartyError) as caught:
            partial_sig_agg(psigs_of(case), session_of(group, case))
        assert caught.value.culprits == blamed(case)


def run_deterministic_sign(group, case):
    aux = case["aux_rand"]
    return deterministic_sign(
        share_of(group, case),
        unhex(case["aggothernonce"]),
        case["ids"],
        unhex(case["msg"]),
        tweaks_of(group, case),
        None if aux is None else SecretSeed.from_bytes(unhex(aux)),
    )


@pytest.mark.parametrize(("group", "case"), cases("valid_tests", *DET))
def test_deterministic_signing_vector(group, case):
    assert list(run_deterministic_sign(group, case)) == [unhex(value) for value in case["expected"]]


@pytest.mark.parametrize(("group", "case"), cases("error_tests", *DET))
def test_bad_aggothernonce_blames_the_coordinator(group, case):
    with pytest.raises(FaultyCoordinatorError, match="aggothernonce"):
        run_deterministic_sign(group, case)


def test_every_vector_runs():
    # what the parametrizations above take of each file
    run = {
        THRESHOLD_INFO: ("valid_tests", "error_tests"),
        **dict.fromkeys(SIGN, ("valid_tests", "sign_error_tests", "verify_fail_tests", "verify_error_tests")),
        TWEAK: ("valid_tests",),
        **dict.fromkeys((*AGG, *DET), ("valid_tests", "error_tests")),
    }
    files = {f"{path.parent.name}/{path.name}" for path in VECTORS.glob("*/*.json")}
    assert files == {*run, "derived/nonce_gen_vectors.json", "derived/nonce_agg_vectors.json"}
    for name, kinds in run.items():
        present = [
            case
            for group in load(name)["test_groups"]
            for kind in group
            if kind.endswith("_tests")
            for case in group[kind]
        ]
        assert len(present) == sum(len(cases(kind, name)) for kind in kinds) > 0
    assert (len(NONCE_GEN), len(NONCE_AGG["valid_tests"]), len(NONCE_AGG["error_tests"])) == (5, 2, 3)
