"""Threshold key generation of CGGMP24 (ePrint 2021/060): commit, reveal with the shares, prove.

Everybody deals a random polynomial; the key is the sum of their constants. What is revealed was fixed before
anybody saw anything, so that nobody can choose its part after the others', nor the chain code, nor rid.

DEVIATION: shares travel under keys of the session (protocol.resharing.masks), so that a wrong one is proved
by opening it; the paper leaves their encryption to the channel, and the fault unproved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, Final, Self

from ecdsa_cggmp.key_share import CHAIN_CODE_SIZE, KeyShare
from ecdsa_cggmp.zk import sch
from native.curve import Point, PointVector, Scalar, mul_base
from native.entropy import random_bytes
from native.hashing import tagged_hash
from native.secret import Secret, SecretScalars
from native.secret_scalar import random_scalars, total
from protocol.codec import POINT_SIZE, SCALAR_SIZE, Reader, Writer, decode
from protocol.errors import EncodingError, UnattributedAbort, UsageError
from protocol.header import PARAMS_LIMIT, Header
from protocol.ids import Epoch, PartyId
from protocol.resharing.checks import open_masked
from protocol.resharing.messages import COMMIT, COMPLAINT, REVEAL, CommitMsg, ComplaintMsg, MaskedMsg
from protocol.resharing.plan import Sharing
from protocol.resharing.rounds import complain, masked_to, unmasked
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec
from protocol.transcript import Domain
from protocol.vss import Commitment, bad_dealers, deal, expect_threshold

PROVE: Final = 3

RID_SIZE: Final = 32


def keygen_params(t: int) -> bytes:
    """Return the parameters of a session for a threshold, for its header."""
    return bytes(Writer().unsigned(t, 1))


@lru_cache(maxsize=64)
def _threshold(params: bytes, n: int) -> int:
    t = decode(params, PARAMS_LIMIT, lambda reader: reader.unsigned("threshold", 1))
    try:
        expect_threshold(t, n)
    except UsageError as e:
        raise EncodingError("threshold", str(e)) from e
    return t


def threshold_of(header: Header) -> int:
    """Return the threshold of a session.

    Raises:
        EncodingError: it has none that fits its parties.
    """
    return _threshold(header.params, len(header.parties))


@dataclass(frozen=True, slots=True)
class RevealMsg:
    """What a party committed to.

    Args:
        rid: its share of the common randomness, 32 bytes.
        chain_code: its share of the chain code, 32 bytes.
        S: commitments to the t coefficients of its polynomial.
        A: the first move of its Schnorr proof.
        u: what hides the rest in the commitment, 32 bytes.
    """

    rid: bytes
    chain_code: bytes = field(repr=False)
    S: PointVector
    A: Point
    u: bytes = field(repr=False)

    def __bytes__(self) -> bytes:
        """Return 129 + 33 t bytes."""
        writer = Writer().fixed(self.rid, RID_SIZE).fixed(self.chain_code, CHAIN_CODE_SIZE)
        return bytes(writer.points(self.S).point(self.A).fixed(self.u, 32))

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        """Read the message."""
        rid, chain_code = reader.fixed("rid", RID_SIZE), reader.fixed("chain code", CHAIN_CODE_SIZE)
        S, A = reader.points("S", threshold_of(header)), reader.point("A")
        return cls(rid, chain_code, S, A, reader.fixed("u", 32))

    @staticmethod
    def size(header: Header) -> int:
        """Return the size in bytes."""
        return RID_SIZE + CHAIN_CODE_SIZE + POINT_SIZE * (threshold_of(header) + 1) + 32

    def commitment(self, header: Header, party: PartyId) -> bytes:
        """Return V_i = H(sid, i, all of it), 32 bytes."""
        return tagged_hash("mpcwallet/CGGMP24 keygen", header.digest, party.to_bytes(4, "big"), bytes(self))


@dataclass(frozen=True, slots=True)
class ProveMsg:
    """The response z of the Schnorr proof of a party's share."""

    z: Scalar

    def __bytes__(self) -> bytes:
        """Return 32 bytes."""
        return bytes(self.z)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read the message."""
        return cls(reader.scalar("z"))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What everybody can compute once all is revealed."""

    sharing: Sharing
    chain_code: bytes
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


def _domain(header: Header, prover: PartyId) -> Domain:
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
    header = claim.header
    if claim.culprit not in header.parties:
        raise EncodingError("evidence", "the culprit is no party")
    outcome = _Outcome.of(header, {j: claim.broadcast(RevealMsg, REVEAL, j) for j in header.parties})
    X = outcome.sharing.pubshares[claim.culprit]
    A, z = claim.broadcast(RevealMsg, REVEAL).A, claim.broadcast(ProveMsg, PROVE).z
    return not sch.holds(_domain(header, claim.culprit), outcome.rid, X, A, z)


SPEC: Final = ProtocolSpec(
    "CGGMP24 keygen",
    1,
    messages={
        (COMMIT, Kind.BROADCAST): MessageType(CommitMsg.size, CommitMsg.read),
        (REVEAL, Kind.BROADCAST): MessageType(RevealMsg.size, RevealMsg.read),
        (REVEAL, Kind.DIRECT): MessageType(MaskedMsg.size, MaskedMsg.read),
        (PROVE, Kind.BROADCAST): MessageType(lambda _: SCALAR_SIZE, lambda r, _: ProveMsg.read(r)),
        (COMPLAINT, Kind.DIRECT): MessageType(ComplaintMsg.size, ComplaintMsg.read),
    },
    checks={"commitment": _commitment_fails, "share": _share_fails, "sch": _proof_fails},
    echoed=frozenset({COMMIT}),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Dealing:
    """What a party deals.

    Args:
        polynomial: t coefficients.
        keys: logarithms of its encryption keys, by the places of the parties.
        schnorr: the first move of its proof.
        reveal: what it committed to.
    """

    polynomial: SecretScalars
    keys: SecretScalars
    schnorr: sch.SchCommitment
    reveal: RevealMsg

    def secrets(self) -> tuple[Secret, ...]:
        """Return what belongs to this session alone."""
        return self.polynomial, self.keys, self.schnorr.tau


def participate(session: Session) -> Continue[KeyShare]:
    """Start one party's part; all parties of the roster take part.

    Args:
        session: its place in a session of SPEC with keygen_params in the header.

    Returns:
        The first round; the session ends with the party's share of a new key.

    Raises:
        UsageError: the threshold does not fit, or a party of the roster is missing.
    """
    header, me = session.header, session.me
    if len(header.parties) != session.roster.n:
        raise UsageError("all parties of the roster take part in key generation")
    try:
        t = threshold_of(header)
    except EncodingError as e:
        raise UsageError(f"the session has no threshold: {e}") from e
    polynomial, keys = random_scalars(t), random_scalars(len(header.parties))
    schnorr = sch.SchCommitment.fresh()
    reveal = RevealMsg(
        random_bytes(RID_SIZE),
        random_bytes(CHAIN_CODE_SIZE),
        mul_base(polynomial),
        schnorr.A,
        random_bytes(32),
    )
    commit = CommitMsg(reveal.commitment(header, me), mul_base(keys))
    return Continue(CollectCommits(_Dealing(polynomial, keys, schnorr, reveal)), [Outgoing(COMMIT, commit)])


@dataclass(frozen=True, slots=True, eq=False)
class CollectCommits(Round[KeyShare]):
    """Wait until everybody is bound to what it deals."""

    number: ClassVar[int] = COMMIT
    dealing: _Dealing

    def secrets(self) -> tuple[Secret, ...]:
        """Return the polynomial and the keys."""
        return self.dealing.secrets()

    def finish(self, inbox: Inbox) -> Continue[KeyShare]:
        """Reveal, and send everybody its share."""
        commits, dealing, session = inbox.broadcasts(CommitMsg), self.dealing, inbox.session
        parties = session.header.parties
        shares = deal(dealing.polynomial, parties)
        own_key = dealing.keys.slice(parties.index(session.me), 1)
        outgoing = [
            Outgoing(REVEAL, masked_to(session, REVEAL, j, shares.slice(at, 1), (own_key, commits[j])), j)
            for at, j in enumerate(parties)
            if j != session.me
        ]
        return Continue(CollectReveals(dealing, commits), [Outgoing(REVEAL, dealing.reveal), *outgoing])


@dataclass(frozen=True, slots=True, eq=False)
class CollectReveals(Round[KeyShare]):
    """Wait for all polynomials and the own shares of them."""

    number: ClassVar[int] = REVEAL
    dealing: _Dealing
    commits: Mapping[PartyId, CommitMsg]

    def secrets(self) -> tuple[Secret, ...]:
        """Return the polynomial and the keys."""
        return self.dealing.secrets()

    def finish(self, inbox: Inbox) -> Continue[KeyShare]:
        """Check what was revealed and the own shares, add them up, and prove knowledge of the sum.

        Raises:
            FaultyPartyError: names who revealed something else, or sent a wrong share.
        """
        session, dealing = inbox.session, self.dealing
        reveals, faults, me = inbox.broadcasts(RevealMsg), inbox.faults(), session.me
        for j in reveals:
            faults.test(j, "commitment", Slot.broadcast(COMMIT, j), Slot.broadcast(REVEAL, j))
        faults.close()
        shares = unmasked(session, REVEAL, dealing.keys, self.commits, inbox)
        culprits = bad_dealers(shares, {j: Commitment(reveal.S) for j, reveal in reveals.items()}, me)
        complain(inbox, "share", {j: _share_slots(j, me) for j in culprits}, dealing.keys)
        secshare = total(SecretScalars.concat([deal(dealing.polynomial, [me]), *shares.values()]))
        outcome = _Outcome.of(session.header, {**reveals, me: dealing.reveal})
        z = sch.respond(_domain(session.header, me), outcome.rid, dealing.schnorr, secshare)
        share = KeyShare(outcome.sharing, me, secshare, outcome.chain_code)
        waiting = CollectProofs(share, outcome.rid, {j: reveal.A for j, reveal in reveals.items()})
        return Continue(waiting, [Outgoing(PROVE, ProveMsg(z))])


def _share_slots(sender: PartyId, receiver: PartyId) -> tuple[Slot, ...]:
    return (
        Slot.broadcast(COMMIT, sender),
        Slot.broadcast(COMMIT, receiver),
        Slot.broadcast(REVEAL, sender),
        Slot.direct(REVEAL, sender, receiver),
    )


@dataclass(frozen=True, slots=True, eq=False)
class CollectProofs(Round[KeyShare]):
    """Wait until everybody has proved to know its share.

    Args:
        share: the own one.
        rid: the common randomness.
        A: the first moves of the peers' proofs.
    """

    number: ClassVar[int] = PROVE
    share: KeyShare
    rid: bytes
    A: Mapping[PartyId, Point]

    def secrets(self) -> tuple[Secret, ...]:
        """Return the share, which nobody may use unless the session succeeds."""
        return (self.share.secshare,)

    def finish(self, inbox: Inbox) -> Done[KeyShare]:
        """Verify the proofs.

        Raises:
            FaultyPartyError: names whose proof does not hold.
        """
        header, faults = inbox.session.header, inbox.faults()
        reveals = [Slot.broadcast(REVEAL, party) for party in header.parties]
        for j, message in inbox.broadcasts(ProveMsg).items():
            X = self.share.sharing.pubshares[j]
            if not sch.holds(_domain(header, j), self.rid, X, self.A[j], message.z):
                faults.test(j, "sch", Slot.broadcast(PROVE, j), *reveals)
        faults.close()
        return Done(self.share)
