"""Threshold key generation of CGGMP24 (ePrint 2021/060): commit, reveal with the shares, prove.

Everybody deals a random polynomial; the key is the sum of their constants. What is revealed was fixed before
anybody saw anything, so that nobody can choose its part after the others', nor the chain code, nor rid.

DEVIATION: shares travel under keys of the session (protocol.resharing.masks), so that a wrong one is proved
by opening it; the paper leaves their encryption to the channel, and the fault unproved.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from ecdsa_cggmp.key_share import CHAIN_CODE_SIZE, KeyShare
from ecdsa_cggmp.keygen_checks import GeneratedKey, commitment_slots, sch_domain, sch_slots, share_slots
from ecdsa_cggmp.keygen_messages import PROVE, RID_SIZE, SALT_SIZE, ProveMsg, RevealMsg, threshold_of
from ecdsa_cggmp.zk import sch
from native.curve import Point, mul_base
from native.entropy import random_bytes
from native.secret import Secret, SecretScalars
from native.secret_scalar import random_scalars, total
from protocol.errors import EncodingError, UsageError
from protocol.ids import PartyId
from protocol.resharing.messages import COMMIT, REVEAL, CommitMsg
from protocol.resharing.rounds import complain, masked_to, unmasked
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.vss import Commitment, bad_dealers, deal


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

    @classmethod
    def fresh(cls, t: int, n: int) -> Self:
        """Draw all of it for a threshold and a number of parties."""
        polynomial, keys, schnorr = random_scalars(t), random_scalars(n), sch.SchCommitment.fresh()
        rid, chain_code, u = random_bytes(RID_SIZE), random_bytes(CHAIN_CODE_SIZE), random_bytes(SALT_SIZE)
        reveal = RevealMsg(rid, chain_code, mul_base(polynomial), schnorr.A, u)
        return cls(polynomial, keys, schnorr, reveal)

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
        UsageError: the threshold does not fit, a party of the roster is missing, or this is none.

    Security:
        A faulty party can let the session end well here and fail elsewhere. Use no key, and show no address,
        before every party has confirmed that it stored its share.
    """
    header = session.header
    if len(header.parties) != session.roster.n or session.me not in header.parties:
        raise UsageError("all parties of the roster take part in key generation")
    try:
        t = threshold_of(header)
    except EncodingError as e:
        raise UsageError(f"the session has no threshold: {e}") from e
    dealing = _Dealing.fresh(t, len(header.parties))
    commit = CommitMsg(dealing.reveal.commitment(header, session.me), mul_base(dealing.keys))
    return Continue(CollectCommits(dealing), [Outgoing(COMMIT, commit)])


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
        session, dealing, me = inbox.session, self.dealing, inbox.session.me
        reveals, faults = inbox.broadcasts(RevealMsg), inbox.faults()
        for j in reveals:
            faults.test(j, "commitment", *commitment_slots(j))
        shares = unmasked(session, REVEAL, dealing.keys, self.commits, inbox)
        culprits = bad_dealers(shares, {j: Commitment(reveal.S) for j, reveal in reveals.items()}, me)
        complain(faults, "share", {j: share_slots(j, me) for j in culprits}, dealing.keys)
        faults.close()
        key = GeneratedKey.of(session.header, {**reveals, me: dealing.reveal})
        # x_i = sum_j sigma_{j,i}
        secshare = total(SecretScalars.concat([deal(dealing.polynomial, [me]), *shares.values()]))
        z = sch.respond(sch_domain(session.header, me), key.rid, dealing.schnorr, secshare)
        share = KeyShare(key.sharing, me, secshare, key.chain_code)
        waiting = CollectProofs(share, key, {j: reveal.A for j, reveal in reveals.items()})
        return Continue(waiting, [Outgoing(PROVE, ProveMsg(z))])


@dataclass(frozen=True, slots=True, eq=False)
class CollectProofs(Round[KeyShare]):
    """Wait until everybody has proved to know its share.

    Args:
        share: the own one.
        key: what everybody knows of it.
        A: the first moves of the peers' proofs.
    """

    number: ClassVar[int] = PROVE
    share: KeyShare
    key: GeneratedKey
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
        for j, message in inbox.broadcasts(ProveMsg).items():
            if not self.key.proves(header, j, self.A[j], message.z):
                faults.test(j, "sch", *sch_slots(j, header.parties))
        faults.close()
        return Done(self.share)
