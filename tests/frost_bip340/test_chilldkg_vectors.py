"""The 249 vectors of ChillDKG 0.3.0: bytes, class of error, blamed participant."""

import json
from pathlib import Path
from typing import Any

import pytest

from frost_bip340.dkg import (
    coordinator_finalize,
    coordinator_step1,
    participant_finalize,
    participant_step1,
    participant_step2,
)
from frost_bip340.investigation import coordinator_investigate, participant_investigate
from frost_bip340.params import HostPubkeyError, SessionParams, hostpubkey_gen
from frost_bip340.recovery import coordinator_recover, participant_recover
from frost_bip340.suspicion import FaultyPartyOrCoordinatorError, InvalidShareError
from frost_bip340.transcript import RecoveryDataError
from native.errors import LengthError, RangeError
from native.secret import SecretScalars, SecretSeed
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, UsageError

VECTORS = Path(__file__).parents[1] / "vectors" / "chilldkg"

# A ValueError of the reference is here a bad argument, or a message of a wrong length, whose sender we blame.
VALUE_ERROR = (UsageError, LengthError, FaultyPartyError, FaultyCoordinatorError)
# For classes without a blamed party: ours, and the words of ours for each message of the reference.
PLAIN = {
    "HostSeckeyError": (UsageError, RangeError),
    "RandomnessError": UsageError,
    "ThresholdOrCountError": UsageError,
    "RecoveryDataError": RecoveryDataError,
    "FaultyCoordinatorError": FaultyCoordinatorError,
    "UnknownFaultyParticipantOrCoordinatorError": InvalidShareError,
}
WORDS = {
    "Coordinator replied with wrong pubnonce": "own pubnonce",
    "Coordinator sent unexpected first group element for local participant id": "own commitment",
    "Coordinator has provided a certificate with an invalid signature": "certificate",
    "Sum of encrypted partial secshares not equal to encrypted secshare": "sum of encrypted shares",
    "Coordinator fiddled with the share from me to myself": "share from me to myself",
    "Sum of partial pubshares not equal to pubshare": "sum of partial public shares",
    "Failed to deserialize recovery data": "malformed",
    "Invalid session parameters in recovery data": "session parameters",
    "Invalid certificate in recovery data": "certificate",
    "Host secret key does not match the one used in participant_step1": "does not match",
    "Host secret key does not match any host public key": "does not match",
    "Host secret key does not match any host public key in the recovery data": "does not match",
    "invalid public nonce": "pubnonce",
    "Participant sent invalid commitment": "commitment",
    "Participant sent invalid proof-of-knowledge": "proof of possession",
    "Participant sent invalid partial secshare": "partial share",
    "Participant has provided an invalid signature for the certificate": "certificate",
}


def cases(file: str, kind: str) -> list[Any]:
    data = json.loads((VECTORS / f"{file}_vectors.json").read_text())
    groups = data.get("testGroups", [data])
    return [
        pytest.param({**group, **case}, id=f"{file}-{case['tcId']}")
        for group in groups
        for case in group[kind]
    ]


def valid(file: str) -> Any:
    return pytest.mark.parametrize("case", cases(file, "validTestCases"))


def invalid(file: str) -> Any:
    return pytest.mark.parametrize("case", cases(file, "errorTestCases"))


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def scalar(text: str) -> SecretScalars:
    return SecretScalars.from_bytes(unhex(text))


def params_of(case: dict[str, Any]) -> SessionParams:
    return SessionParams.of([unhex(key) for key in case["params"]["hostpubkeys"]], case["params"]["t"])


def pool(case: dict[str, Any], name: str, indices: str) -> dict[int, bytes]:
    return dict(enumerate(unhex(case[name][index]) for index in case[indices]))


class Raises:
    """Expect the error of a case: its class, its words and whom it blames."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.error = case["expectedError"]

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, actual: BaseException | None, __: object) -> bool:
        assert actual is not None, "nothing was raised"
        kind, words = self.error["type"], WORDS.get(self.error.get("message"), "")
        if kind == "ValueError":
            assert isinstance(actual, VALUE_ERROR), repr(actual)
        elif kind == "InvalidHostPubkeyError":
            assert isinstance(actual, HostPubkeyError)
            assert actual.parties == (self.error["participantId"],)
        elif kind == "DuplicateHostPubkeyError":
            assert isinstance(actual, HostPubkeyError)
            assert actual.parties == (self.error["participantId1"], self.error["participantId2"])
        elif kind == "FaultyParticipantError":
            assert isinstance(actual, FaultyPartyError)
            assert actual.culprits == {self.error["participantId"]: words}
        elif kind == "FaultyParticipantOrCoordinatorError":
            assert isinstance(actual, FaultyPartyOrCoordinatorError)
            assert actual.checks == {self.error["participantId"]: words}
        else:
            assert isinstance(actual, PLAIN[kind]), repr(actual)
            assert words in str(actual)
        return True


def check_key(info, expected):
    assert bytes(info.thresh_pk) == unhex(expected["threshPk"])
    assert [bytes(P) for P in info.pubshares] == [unhex(P) for P in expected["pubshares"]]


def check_share(share, expected):
    assert share.secshare.declassify() == unhex(expected["secshare"])
    check_key(share.info, expected)


def step1(case):
    return participant_step1(scalar(case["hostseckey"]), params_of(case), scalar(case["random"]))


def step2(case, cmsg1=None):
    aux_rand = SecretSeed.from_bytes(unhex(case["auxRand"]))
    hostseckey = scalar(case["hostseckey"])
    first = participant_step1(
        scalar(case.get("step1Hostseckey", case["hostseckey"])), params_of(case), scalar(case["random"])
    )
    assert first.pmsg1 == unhex(case["pmsg1"])
    return participant_step2(hostseckey, first.state, unhex(cmsg1 or case["cmsg1"]), aux_rand)


@valid("hostpubkey_gen")
def test_hostpubkey_gen(case):
    assert hostpubkey_gen(scalar(case["hostseckey"])) == unhex(case["expectedHostpubkey"])


@invalid("hostpubkey_gen")
def test_hostpubkey_gen_refuses(case):
    with Raises(case):
        hostpubkey_gen(scalar(case["hostseckey"]))


@valid("params_hash")
def test_params_hash(case):
    assert params_of(case).hash() == unhex(case["expectedParamsHash"])


@invalid("params_hash")
def test_params_hash_refuses(case):
    with Raises(case):
        params_of(case)


@valid("participant_step1")
def test_participant_step1(case):
    assert step1(case).pmsg1 == unhex(case["expectedPmsg1"])


@invalid("participant_step1")
def test_participant_step1_refuses(case):
    with Raises(case):
        step1(case)


@valid("participant_step2")
def test_participant_step2(case):
    assert step2(case).pmsg2 == unhex(case["expectedPmsg2"])


def with_own_step1(case):
    """Put the right host secret key in step 1 when the case has a wrong one for step 2."""
    groups = json.loads((VECTORS / "participant_step2_vectors.json").read_text())["testGroups"]
    own = next(group["hostseckey"] for group in groups if group["pmsg1"] == case["pmsg1"])
    return {**case, "step1Hostseckey": own}


@invalid("participant_step2")
def test_participant_step2_refuses(case):
    with Raises(case):
        step2(with_own_step1(case))


@valid("participant_finalize")
def test_participant_finalize(case):
    output = participant_finalize(step2(case).state, unhex(case["cmsg2"]))
    check_share(output.share, case["expectedOutput"]["dkgOutput"])
    assert output.recovery_data == unhex(case["expectedOutput"]["recoveryData"])


@invalid("participant_finalize")
def test_participant_finalize_refuses(case):
    state = step2(case).state
    with Raises(case):
        participant_finalize(state, unhex(case["cmsg2"]))


@invalid("participant_investigate")
def test_participant_investigate_names_the_suspect(case):
    with pytest.raises(InvalidShareError) as caught:
        step2(case, case["cmsg1Pool"][case["cmsg1Index"]])
    with Raises(case):
        participant_investigate(caught.value.complaint, unhex(case["cinvMsg"]))


@valid("coordinator_step1")
def test_coordinator_step1(case):
    step = coordinator_step1(pool(case, "pmsg1Pool", "pmsg1Indices"), params_of(case))
    assert step.cmsg1 == unhex(case["expectedCmsg1"])


@invalid("coordinator_step1")
def test_coordinator_step1_refuses(case):
    with Raises(case):
        coordinator_step1(pool(case, "pmsg1Pool", "pmsg1Indices"), params_of(case))


def coordinator_state(case):
    step = coordinator_step1(dict(enumerate(map(unhex, case["pmsgs1"]))), params_of(case))
    assert step.cmsg1 == unhex(case["cmsg1"])
    return step.state


@valid("coordinator_finalize")
def test_coordinator_finalize(case):
    output = coordinator_finalize(coordinator_state(case), pool(case, "pmsg2Pool", "pmsg2Indices"))
    assert output.cmsg2 == unhex(case["expectedOutput"]["cmsg2"])
    assert output.recovery_data == unhex(case["expectedOutput"]["recoveryData"])
    check_key(output.info, case["expectedOutput"]["dkgOutput"])


@invalid("coordinator_finalize")
def test_coordinator_finalize_refuses(case):
    state = coordinator_state(case)
    with Raises(case):
        coordinator_finalize(state, pool(case, "pmsg2Pool", "pmsg2Indices"))


@valid("coordinator_investigate")
def test_coordinator_investigate(case):
    pmsgs1 = dict(enumerate(map(unhex, case["pmsgs1"])))
    answers = coordinator_investigate(pmsgs1, params_of(case))
    assert list(answers) == [unhex(answer) for answer in case["expectedCinvMsgs"]]


def recover(case):
    recovery_data = unhex(case["recoveryData"])
    if case["hostseckey"] is None:
        return coordinator_recover(recovery_data)
    return participant_recover(scalar(case["hostseckey"]), recovery_data)


@valid("recover")
def test_recover(case):
    recovered, expected = recover(case), case["expectedOutput"]
    assert recovered.params == params_of(expected)
    if case["hostseckey"] is None:
        check_key(recovered.info, expected["dkgOutput"])
    else:
        check_share(recovered.share, expected["dkgOutput"])


@invalid("recover")
def test_recover_refuses(case):
    with Raises(case):
        recover(case)


def test_every_vector_runs():
    names = [path.name.removesuffix("_vectors.json") for path in VECTORS.glob("*_vectors.json")]
    count = 0
    for name in names:
        data = json.loads((VECTORS / f"{name}_vectors.json").read_text())
        kinds = {kind for group in data.get("testGroups", [data]) for kind in group if kind.endswith("Cases")}
        count += sum(len(cases(name, kind)) for kind in kinds)
        assert data["totalTests"] == sum(len(cases(name, kind)) for kind in kinds)
    assert count == 249
