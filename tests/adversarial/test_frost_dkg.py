"""A participant or the coordinator of a ChillDKG session cheats in exactly one way."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from frost_bip340 import certeq
from frost_bip340.dkg import (
    coordinator_finalize,
    coordinator_step1,
    participant_finalize,
)
from frost_bip340.encpedpop import sending_pads
from frost_bip340.investigation import coordinator_investigate, participant_investigate
from frost_bip340.messages import CoordinatorMsg1, InvestigationMsg, ParticipantMsg1
from frost_bip340.recovery import coordinator_recover, participant_recover
from frost_bip340.suspicion import FaultyPartyOrCoordinatorError, InvalidShareError
from frost_bip340.transcript import RecoveryDataError, Transcript
from native.curve import ORDER, G, Point, PointVector, Scalar, mul_base, sum_points
from native.hashing import tagged_hash
from native.schnorr import sign_bip340
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import add, eval_polynomial, random_scalars
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, UnattributedAbort, UsageError
from protocol.ids import COORDINATOR
from tests.frost_bip340.dkg_network import Network

T, N, LIAR, VICTIM = 2, 3, 2, 0
ONE = Scalar(1)

BAD_POINTS = {
    "off the curve": b"\x02" + bytes(31) + b"\x05",
    "x not below p": b"\x02" + b"\xff" * 32,
    "hybrid": b"\x06" + bytes(G)[1:],
    "garbage after infinity": bytes(32) + b"\x01",
}
BAD_SCALARS = {"n": ORDER, "n+1": ORDER + 1, "max": 2**256 - 1}


@pytest.fixture
def network():
    return Network(T, N)


def pmsg1_of(pmsgs1: dict[int, bytes], party: int) -> ParticipantMsg1:
    return ParticipantMsg1.from_bytes(pmsgs1[party], T, N)


def cmsg1_of(cmsg1: bytes) -> CoordinatorMsg1:
    return CoordinatorMsg1.from_bytes(cmsg1, T, N)


def changed(items: Sequence, at: int, value) -> tuple:
    return tuple(value if i == at else item for i, item in enumerate(items))


def points(items: Sequence[Point], at: int, value: Point) -> PointVector:
    return PointVector(changed(items, at, value))


def blame_of_coordinator(network, pmsgs1):
    with pytest.raises(FaultyPartyError) as caught:
        coordinator_step1(pmsgs1, network.params)
    return dict(caught.value.culprits)


def collude(network, pmsgs1) -> bytes:
    """Return what a coordinator relays who verifies nothing."""
    msgs = [pmsg1_of(pmsgs1, i) for i in range(N)]
    sums = [Scalar(sum(int(msg.enc_shares[k]) for msg in msgs) % ORDER) for k in range(N)]
    msg = CoordinatorMsg1(
        PointVector([msg.coms[0] for msg in msgs]),
        PointVector([sum_points([msg.coms[1] for msg in msgs])]),
        tuple(msg.pop for msg in msgs),
        tuple(msg.pubnonce for msg in msgs),
        tuple(sums),
    )
    return bytes(msg)


def suspicion_of_victim(network, cmsg1):
    with pytest.raises(FaultyPartyOrCoordinatorError) as caught:
        network.step2(VICTIM, cmsg1)
    assert caught.value.suspects == {*caught.value.checks, COORDINATOR}
    return dict(caught.value.checks)


def rogue(pmsgs1, pop):
    """Let the liar's commitment cancel all others' and lead to a key of its own."""
    others = sum_points([pmsg1_of(pmsgs1, i).coms[0] for i in range(N) if i != LIAR])
    msg = pmsg1_of(pmsgs1, LIAR)
    return bytes(replace(msg, coms=points(msg.coms, 0, G - others), pop=pop))


def test_rogue_key_fails_its_proof_of_possession(network):
    pmsgs1 = network.deal()
    own_key = SecretScalars.from_bytes((1).to_bytes(32, "big"))
    for pop in (
        pmsg1_of(pmsgs1, LIAR).pop,
        sign_bip340(own_key, LIAR.to_bytes(4, "big"), SecretSeed.fresh(), "BIP DKG/pop message"),
        bytes(64),
    ):
        attack = {**pmsgs1, LIAR: rogue(pmsgs1, pop)}
        assert blame_of_coordinator(network, attack) == {LIAR: "proof of possession"}
        assert suspicion_of_victim(network, collude(network, attack)) == {LIAR: "proof of possession"}


def test_commitment_copied_with_its_proof_is_refused(network):
    pmsgs1 = network.deal()
    copied = pmsg1_of(pmsgs1, 1)
    attack = {**pmsgs1, LIAR: bytes(replace(pmsg1_of(pmsgs1, LIAR), coms=copied.coms, pop=copied.pop))}
    assert blame_of_coordinator(network, attack) == {LIAR: "proof of possession"}
    assert suspicion_of_victim(network, collude(network, attack)) == {LIAR: "proof of possession"}


def test_proof_under_another_tag_is_refused(network):
    pmsgs1 = network.deal()
    key = random_scalars()
    msg = pmsg1_of(pmsgs1, LIAR)
    pop = sign_bip340(key, LIAR.to_bytes(4, "big"), SecretSeed.fresh())
    forged = replace(msg, coms=points(msg.coms, 0, mul_base(key)[0]), pop=pop)
    assert blame_of_coordinator(network, {**pmsgs1, LIAR: bytes(forged)}) == {LIAR: "proof of possession"}


def test_infinite_commitment_is_refused(network):
    pmsgs1 = network.deal()
    msg = pmsg1_of(pmsgs1, LIAR)
    attack = {**pmsgs1, LIAR: bytes(replace(msg, coms=points(msg.coms, 0, Point.infinity())))}
    assert set(blame_of_coordinator(network, attack)) == {LIAR}
    assert suspicion_of_victim(network, collude(network, attack)) == {LIAR: "commitment"}


def test_all_liars_are_named(network):
    pmsgs1 = network.deal()
    attack = {i: bytes(replace(pmsg1_of(pmsgs1, i), pop=bytes(64))) for i in (0, 2)} | {1: pmsgs1[1]}
    assert set(blame_of_coordinator(network, attack)) == {0, 2}
    attack[1] = b""
    assert set(blame_of_coordinator(network, attack)) == {1}


@pytest.mark.parametrize("pubnonce", [*BAD_POINTS.values(), bytes(33)], ids=[*BAD_POINTS, "infinity"])
def test_bad_encryption_key_is_refused(network, pubnonce):
    pmsgs1 = network.deal()
    attack = {**pmsgs1, LIAR: bytes(replace(pmsg1_of(pmsgs1, LIAR), pubnonce=pubnonce))}
    assert blame_of_coordinator(network, attack) == {LIAR: "pubnonce"}
    assert suspicion_of_victim(network, collude(network, attack)) == {LIAR: "pubnonce"}


@pytest.mark.parametrize("bad", BAD_POINTS.values(), ids=BAD_POINTS)
@pytest.mark.parametrize("at", range(T))
def test_bad_point_in_a_participants_message_blames_it(network, at, bad):
    pmsgs1 = network.deal()
    data = pmsgs1[LIAR]
    attack = {**pmsgs1, LIAR: data[: 33 * at] + bad + data[33 * (at + 1) :]}
    assert blame_of_coordinator(network, attack) == {LIAR: f"commitment[{at}]"}


@pytest.mark.parametrize("bad", BAD_POINTS.values(), ids=BAD_POINTS)
@pytest.mark.parametrize("at", range(N + T - 1))
def test_bad_point_in_the_coordinators_message_blames_it(network, at, bad):
    cmsg1 = coordinator_step1(network.deal(), network.params).cmsg1
    with pytest.raises(FaultyCoordinatorError, match="commitment"):
        network.step2(VICTIM, cmsg1[: 33 * at] + bad + cmsg1[33 * (at + 1) :])


@pytest.mark.parametrize("bad", BAD_SCALARS.values(), ids=BAD_SCALARS)
@pytest.mark.parametrize("at", range(N))
def test_bad_encrypted_share_blames_its_sender(network, at, bad):
    pmsgs1 = network.deal()
    cmsg1 = coordinator_step1(pmsgs1, network.params).cmsg1
    tail = 32 * (N - at)

    def put(data: bytes) -> bytes:
        end = len(data) - tail
        return data[:end] + bad.to_bytes(32, "big") + data[end + 32 :]

    attack = {**pmsgs1, LIAR: put(pmsgs1[LIAR])}
    assert blame_of_coordinator(network, attack) == {LIAR: f"encrypted share[{at}]"}
    with pytest.raises(FaultyCoordinatorError, match="encrypted share"):
        network.step2(VICTIM, put(cmsg1))


@pytest.mark.parametrize("t", [T - 1, T + 1])
def test_polynomial_of_another_degree_blames_the_dealer(network, t):
    pmsgs1 = network.deal()
    msg = pmsg1_of(pmsgs1, LIAR)
    attack = {**pmsgs1, LIAR: bytes(replace(msg, coms=PointVector([*msg.coms, G][:t])))}
    assert set(blame_of_coordinator(network, attack)) == {LIAR}


@pytest.mark.parametrize("change", [-32, -1, 1, 32])
def test_participants_message_of_another_length_blames_it(network, change):
    pmsgs1 = network.deal()
    data = pmsgs1[LIAR]
    attack = {**pmsgs1, LIAR: data + bytes(change) if change > 0 else data[:change]}
    assert set(blame_of_coordinator(network, attack)) == {LIAR}


@pytest.mark.parametrize("change", [-64, -1, 1, 64])
def test_messages_of_another_length_blame_the_coordinator(network, change):
    _, final = network.run()
    step = network.steps2[VICTIM]

    def resize(data: bytes) -> bytes:
        return data + bytes(change) if change > 0 else data[:change]

    with pytest.raises(FaultyCoordinatorError):
        network.step2(VICTIM, resize(network.coordinator.cmsg1))
    with pytest.raises(FaultyCoordinatorError, match="length"):
        participant_finalize(step.state, resize(final.cmsg2))


def deal_wrongly(network, pmsgs1):
    msg = pmsg1_of(pmsgs1, LIAR)
    enc_shares = changed(msg.enc_shares, VICTIM, msg.enc_shares[VICTIM] + ONE)
    return {**pmsgs1, LIAR: bytes(replace(msg, enc_shares=enc_shares))}


def complaint_of(network, cmsg1, party=VICTIM):
    with pytest.raises(InvalidShareError) as caught:
        network.step2(party, cmsg1)
    assert caught.value.suspects == {COORDINATOR, *range(N)} - {party}
    return caught.value.complaint


def dealt(network, party: int, coefficients: SecretScalars) -> bytes:
    """Deal a polynomial of the liar's choice, otherwise by the rules."""
    hostseckey, secnonce = network.hostseckeys[party], random_scalars()
    pubnonce = bytes(mul_base(secnonce)[0])
    shares = eval_polynomial(coefficients, range(1, N + 1))
    pads = sending_pads(network.params, party, hostseckey, secnonce, pubnonce)
    enc = add(shares, pads).declassify()
    pop = sign_bip340(
        coefficients.slice(0, 1), party.to_bytes(4, "big"), SecretSeed.fresh(), "BIP DKG/pop message"
    )
    enc_shares = tuple(Scalar.from_bytes(enc[32 * i : 32 * (i + 1)]) for i in range(N))
    return bytes(ParticipantMsg1(mul_base(coefficients), pop, pubnonce, enc_shares))


def test_wrong_share_to_one_victim_is_found_by_investigation(network):
    pmsgs1 = deal_wrongly(network, network.deal())
    step = coordinator_step1(pmsgs1, network.params)
    complaint = complaint_of(network, step.cmsg1)
    answers = coordinator_investigate(pmsgs1, network.params)
    with pytest.raises(FaultyPartyOrCoordinatorError) as caught:
        participant_investigate(complaint, answers[VICTIM])
    assert dict(caught.value.checks) == {LIAR: "partial share"}
    # the others saw nothing, and have no key without the victim's signature
    pmsgs2 = {i: network.step2(i, step.cmsg1).pmsg2 for i in (1, 2)}
    with pytest.raises(UsageError):
        coordinator_finalize(step.state, pmsgs2)
    with pytest.raises(FaultyPartyError):
        coordinator_finalize(step.state, {**pmsgs2, VICTIM: pmsgs2[1]})


def test_dealer_of_a_share_that_is_zero_is_no_liar(network):
    # f(1) = 5 - 5: the partial public share of participant 0 is infinity
    zero_at_one = SecretScalars.from_bytes(b"".join(a.to_bytes(32, "big") for a in (5, ORDER - 5)), 2)
    pmsgs1 = deal_wrongly(network, {**network.deal(), 1: dealt(network, 1, zero_at_one)})
    complaint = complaint_of(network, coordinator_step1(pmsgs1, network.params).cmsg1)
    answer = coordinator_investigate(pmsgs1, network.params)[VICTIM]
    assert InvestigationMsg.from_bytes(answer, N).partial_pubshares[1].is_infinity
    with pytest.raises(FaultyPartyOrCoordinatorError) as caught:
        participant_investigate(complaint, answer)
    assert dict(caught.value.checks) == {LIAR: "partial share"}


def test_swapped_shares_blame_the_coordinator(network):
    pmsgs1 = network.deal()
    msg = cmsg1_of(coordinator_step1(pmsgs1, network.params).cmsg1)
    a, b, c = msg.enc_secshares
    cmsg1 = bytes(replace(msg, enc_secshares=(b, a, c)))
    answers = coordinator_investigate(pmsgs1, network.params)
    for party in (0, 1):
        with pytest.raises(FaultyCoordinatorError, match="sum of encrypted shares"):
            participant_investigate(complaint_of(network, cmsg1, party), answers[party])


@pytest.mark.parametrize("field", ["encrypted share", "partial public share"])
def test_malformed_investigation_blames_the_coordinator(network, field):
    pmsgs1 = deal_wrongly(network, network.deal())
    complaint = complaint_of(network, coordinator_step1(pmsgs1, network.params).cmsg1)
    answer = coordinator_investigate(pmsgs1, network.params)[VICTIM]
    bad = b"\xff" * 32 + answer[32:] if field == "encrypted share" else answer[:-33] + b"\x07" * 33
    with pytest.raises(FaultyCoordinatorError, match=field):
        participant_investigate(complaint, bad)
    for wrong in (answer[:-1], answer + b"\x00", b""):
        with pytest.raises(FaultyCoordinatorError):
            participant_investigate(complaint, wrong)


def test_coordinator_cannot_frame_a_dealer_by_my_own_share(network):
    pmsgs1 = deal_wrongly(network, network.deal())
    complaint = complaint_of(network, coordinator_step1(pmsgs1, network.params).cmsg1)
    honest = InvestigationMsg.from_bytes(coordinator_investigate(pmsgs1, network.params)[VICTIM], N)
    mine, *others = honest.enc_partial_secshares
    # the missing 1 is moved from the liar's share to mine, the sum stays
    moved = replace(honest, enc_partial_secshares=(mine + ONE, others[0], others[1] - ONE))
    with pytest.raises(FaultyCoordinatorError, match="from me to myself"):
        participant_investigate(complaint, bytes(moved))


def test_investigation_of_an_honest_session_is_a_mistake_of_the_caller(network):
    pmsgs1 = network.deal()
    msg = cmsg1_of(coordinator_step1(pmsgs1, network.params).cmsg1)
    wrong = replace(msg, enc_secshares=changed(msg.enc_secshares, VICTIM, msg.enc_secshares[VICTIM] + ONE))
    complaint = complaint_of(network, bytes(wrong))
    consistent = replace(complaint, enc_secshare=msg.enc_secshares[VICTIM])
    with pytest.raises(UsageError, match="one session"):
        participant_investigate(consistent, coordinator_investigate(pmsgs1, network.params)[VICTIM])


@pytest.mark.parametrize("field", ["commitment", "pubnonce", "proof of possession"])
def test_coordinator_that_misquotes_me_is_blamed(network, field):
    msg = cmsg1_of(coordinator_step1(network.deal(), network.params).cmsg1)
    wrong = {
        "commitment": replace(msg, coms_to_secrets=points(msg.coms_to_secrets, VICTIM, G)),
        "pubnonce": replace(msg, pubnonces=changed(msg.pubnonces, VICTIM, bytes(G))),
        "proof of possession": replace(msg, pops=changed(msg.pops, VICTIM, bytes(64))),
    }[field]
    with pytest.raises(FaultyCoordinatorError, match=f"own {field}"):
        network.step2(VICTIM, bytes(wrong))


def test_replayed_message_of_an_earlier_session_is_noticed_by_its_sender(network):
    earlier = network.deal()[VICTIM]
    pmsgs1 = {**network.deal(), VICTIM: earlier}
    cmsg1 = coordinator_step1(pmsgs1, network.params).cmsg1
    with pytest.raises(FaultyCoordinatorError, match="own pubnonce"):
        network.step2(VICTIM, cmsg1)


def test_message_of_a_session_with_other_parameters_gives_wrong_shares(network):
    other = Network(T, N, [*network.hostseckeys[1:], network.hostseckeys[0]])
    foreign = other.deal()[LIAR]
    cmsg1 = coordinator_step1({**network.deal(), LIAR: foreign}, network.params).cmsg1
    complaint_of(network, cmsg1)


def test_equivocating_coordinator_gets_no_certificate_accepted(network):
    def equivocate(name: str, party: int, message: bytes) -> bytes:
        if name == "cmsg1" and party == VICTIM:
            msg = cmsg1_of(message)
            # another participant's share, which the victim cannot check
            enc_secshares = changed(msg.enc_secshares, 1, msg.enc_secshares[1] + ONE)
            return bytes(replace(msg, enc_secshares=enc_secshares))
        return message

    with pytest.raises(FaultyPartyError) as caught:
        network.run(equivocate)
    # seen from an honest coordinator's transcript, the victim signed another one
    assert dict(caught.value.culprits) == {VICTIM: "certificate"}
    cert = b"".join(step.pmsg2 for step in network.steps2)
    for step in network.steps2:
        with pytest.raises(FaultyCoordinatorError, match="certificate"):
            participant_finalize(step.state, cert)


@pytest.mark.parametrize("party", range(N))
def test_wrong_certificate_signature_names_its_signer(network, party):
    def forge(name: str, i: int, message: bytes) -> bytes:
        return bytes(64) if name == "pmsg2" and i == party else message

    with pytest.raises(FaultyPartyError) as caught:
        network.run(forge)
    assert dict(caught.value.culprits) == {party: "certificate"}


def test_signatures_of_the_certificate_cannot_be_reordered(network):
    _, final = network.run()
    cert = final.cmsg2[64:128] + final.cmsg2[:64] + final.cmsg2[128:]
    with pytest.raises(FaultyCoordinatorError, match="certificate"):
        participant_finalize(network.steps2[0].state, cert)


def test_certificate_of_another_session_is_refused(network):
    earlier = network.run()[1].cmsg2
    network.run()
    with pytest.raises(FaultyCoordinatorError, match="certificate"):
        participant_finalize(network.steps2[0].state, earlier)


def test_participant_without_the_last_message_recovers_from_a_peers_data(network):
    _, final = network.run()
    with pytest.raises(FaultyCoordinatorError):
        participant_finalize(network.steps2[VICTIM].state, b"")
    recovered = participant_recover(network.hostseckeys[VICTIM], network.outputs[1].recovery_data)
    assert recovered.share.info == final.info
    assert recovered.share.pubshare == final.info.pubshares[VICTIM]


def test_dealers_whose_secrets_cancel_out_make_no_key(network):
    network.deal()
    secrets = (5, 7, ORDER - 12)
    pmsgs1 = {
        i: dealt(network, i, SecretScalars.from_bytes(a.to_bytes(32, "big") + b"\x01" * 32, 2))
        for i, a in enumerate(secrets)
    }
    with pytest.raises(UnattributedAbort, match="infinity"):
        coordinator_step1(pmsgs1, network.params)


def test_errors_show_no_secret(network):
    pmsgs1 = deal_wrongly(network, network.deal())
    with pytest.raises(InvalidShareError) as caught:
        network.step2(VICTIM, coordinator_step1(pmsgs1, network.params).cmsg1)
    complaint = caught.value.complaint
    shown = str(caught.value) + repr(caught.value) + repr(complaint)
    secrets = complaint.pads.declassify() + network.hostseckeys[VICTIM].declassify()
    assert not any(secrets[at : at + 32].hex() in shown for at in range(0, len(secrets), 32))


def certified(network, transcript: Transcript) -> bytes:
    """Return recovery data that all participants together have falsified."""
    x = bytes(transcript)
    keys = enumerate(network.hostseckeys)
    return x + b"".join(certeq.sign(certeq.CERTEQ, key, i, x, SecretSeed.fresh()) for i, key in keys)


def test_certified_nonsense_is_not_recovered(network):
    network.run()
    good = network.coordinator.state.transcript
    C0 = good.sum_coms[0]
    t_w = Scalar.from_bytes(tagged_hash("TapTweak", C0.x_bytes))
    other_share = changed(good.enc_secshares, VICTIM, good.enc_secshares[VICTIM] + ONE)
    nonsense = {
        "pubnonce": replace(good, pubnonces=changed(good.pubnonces, 1, bytes(33))),
        "public share": replace(good, enc_secshares=other_share),
        "of no key": replace(good, sum_coms=points(good.sum_coms, 0, Point.infinity())),
    }
    for reason, transcript in nonsense.items():
        with pytest.raises(RecoveryDataError, match=reason):
            participant_recover(network.hostseckeys[VICTIM], certified(network, transcript))
    # the public share of participant 0 is infinity
    infinite = replace(good, sum_coms=PointVector([C0, -(C0 + t_w * G)]))
    with pytest.raises(RecoveryDataError, match="of no key"):
        coordinator_recover(certified(network, infinite))
