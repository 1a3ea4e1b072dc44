"""The rounds of presigning (CGGMP24, figure 8): each waits for the messages of all peers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ecdsa_cggmp.presign_checks import PresignChecks
from ecdsa_cggmp.presign_failure import Defender, Failure, View, find_failure
from ecdsa_cggmp.presign_failure_round import CollectDefences
from ecdsa_cggmp.presign_messages import (
    DEFEND,
    ENCRYPT,
    MULTIPLY,
    REVEAL,
    DefenceMsg,
    EncryptMsg,
    EncryptProofMsg,
    MultiplyMsg,
    RevealMsg,
)
from ecdsa_cggmp.presign_own import Own
from ecdsa_cggmp.presign_proofs import Multiplier, Product, ProductVerifier, failed_encryptions
from ecdsa_cggmp.presign_statements import (
    AFF_G,
    DELTA_LOG,
    ENC_ELG,
    GAMMA_LOG,
    HALVES,
    about_Delta,
    about_Gamma,
    domain,
)
from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from ecdsa_cggmp.zk import elog
from native.curve import Point, PointVector, Scalar, mul_base, mul_each, mul_secret, sum_vectors
from native.secret import Secret, SecretInts, SecretScalars
from native.secret_scalar import add, from_ints, mul, scale, sub
from protocol.errors import UnattributedAbort
from protocol.ids import PartyId
from protocol.round import Continue, Done, Faults, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import Check, Claim


def _note(faults: Faults, culprit: PartyId, check: str, *slots: Slot, part: Check | None = None) -> None:
    """Note the fault of a party whose proof does not hold here.

    Raises:
        UnattributedAbort: as evidence the proof holds, which must not happen; it is not taken for good then.
    """
    if not faults.test(culprit, check, *slots, part=part):
        raise UnattributedAbort(check, [culprit])


def _note_one(faults: Faults, own: Own, culprit: PartyId, proof: str, k: int, *slots: Slot) -> None:
    """Note the fault of a party by one of its proofs: a check of all that are right would take seconds."""
    number = next(number for number in range(2) if k in own.plan.half(number))
    part = PresignChecks(own.aux.params).of_one(proof, k)
    _note(faults, culprit, HALVES[proof][number], *slots, part=part)


def _secrets_of(made: Mapping[PartyId, Product]) -> tuple[Secret, ...]:
    return tuple(secret for product in made.values() for secret in product.secrets())


@dataclass(frozen=True, slots=True, eq=False)
class CollectEncryptions(Round[tuple[Presignature, ...]]):
    """Wait for what all signers encrypt."""

    number: ClassVar[int] = ENCRYPT
    own: Own

    def secrets(self) -> tuple[Secret, ...]:
        """Return the secrets of the session."""
        return self.own.secrets()

    def finish(self, inbox: Inbox) -> Continue[tuple[Presignature, ...]]:
        """Verify the encryptions of all peers, and multiply their k by gamma and the key share.

        Raises:
            FaultyPartyError: names whose proofs do not hold.
        """
        messages = inbox.broadcasts(EncryptMsg)
        self._verify(inbox, messages)
        own, header, me = self.own, inbox.session.header, inbox.session.me
        Gamma = mul_base(own.gamma)
        witness = elog.ElogWitness(own.gamma, own.b)
        psi = elog.prove(
            domain(header, GAMMA_LOG, me), header.digest, about_Gamma(own.message, Gamma), witness
        )
        made = Multiplier(header, me, own, messages, Gamma).multiply()
        message = MultiplyMsg(own.aux.params, Gamma, psi, tuple(item.products for item in made.values()))
        return Continue(CollectProducts(own, messages, Gamma, made), [Outgoing(MULTIPLY, message)])

    def _verify(self, inbox: Inbox, messages: Mapping[PartyId, EncryptMsg]) -> None:
        own, session, faults = self.own, inbox.session, inbox.faults()
        failed = failed_encryptions(session, own, messages, inbox.directs(EncryptProofMsg))
        for j, bad in failed.items():
            if bad:
                slots = Slot.broadcast(ENCRYPT, j), Slot.direct(ENCRYPT, j, session.me)
                _note_one(faults, own, j, ENC_ELG, bad[0], *slots)
        faults.close()


@dataclass(frozen=True, slots=True, eq=False)
class CollectProducts(Round[tuple[Presignature, ...]]):
    """Wait for the products of all signers.

    Args:
        own: from round 1.
        encrypted: the peers' first messages.
        Gamma: the own gamma G.
        made: the own products, by peer.
    """

    number: ClassVar[int] = MULTIPLY
    own: Own
    encrypted: Mapping[PartyId, EncryptMsg]
    Gamma: PointVector
    made: Mapping[PartyId, Product]

    def secrets(self) -> tuple[Secret, ...]:
        """Return the secrets of the session."""
        return *self.own.secrets(), *_secrets_of(self.made)

    def finish(self, inbox: Inbox) -> Continue[tuple[Presignature, ...]]:
        """Verify and decrypt the products of all peers, add them up and reveal delta.

        Raises:
            FaultyPartyError: names whose proofs do not hold.
            UnattributedAbort: a sum of all Gamma_i is infinity.
        """
        messages, own = inbox.broadcasts(MultiplyMsg), self.own
        alpha = self._decrypt(inbox, messages)
        Gamma = sum_vectors([self.Gamma, *(message.Gamma for message in messages.values())])
        if any(point.is_infinity for point in Gamma):
            raise UnattributedAbort("Gamma")
        # delta_i = gamma_i k_i + sum_j (alpha_ij + beta_ij), chi_i likewise with x_i; beta = -y
        both = SecretScalars.concat([mul(own.gamma, own.k), mul(own.x, own.k)])
        for j, ints in alpha.items():
            both = add(both, sub(from_ints(ints), from_ints(self.made[j].y)))
        delta, chi = (both.slice(at, own.plan.batch) for at in (0, own.plan.batch))
        Delta, S = mul_secret(own.k, Gamma), mul_secret(chi, Gamma)
        header, me = inbox.session.header, inbox.session.me
        statement = about_Delta(own.message, Delta, Gamma)
        witness = elog.ElogWitness(own.k, own.a)
        psi = elog.prove(domain(header, DELTA_LOG, me), header.digest, statement, witness)
        public = delta.declassify()
        scalars = tuple(Scalar.from_bytes(public[at : at + 32]) for at in range(0, len(public), 32))
        message = RevealMsg(scalars, S, Delta, psi)
        waiting = CollectReveals(own, self.encrypted, self.made, Gamma, chi, message)
        return Continue(waiting, [Outgoing(REVEAL, message)])

    def _decrypt(self, inbox: Inbox, messages: Mapping[PartyId, MultiplyMsg]) -> dict[PartyId, SecretInts]:
        """Return the plaintexts of all D that were sent to this signer, after all proofs are verified."""
        verifier = ProductVerifier(inbox.session, self.own, messages)
        opened, faults, me = verifier.open(), inbox.faults(), inbox.session.me
        for j in messages:
            if not verifier.Gamma_holds(j, self.encrypted[j]):
                _note(faults, j, GAMMA_LOG, Slot.broadcast(ENCRYPT, j), Slot.broadcast(MULTIPLY, j))
            elif bad := opened[j].bad:
                slots = Slot.broadcast(ENCRYPT, me), Slot.broadcast(MULTIPLY, j)
                _note_one(faults, self.own, j, AFF_G, bad[0], *slots)
        faults.close()
        return {j: item.alpha for j, item in opened.items() if item.alpha is not None}


@dataclass(frozen=True, slots=True, eq=False)
class CollectReveals(Round[tuple[Presignature, ...]]):
    """Wait for the parts of all sums.

    Args:
        own: from round 1.
        encrypted: the peers' first messages.
        made: the own products, by peer.
        Gamma: the nonce points.
        chi: the own parts of k x.
        message: what this signer reveals.
    """

    number: ClassVar[int] = REVEAL
    own: Own
    encrypted: Mapping[PartyId, EncryptMsg]
    made: Mapping[PartyId, Product]
    Gamma: PointVector
    chi: SecretScalars
    message: RevealMsg

    def secrets(self) -> tuple[Secret, ...]:
        """Return the secrets of the session."""
        return *self.own.secrets(), *_secrets_of(self.made), self.chi

    def finish(self, inbox: Inbox) -> Continue[tuple[Presignature, ...]] | Done[tuple[Presignature, ...]]:
        """Verify the parts, check the sums, and normalise; if a sum is wrong, defend the own part of it.

        Raises:
            FaultyPartyError: names whose proof does not hold.
            UnattributedAbort: a delta is 0.
        """
        messages, session = inbox.broadcasts(RevealMsg), inbox.session
        self._verify(inbox, messages)
        everybody = dict(sorted({**messages, session.me: self.message}.items()))
        failure = find_failure(self.own.plan.sharing.key, list(everybody.values()))
        if failure is not None:
            defence = self._defend(inbox, failure)
            self._wipe()
            return Continue(CollectDefences(failure.sum), [Outgoing(DEFEND, defence)])
        delta = [sum((m.delta[b] for m in everybody.values()), Scalar(0)) for b in range(self.own.plan.batch)]
        if not all(delta):
            raise UnattributedAbort("delta")
        made = self._normalise(session, everybody, delta)
        self._wipe()
        return Done(made)

    def _wipe(self) -> None:
        # the caller may still hold the first round
        for secret in self.secrets():
            secret.wipe()

    def _defend(self, inbox: Inbox, failure: Failure) -> DefenceMsg:
        """Prove the own part of the wrong sum right."""
        session = inbox.session
        slots = {slot: message for slot, message in inbox.messages.items() if slot.kind is Kind.BROADCAST}
        sent = Claim(session.spec, session.header, session.roster, session.me, slots)
        view = View.of(session.header, self.own.aux.params, session.me, sent.broadcast)
        return Defender(view, self.own, self.made).defend(failure)

    def _verify(self, inbox: Inbox, messages: Mapping[PartyId, RevealMsg]) -> None:
        header, faults = inbox.session.header, inbox.faults()
        for j, message in messages.items():
            statement = about_Delta(self.encrypted[j], message.Delta, self.Gamma)
            if elog.failed(domain(header, DELTA_LOG, j), header.digest, statement, message.psi):
                sums = [Slot.broadcast(MULTIPLY, party) for party in header.parties]
                own = Slot.broadcast(ENCRYPT, j), Slot.broadcast(REVEAL, j)
                _note(faults, j, DELTA_LOG, *own, *sums)
        faults.close()

    def _normalise(
        self, session: Session, messages: Mapping[PartyId, RevealMsg], delta: list[Scalar]
    ) -> tuple[Presignature, ...]:
        """Divide by delta: sum k_i = 1 / gamma, sum chi_i = x / gamma."""
        inverse = [item.invert() for item in delta]
        k, chi = scale(self.own.k, inverse), scale(self.chi, inverse)
        Delta = {j: mul_each(inverse, message.Delta) for j, message in messages.items()}
        S = {j: mul_each(inverse, message.S) for j, message in messages.items()}
        plan, header = self.own.plan, session.header
        out = []
        for b in range(plan.batch):
            parts: list[dict[PartyId, Point]] = [
                {j: column[b] for j, column in of.items()} for of in (Delta, S)
            ]
            public = PublicPresignature(header.session, b, plan.sharing, plan.signers, self.Gamma[b], *parts)
            out.append(Presignature(public, session.me, k.slice(b, 1), chi.slice(b, 1)))
        return tuple(out)
