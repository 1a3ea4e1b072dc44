"""ChillDKG 0.3.0 as a session of signed messages: the coordinator's faults become proofs for third parties.

In rounds 1 and 3 all participants send to the coordinator, in rounds 2 and 4 the coordinator to all.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

from frost_bip340 import certeq
from frost_bip340.dkg import (
    CoordinatorOutput,
    CoordinatorState,
    ParticipantOutput,
    ParticipantState1,
    ParticipantState2,
    add_up,
    coordinator_finalize,
    is_pubnonce,
    participant_finalize,
    participant_step1,
    participant_step2,
)
from frost_bip340.messages import PUBKEY_LEN, SIGNATURE_LEN, CoordinatorMsg1, ParticipantMsg1
from frost_bip340.params import SessionParams
from frost_bip340.simplpedpop import failed_pops, pop_holds
from frost_bip340.suspicion import FaultyPartyOrCoordinatorError
from frost_bip340.transcript import Transcript
from native.curve import sum_points
from native.secret import Secret, SecretScalars, SecretSeed
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, UsageError
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec


@lru_cache(maxsize=16)
def _read_params(data: bytes) -> SessionParams:
    keys = tuple(data[at : at + PUBKEY_LEN] for at in range(4, len(data), PUBKEY_LEN))
    return SessionParams(keys, int.from_bytes(data[:4], "big"))


def params_of(header: Header) -> SessionParams:
    """Return the parameters that a session's header carries: t in 4 bytes, then the host public keys.

    Raises:
        UsageError: they are malformed, or not all of their participants take part.
    """
    params = _read_params(header.params)
    if header.parties != tuple(range(params.n)):
        raise UsageError("all participants take part in a key generation")
    return params


def _t_n(header: Header) -> tuple[int, int]:
    params = params_of(header)
    return params.t, params.n


def _size1(header: Header) -> int:
    t, n = _t_n(header)
    return 33 * t + 32 * n + 97


def _size2(header: Header) -> int:
    t, n = _t_n(header)
    return 162 * n + 33 * (t - 1)


# ---- checks: what one can prove to third parties ----


def _pop_fails(claim: Claim) -> bool:
    msg = claim.direct(ParticipantMsg1, 1, COORDINATOR)
    return not pop_holds(claim.culprit, msg.coms[0], msg.pop)


def _pubnonce_fails(claim: Claim) -> bool:
    return not is_pubnonce(claim.direct(ParticipantMsg1, 1, COORDINATOR).pubnonce)


def _relays_fault(claim: Claim) -> bool:
    """An honest coordinator relays no proof or key that it should have refused."""
    msg = claim.broadcast(CoordinatorMsg1, 2)
    return bool(failed_pops(msg.coms_to_secrets, msg.pops)) or not all(map(is_pubnonce, msg.pubnonces))


def _certificate_fails(claim: Claim) -> bool:
    """An honest coordinator collects signatures under what it has sent itself."""
    params, msg = params_of(claim.header), claim.broadcast(CoordinatorMsg1, 2)
    sum_coms = [sum_points(msg.coms_to_secrets), *msg.sum_coms]
    eq_input = bytes(Transcript(params, sum_coms, msg.pubnonces, msg.enc_secshares))
    return bool(certeq.failed(certeq.CERTEQ, params, eq_input, claim.broadcast(bytes, 4)))


RELAY: Final = "relayed message"
CERTIFICATE: Final = "certificate"

SPEC: Final = ProtocolSpec(
    "ChillDKG",
    3,
    {
        (1, Kind.DIRECT): MessageType(_size1, lambda r, h: ParticipantMsg1.read(r, *_t_n(h))),
        (2, Kind.BROADCAST): MessageType(_size2, lambda r, h: CoordinatorMsg1.read(r, *_t_n(h))),
        (3, Kind.DIRECT): MessageType(
            lambda h: SIGNATURE_LEN, lambda r, h: r.fixed("signature", SIGNATURE_LEN)
        ),
        (4, Kind.BROADCAST): MessageType(
            lambda h: SIGNATURE_LEN * _t_n(h)[1],
            lambda r, h: r.fixed("certificate", SIGNATURE_LEN * _t_n(h)[1]),
        ),
    },
    {
        "proof of possession": _pop_fails,
        "pubnonce": _pubnonce_fails,
        RELAY: _relays_fault,
        CERTIFICATE: _certificate_fails,
    },
)


# ---- rounds ----


@dataclass(frozen=True, slots=True)
class CollectCmsg1(Round[ParticipantOutput]):
    """A participant waits for what the coordinator adds up.

    Args:
        state: of participant_step1.
        aux_rand: randomness of the signature.
    """

    number: ClassVar[int] = 2
    state: ParticipantState1
    aux_rand: SecretSeed

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        """Return the coordinator."""
        return (COORDINATOR,)

    def secrets(self) -> tuple[Secret, ...]:
        """Return the randomness; the host secret key outlives every session."""
        return (self.aux_rand,)

    def finish(self, inbox: Inbox) -> Continue[ParticipantOutput]:
        """Verify, decrypt the share and sign the transcript; see participant_step2."""
        cmsg1 = inbox.broadcasts(CoordinatorMsg1)[COORDINATOR]
        try:
            step = participant_step2(inbox.session.host_key, self.state, bytes(cmsg1), self.aux_rand)
        except FaultyPartyOrCoordinatorError:
            faults = inbox.faults()
            faults.test(COORDINATOR, RELAY, Slot.broadcast(2, COORDINATOR))
            faults.close()
            raise
        return Continue(CollectCertificate(step.state), [Outgoing(3, step.pmsg2, COORDINATOR)])


@dataclass(frozen=True, slots=True)
class CollectCertificate(Round[ParticipantOutput]):
    """A participant that has signed waits for all signatures.

    Args:
        state: of participant_step2; it is no secret of this session alone, as the key may be live.
    """

    number: ClassVar[int] = 4
    state: ParticipantState2

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        """Return the coordinator."""
        return (COORDINATOR,)

    def finish(self, inbox: Inbox) -> Done[ParticipantOutput]:
        """Verify the certificate; see participant_finalize."""
        cert = inbox.broadcasts(bytes)[COORDINATOR]
        try:
            return Done(participant_finalize(self.state, cert))
        except FaultyCoordinatorError:
            faults = inbox.faults()
            faults.test(
                COORDINATOR, CERTIFICATE, Slot.broadcast(2, COORDINATOR), Slot.broadcast(4, COORDINATOR)
            )
            faults.close()
            raise


@dataclass(frozen=True, slots=True)
class CollectPmsgs1(Round[CoordinatorOutput]):
    """The coordinator waits for what all participants deal."""

    number: ClassVar[int] = 1

    def finish(self, inbox: Inbox) -> Continue[CoordinatorOutput]:
        """Verify and add up; see coordinator_step1."""
        msgs = inbox.directs(ParticipantMsg1)
        try:
            step = add_up(list(msgs.values()), params_of(inbox.session.header))
        except FaultyPartyError as e:
            faults = inbox.faults()
            for party, check in e.culprits.items():
                faults.test(party, check, Slot.direct(1, party, COORDINATOR))
            faults.close()
            raise
        cmsg1 = CoordinatorMsg1.from_bytes(step.cmsg1, *_t_n(inbox.session.header))
        return Continue(CollectPmsgs2(step.state), [Outgoing(2, cmsg1)])


@dataclass(frozen=True, slots=True)
class CollectPmsgs2(Round[CoordinatorOutput]):
    """The coordinator waits for all signatures under the transcript.

    Args:
        state: of coordinator_step1.
    """

    number: ClassVar[int] = 3
    state: CoordinatorState

    def finish(self, inbox: Inbox) -> Done[CoordinatorOutput]:
        """Verify the signatures and pass them on; see coordinator_finalize.

        A wrong one is blamed without evidence: the coordinator might have sent its signer another transcript.
        """
        output = coordinator_finalize(self.state, inbox.directs(bytes))
        return Done(output, [Outgoing(4, output.cmsg2)])


def participate(session: Session, random: SecretScalars, aux_rand: SecretSeed) -> Continue[ParticipantOutput]:
    """Start a key generation as a participant.

    Args:
        session: the session; its host key is the participant's host secret key.
        random: as for participant_step1.
        aux_rand: as for participant_step2.

    Returns:
        The first round.

    Raises:
        UsageError: the roster's keys are not the host public keys of the session's parameters.
    """
    params = _expect_roster(session)
    step = participant_step1(session.host_key, params, random)
    pmsg1 = ParticipantMsg1.from_bytes(step.pmsg1, params.t, params.n)
    return Continue(CollectCmsg1(step.state, aux_rand), [Outgoing(1, pmsg1, COORDINATOR)])


def coordinate(session: Session) -> Continue[CoordinatorOutput]:
    """Start a key generation as its coordinator.

    Raises:
        UsageError: the roster's keys are not the host public keys of the session's parameters.
    """
    _expect_roster(session)
    return Continue(CollectPmsgs1())


def _expect_roster(session: Session) -> SessionParams:
    params = params_of(session.header)
    if tuple(key[1:] for key in params.hostpubkeys) != session.roster.keys:
        raise UsageError("the roster is not that of the host public keys")
    return params
