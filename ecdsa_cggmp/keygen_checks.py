"""The checks of key generation of CGGMP24 (ePrint 2021/060): each looks at signed messages only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from ecdsa_cggmp.keygen_messages import PROVE, ProveMsg, RevealMsg
from ecdsa_cggmp.zk import sch
from native.curve import Point, Scalar
from native.hashing import tagged_hash
from protocol.errors import EncodingError, UnattributedAbort, UsageError
from protocol.header import Header
from protocol.ids import Epoch, PartyId
from protocol.resharing.checks import open_masked
from protocol.resharing.messages import COMMIT, COMPLAINT, REVEAL, CommitMsg, ComplaintMsg, MaskedMsg
from protocol.resharing.plan import Sharing
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec
from protocol.transcript import Domain
from protocol.vss import Commitment


@dataclass(frozen=True, slots=True)
class GeneratedKey:
    """What everybody can compute once all is revealed.

    Args:
        sharing: the public side of the key, epoch 0.
        chain_code: 32 bytes.
        rid: the common randomness, 32 bytes.
    """

    sharing: Sharing
    chain_code: bytes = field(repr=False)
    rid: bytes

    @classmethod
    def of(cls, header: Header, reveals: Mapping[PartyId, RevealMsg]) -> Self:
        """Add up what all parties revealed.

        Raises:
            UnattributedAbort: the key or a public share is infinity, which takes all parties.
        """
        ordered = [reveals[j] for j in header.parties]
        commitment = Commitment.total([Commitment(reveal.S) for reveal in ordered])
        pubshares = tuple(commitment.pubshares(header.parties))
        try:
            sharing = Sharing(commitment.public_secret, commitment.t, pubshares, Epoch(0))
        except UsageError as e:
            raise UnattributedAbort("key") from e
        chain_code = tagged_hash("mpcwallet/CGGMP24 chain code", *(reveal.chain_code for reveal in ordered))
        rid = tagged_hash("mpcwallet/CGGMP24 rid", *(reveal.rid for reveal in ordered))
        return cls(sharing, chain_code, rid)

    def proves(self, header: Header, prover: PartyId, A: Point, z: Scalar) -> bool:
        """Tell whether a party has proved that it knows its share: z G = A + e X_j."""
        return sch.holds(sch_domain(header, prover), self.rid, self.sharing.pubshares[prover], A, z)


def sch_domain(header: Header, prover: PartyId) -> Domain:
    """Return where the proof of a party's share belongs."""
    return Domain(header, PROVE, prover, "sch")


def _commitment_fails(claim: Claim) -> bool:
    """What is revealed is not what was committed to."""
    reveal = claim.broadcast(RevealMsg, REVEAL)
    return reveal.commitment(claim.header, claim.culprit) != claim.broadcast(CommitMsg, COMMIT).digest


def _share_fails(claim: Claim) -> bool:
    """The share for a party is not the value of the polynomial: sigma G != sum_k (j + 1)^k S_k."""
    share = open_masked(claim, REVEAL)
    return not Commitment(claim.broadcast(RevealMsg, REVEAL).S).opens_to(share, claim.receiver)


def _proof_fails(claim: Claim) -> bool:
    """The Schnorr proof of the share does not hold."""
    parties = claim.header.parties
    if claim.culprit not in parties:
        raise EncodingError("evidence", "the culprit is no party")
    key = GeneratedKey.of(claim.header, {j: _revealed(claim, j) for j in parties})
    A, z = claim.broadcast(RevealMsg, REVEAL).A, claim.broadcast(ProveMsg, PROVE).z
    return not key.proves(claim.header, claim.culprit, A, z)


def _revealed(claim: Claim, party: PartyId) -> RevealMsg:
    """Return what a party revealed, which is what the culprit got: it opens the commitment that it echoed."""
    reveal = claim.broadcast(RevealMsg, REVEAL, party)
    if reveal.commitment(claim.header, party) != claim.broadcast(CommitMsg, COMMIT, party).digest:
        raise EncodingError("evidence", "a party revealed something else than it committed to")
    return reveal


def commitment_slots(sender: PartyId) -> tuple[Slot, ...]:
    """Return the slots of the messages that show what a party committed to and revealed."""
    return Slot.broadcast(COMMIT, sender), Slot.broadcast(REVEAL, sender)


def share_slots(sender: PartyId, receiver: PartyId) -> tuple[Slot, ...]:
    """Return the slots of the messages, besides the complaint, that prove a wrong share."""
    keys = Slot.broadcast(COMMIT, receiver)
    return (*commitment_slots(sender), keys, Slot.direct(REVEAL, sender, receiver))


def sch_slots(prover: PartyId, parties: tuple[PartyId, ...]) -> tuple[Slot, ...]:
    """Return the slots of the messages that prove a wrong proof: rid and X_j come from all parties."""
    return Slot.broadcast(PROVE, prover), *(slot for j in parties for slot in commitment_slots(j))


SPEC: Final = ProtocolSpec(
    "CGGMP24 keygen",
    1,
    messages={
        (COMMIT, Kind.BROADCAST): MessageType(CommitMsg.size, CommitMsg.read),
        (REVEAL, Kind.BROADCAST): MessageType(RevealMsg.size, RevealMsg.read),
        (REVEAL, Kind.DIRECT): MessageType(MaskedMsg.size, MaskedMsg.read),
        (PROVE, Kind.BROADCAST): MessageType(ProveMsg.size, ProveMsg.read),
        (COMPLAINT, Kind.DIRECT): MessageType(ComplaintMsg.size, ComplaintMsg.read),
    },
    checks={"commitment": _commitment_fails, "share": _share_fails, "sch": _proof_fails},
    echoed=frozenset({COMMIT}),
)
