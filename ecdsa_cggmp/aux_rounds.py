"""How auxiliary info is made (CGGMP24, figure 7): commit, reveal with Pi-prm, then Pi-mod and Pi-fac.

What is revealed was fixed before anybody saw anything, and so was the randomness rho of all parties, on which
the last two proofs depend.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import ClassVar, Final

from ecdsa_cggmp.aux_info import AuxInfo, AuxPublic, AuxSecret
from ecdsa_cggmp.aux_messages import COMMIT, PROVE, REVEAL, RHO_SIZE, CommitMsg, FacMsg, ModMsg, RevealMsg
from ecdsa_cggmp.parallel import for_each
from ecdsa_cggmp.params import SECURITY_128, Params
from ecdsa_cggmp.zk import fac, mod, prm
from ecdsa_cggmp.zk.keys import ProofKeys
from native.entropy import random_bytes
from native.secret import Secret
from protocol.errors import EncodingError, FaultyPartyError, UnattributedAbort, UsageError
from protocol.header import Header
from protocol.ids import PartyId
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec
from protocol.transcript import Domain


def aux_spec(params: Params) -> ProtocolSpec:
    """Return the protocol at a level; the program uses SPEC alone."""
    checks = _Checks(params)
    return ProtocolSpec(
        "CGGMP24 aux",
        1,
        messages={
            (COMMIT, Kind.BROADCAST): MessageType(lambda _: 32, lambda r, _: CommitMsg.read(r)),
            (REVEAL, Kind.BROADCAST): MessageType(
                lambda _: RevealMsg.size(params), lambda r, _: RevealMsg.read(r, params)
            ),
            (PROVE, Kind.BROADCAST): MessageType(
                lambda _: mod.ModProof.size(params), lambda r, _: ModMsg.read(r, params)
            ),
            (PROVE, Kind.DIRECT): MessageType(
                lambda _: fac.FacProof.size(params), lambda r, _: FacMsg.read(r, params)
            ),
        },
        checks={
            "commitment": checks.commitment_fails,
            "modulus": checks.modulus_fails,
            "prm": checks.prm_fails,
            "mod": checks.mod_fails,
            "fac": checks.fac_fails,
        },
        echoed=frozenset({COMMIT}),
    )


@dataclass(frozen=True, slots=True)
class _Checks:
    """The checks at one level; each looks at signed messages only, live and in evidence alike."""

    params: Params

    def commitment_fails(self, claim: Claim) -> bool:
        """What is revealed is not what was committed to."""
        reveal = claim.broadcast(RevealMsg, REVEAL)
        return reveal.commit(claim.header, claim.culprit) != claim.broadcast(CommitMsg, COMMIT)

    def modulus_fails(self, claim: Claim) -> bool:
        """N or N^ is even, not of the exact size, or they share a factor."""
        public = claim.broadcast(RevealMsg, REVEAL).public
        moduli = [int.from_bytes(data, "big") for data in (public.N, public.pedersen.n)]
        wrong = any(n % 2 == 0 or n.bit_length() != self.params.modulus_bits for n in moduli)
        return wrong or math.gcd(*moduli) != 1

    def prm_fails(self, claim: Claim) -> bool:
        """Pi-prm does not hold, or s and t are not of the right form."""
        reveal = claim.broadcast(RevealMsg, REVEAL)
        domain = _prm_domain(claim.header, claim.culprit)
        return not prm.holds(domain, self.params, reveal.public.pedersen, reveal.prm)

    def mod_fails(self, claim: Claim) -> bool:
        """Pi-mod does not hold."""
        proof, reveals = claim.broadcast(ModMsg, PROVE).proof, _committed_reveals(claim)
        N = reveals[claim.culprit].public.N
        domain = _mod_domain(claim.header, claim.culprit)
        return not mod.holds(domain, self.params, _rho(reveals.values()), N, proof)

    def fac_fails(self, claim: Claim) -> bool:
        """Pi-fac does not hold for its receiver."""
        receiver, reveals = claim.receiver, _committed_reveals(claim)
        if receiver not in reveals:
            raise EncodingError("evidence", "the receiver is no party")
        keys = _keys(self.params, reveals[claim.culprit].public, reveals[receiver].public)
        proof = claim.direct(FacMsg, PROVE, receiver).proof
        domain = _fac_domain(claim.header, claim.culprit, receiver)
        return not fac.holds(domain, keys, _rho(reveals.values()), proof)


def _prm_domain(header: Header, prover: PartyId) -> Domain:
    return Domain(header, REVEAL, prover, "prm")


def _mod_domain(header: Header, prover: PartyId) -> Domain:
    return Domain(header, PROVE, prover, "mod")


def _fac_domain(header: Header, prover: PartyId, verifier: PartyId) -> Domain:
    return Domain(header, PROVE, prover, "fac", verifier)


def _keys(params: Params, prover: AuxPublic, verifier: AuxPublic) -> ProofKeys:
    return ProofKeys(params, prover.N, verifier.N, verifier.pedersen)


def _rho(reveals: Iterable[RevealMsg]) -> bytes:
    """Return the XOR of all rho_j."""
    total = reduce(xor, (int.from_bytes(reveal.rho, "big") for reveal in reveals))
    return total.to_bytes(RHO_SIZE, "big")


def _committed_reveals(claim: Claim) -> dict[PartyId, RevealMsg]:
    """Return what all parties revealed, as the culprit saw it: each opens the commitment that it echoed.

    Raises:
        EncodingError: one does not, as when its sender made another for the evidence.
    """
    parties = claim.header.parties
    if claim.culprit not in parties:
        raise EncodingError("evidence", "the culprit is no party")
    reveals = {j: claim.broadcast(RevealMsg, REVEAL, j) for j in parties}
    for j, reveal in reveals.items():
        if reveal.commit(claim.header, j) != claim.broadcast(CommitMsg, COMMIT, j):
            raise EncodingError("evidence", "what was revealed is not what was committed to")
    return reveals


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """What a party keeps from its first round on.

    Args:
        params: the level.
        secret: its factors.
        reveal: what it reveals of them.
    """

    params: Params
    secret: AuxSecret
    reveal: RevealMsg


def participate(session: Session, secret: AuxSecret, params: Params = SECURITY_128) -> Continue[AuxInfo]:
    """Start one party's part.

    Args:
        session: its place in a session of aux_spec(params).
        secret: fresh factors, never used in another session; see native.primes for the search.
        params: the level.

    Returns:
        The first round; the session ends with the verified AuxInfo of all parties.

    Raises:
        UsageError: the factors are of another level, or were used before.
    """
    public = secret.public
    if any(8 * len(data) != params.modulus_bits for data in (public.N, public.pedersen.n)):
        raise UsageError("the factors are not of the size of the level")
    secret.use()
    proof = prm.prove(_prm_domain(session.header, session.me), params, secret.pedersen)
    reveal = RevealMsg(public, proof, random_bytes(RHO_SIZE), random_bytes(RHO_SIZE))
    commit = reveal.commit(session.header, session.me)
    return Continue(CollectCommits(_Own(params, secret, reveal)), [Outgoing(COMMIT, commit)])


@dataclass(frozen=True, slots=True, eq=False)
class CollectCommits(Round[AuxInfo]):
    """Wait until everybody is bound to its moduli and randomness."""

    number: ClassVar[int] = COMMIT
    own: _Own

    def secrets(self) -> tuple[Secret, ...]:
        """Return the factors."""
        return self.own.secret.secrets()

    def finish(self, inbox: Inbox) -> Continue[AuxInfo]:
        """Reveal."""
        return Continue(CollectReveals(self.own), [Outgoing(REVEAL, self.own.reveal)])


@dataclass(frozen=True, slots=True, eq=False)
class CollectReveals(Round[AuxInfo]):
    """Wait for the moduli of all."""

    number: ClassVar[int] = REVEAL
    own: _Own

    def secrets(self) -> tuple[Secret, ...]:
        """Return the factors."""
        return self.own.secret.secrets()

    def finish(self, inbox: Inbox) -> Continue[AuxInfo]:
        """Check what was revealed, and prove that the own N is well-formed and has no small factor.

        Raises:
            FaultyPartyError: names who revealed something wrong.
            UnattributedAbort: two peers share a factor.
        """
        faults, reveals = inbox.faults(), inbox.broadcasts(RevealMsg)

        def check(j: PartyId) -> None:
            revealed = Slot.broadcast(REVEAL, j)
            found = faults.test(j, "commitment", Slot.broadcast(COMMIT, j), revealed)
            # cheap checks first: a modulus of a wrong form costs no powers
            if not found and not faults.test(j, "modulus", revealed):
                faults.test(j, "prm", revealed)

        for_each(reveals, check)
        faults.close()
        everybody = {**reveals, inbox.session.me: self.own.reveal}
        _expect_coprime(inbox.session.me, {j: reveal.public for j, reveal in everybody.items()})
        return self._prove(inbox.session, everybody)

    def _prove(self, session: Session, reveals: Mapping[PartyId, RevealMsg]) -> Continue[AuxInfo]:
        own, me, rho = self.own, session.me, _rho(reveals.values())
        proof = mod.prove(_mod_domain(session.header, me), own.params, rho, own.secret.paillier)

        def prove_to(j: PartyId) -> FacMsg:
            keys = _keys(own.params, own.reveal.public, reveals[j].public)
            domain = _fac_domain(session.header, me, j)
            return FacMsg(fac.prove(domain, keys, rho, own.secret.paillier), own.params)

        outgoing = [Outgoing(PROVE, message, j) for j, message in for_each(session.peers, prove_to).items()]
        publics = {j: reveal.public for j, reveal in reveals.items()}
        return Continue(CollectProofs(own, publics), [Outgoing(PROVE, ModMsg(proof)), *outgoing])


def _expect_coprime(me: PartyId, publics: Mapping[PartyId, AuxPublic]) -> None:
    """Check that no two moduli of different parties share a factor, as copied or badly drawn ones do.

    The own factors were drawn at random: who shares one has copied it. Of two others, either may have.
    """
    moduli = {
        j: int.from_bytes(public.N, "big") * int.from_bytes(public.pedersen.n, "big")
        for j, public in publics.items()
    }
    product = math.prod(moduli.values())
    sharing = [j for j, n in moduli.items() if math.gcd(n, product // n % n) != 1]
    with_me = [j for j in sharing if j != me and math.gcd(moduli[j], moduli[me]) != 1]
    if with_me:
        raise FaultyPartyError(dict.fromkeys(with_me, "gcd"))
    if sharing:
        raise UnattributedAbort("gcd", sharing)


@dataclass(frozen=True, slots=True, eq=False)
class CollectProofs(Round[AuxInfo]):
    """Wait for the proofs about all N."""

    number: ClassVar[int] = PROVE
    own: _Own
    publics: Mapping[PartyId, AuxPublic]

    def secrets(self) -> tuple[Secret, ...]:
        """Return the factors."""
        return self.own.secret.secrets()

    def finish(self, inbox: Inbox) -> Done[AuxInfo]:
        """Verify the proofs.

        Raises:
            FaultyPartyError: names whose proof does not hold.
        """
        faults, session = inbox.faults(), inbox.session
        parties = session.header.parties
        seen = [Slot.broadcast(number, party) for number in (COMMIT, REVEAL) for party in parties]

        def check(j: PartyId) -> None:
            if not faults.test(j, "fac", Slot.direct(PROVE, j, session.me), *seen):
                faults.test(j, "mod", Slot.broadcast(PROVE, j), *seen)

        for_each(session.peers, check)
        faults.close()
        return Done(AuxInfo(self.own.params, session.me, self.own.secret, self.publics))


SPEC: Final = aux_spec(SECURITY_128)
