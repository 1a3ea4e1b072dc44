"""Presigning (CGGMP24, figure 8): three rounds that make B presignatures at once.

In round 1 the signers encrypt k and gamma, in round 2 they multiply each other's k by gamma and by their key
shares, in round 3 they reveal their parts of delta = k gamma and prove that they used the k of round 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.parallel import for_each
from ecdsa_cggmp.params import SECURITY_128, Params
from ecdsa_cggmp.presign_checks import PresignChecks
from ecdsa_cggmp.presign_messages import (
    ENCRYPT,
    MULTIPLY,
    REVEAL,
    EncryptMsg,
    EncryptProofMsg,
    MultiplyMsg,
    PresignPlan,
    Products,
    RevealMsg,
)
from ecdsa_cggmp.presign_statements import (
    BY_GAMMA,
    BY_X,
    DELTA_LOG,
    G_PROOF,
    GAMMA_LOG,
    K_PROOF,
    about_Delta,
    about_G,
    about_Gamma,
    about_K,
    about_products,
    domain,
    key_points,
)
from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from ecdsa_cggmp.zk import aff_g, elog, enc_elg
from native.curve import (
    G,
    Point,
    PointVector,
    Scalar,
    mul_add_secret,
    mul_base,
    mul_each,
    mul_secret,
    sum_vectors,
)
from native.integer import random_ints
from native.range_proof import AffGKeys, AffGWitness, EncElgKeys, EncElgStatement, EncElgWitness
from native.secret import Secret, SecretInts, SecretResidues, SecretScalars
from native.secret_scalar import add, from_ints, mul, random_scalars, scale, sub, to_ints
from protocol.errors import EncodingError, UnattributedAbort, UsageError
from protocol.header import Header
from protocol.ids import PartyId
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import MessageType, ProtocolSpec


def presign_spec(params: Params) -> ProtocolSpec:
    """Return the protocol at a level; the program uses SPEC alone."""

    def batch(header: Header) -> int:
        return PresignPlan.of(header, params).batch

    return ProtocolSpec(
        "CGGMP24 presign",
        1,
        messages={
            (ENCRYPT, Kind.BROADCAST): MessageType(
                lambda h: EncryptMsg.size(params, batch(h)),
                lambda r, h: EncryptMsg.read(r, params, batch(h)),
            ),
            (ENCRYPT, Kind.DIRECT): MessageType(
                lambda h: EncryptProofMsg.size(params, batch(h)),
                lambda r, h: EncryptProofMsg.read(r, params, batch(h)),
            ),
            (MULTIPLY, Kind.BROADCAST): MessageType(
                lambda h: MultiplyMsg.size(params, batch(h), len(h.parties) - 1),
                lambda r, h: MultiplyMsg.read(r, params, batch(h), len(h.parties) - 1),
            ),
            (REVEAL, Kind.BROADCAST): MessageType(
                lambda h: RevealMsg.size(batch(h)), lambda r, h: RevealMsg.read(r, batch(h))
            ),
        },
        checks=PresignChecks(params).by_name(),
        echoed=frozenset({ENCRYPT}),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """What a signer keeps from round 1 on.

    Args:
        aux: auxiliary info of all.
        plan: what the session makes.
        x: its summand of the key, one scalar.
        k, gamma: B scalars each.
        a, b: B scalars each, which A1 and B1 are the points of.
        rho, v: the units of K and G.
        message: its first message.
    """

    aux: AuxInfo
    plan: PresignPlan
    x: SecretScalars
    k: SecretScalars
    gamma: SecretScalars
    a: SecretScalars
    b: SecretScalars
    rho: SecretResidues
    v: SecretResidues
    message: EncryptMsg

    def secrets(self) -> tuple[Secret, ...]:
        """Return what belongs to this session alone."""
        return self.x, self.k, self.gamma, self.a, self.b, self.rho, self.v


def participate(session: Session, share: KeyShare, aux: AuxInfo) -> Continue[tuple[Presignature, ...]]:
    """Start one signer's part.

    Args:
        session: its place in a session of presign_spec(aux.params), with a PresignPlan in the header.
        share: its share of the key.
        aux: the verified auxiliary info of all parties of the key.

    Returns:
        The first round; the session ends with B presignatures.

    Raises:
        UsageError: the plan is not for this share and this auxiliary info.
    """
    plan, me = _plan_for(session, share, aux), session.me
    k, gamma, a, b = (random_scalars(plan.batch) for _ in range(4))
    K, enc_gamma = (aux.own.paillier.encrypt(to_ints(m), aux.table(me)) for m in (k, gamma))
    Y = mul_base(random_scalars(plan.batch))
    # A1 = a G, A2 = k G + a Y; B1 = b G, B2 = gamma G + b Y
    A2, B2 = mul_add_secret(k, a, Y), mul_add_secret(gamma, b, Y)
    message = EncryptMsg(K.c, enc_gamma.c, Y, mul_base(a), A2, mul_base(b), B2)
    x = scale(share.secshare, [plan.weight(me)])
    own = _Own(aux, plan, x, k, gamma, a, b, K.rho, enc_gamma.rho, message)
    proofs = _prove_encryptions(session.header, me, own)
    outgoing = [Outgoing(ENCRYPT, proof, j) for j, proof in proofs.items()]
    return Continue(CollectEncryptions(own), [Outgoing(ENCRYPT, message), *outgoing])


def _plan_for(session: Session, share: KeyShare, aux: AuxInfo) -> PresignPlan:
    try:
        plan = PresignPlan.of(session.header, aux.params)
    except EncodingError as e:
        raise UsageError(f"the session has no plan: {e}") from e
    if (plan.sharing, session.me, aux.me) != (share.sharing, share.party, share.party):
        raise UsageError("the plan is not for this share")
    if any(aux.publics.get(j) != public for j, public in plan.publics.items()):
        raise UsageError("the plan has other auxiliary info")
    return plan


def _prove_encryptions(header: Header, me: PartyId, own: _Own) -> dict[PartyId, EncryptProofMsg]:
    """Prove to each peer that K and G encrypt what A1, A2 and B1, B2 do."""
    aux, Y = own.aux, own.message.Y.xy
    parts = {
        K_PROOF: (about_K(own.message), EncElgWitness(to_ints(own.k), own.rho, own.a, Y)),
        G_PROOF: (about_G(own.message), EncElgWitness(to_ints(own.gamma), own.v, own.b, Y)),
    }

    def prove(task: tuple[PartyId, str]) -> enc_elg.EncElgProofs:
        j, proof = task
        handles = EncElgKeys(aux.own.paillier, aux.pedersen(j), aux.table(me))
        keys = own.plan.proof_keys(aux.params, me, j)
        return enc_elg.prove(domain(header, proof, me, j), keys, handles, *parts[proof])

    done = for_each([(j, proof) for j in own.plan.peers(me) for proof in parts], prove)
    return {j: EncryptProofMsg(aux.params, done[j, K_PROOF], done[j, G_PROOF]) for j in own.plan.peers(me)}


@dataclass(frozen=True, slots=True, eq=False)
class CollectEncryptions(Round[tuple[Presignature, ...]]):
    """Wait for what all signers encrypt."""

    number: ClassVar[int] = ENCRYPT
    own: _Own

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
        multiplier = _Multiplier(header, me, own, messages, Gamma)
        tasks = [(j, proof) for proof in (BY_GAMMA, BY_X) for j in own.plan.peers(me)]
        done = for_each(tasks, multiplier.multiply)
        by_gamma, by_x = (
            tuple(done[j, proof].products for j in own.plan.peers(me)) for proof in (BY_GAMMA, BY_X)
        )
        y = {task: made.y for task, made in done.items()}
        message = MultiplyMsg(own.aux.params, Gamma, psi, by_gamma, by_x)
        return Continue(CollectProducts(own, messages, Gamma, y), [Outgoing(MULTIPLY, message)])

    def _verify(self, inbox: Inbox, messages: Mapping[PartyId, EncryptMsg]) -> None:
        own, session, faults = self.own, inbox.session, inbox.faults()
        proofs, aux = inbox.directs(EncryptProofMsg), self.own.aux

        def bad(task: tuple[PartyId, str]) -> bool:
            j, proof = task
            statement: EncElgStatement = (about_K if proof == K_PROOF else about_G)(messages[j])
            psi = proofs[j].psi0 if proof == K_PROOF else proofs[j].psi1
            verifier = enc_elg.EncElgVerifier(aux.paillier(j), aux.own.pedersen)
            keys = own.plan.proof_keys(aux.params, j, session.me)
            place = domain(session.header, proof, j, session.me)
            return bool(enc_elg.failed(place, keys, verifier, statement, psi))

        for (j, proof), failed in for_each(
            [(j, proof) for j in messages for proof in (K_PROOF, G_PROOF)], bad
        ).items():
            if failed:
                slots = Slot.broadcast(ENCRYPT, j), Slot.direct(ENCRYPT, j, session.me)
                faults.test(j, proof, *slots)
        faults.close()


@dataclass(frozen=True, slots=True, eq=False)
class _Product:
    """What was sent of a product, and the summand y = -beta that stays here."""

    products: Products
    y: SecretInts


@dataclass(frozen=True, slots=True, eq=False)
class _Multiplier:
    """Multiplies the k of peers by the own gamma and key share."""

    header: Header
    me: PartyId
    own: _Own
    messages: Mapping[PartyId, EncryptMsg]
    Gamma: PointVector

    def multiply(self, task: tuple[PartyId, str]) -> _Product:
        """Return D = K_j^x Enc_j(y), F = Enc_i(y) and Pi-aff-g for one peer and one secret."""
        (j, proof), own, aux = task, self.own, self.own.aux
        batch, K = own.plan.batch, self.messages[j].K
        if proof == BY_GAMMA:
            x, X = to_ints(own.gamma), self.Gamma
        else:
            x = to_ints(SecretScalars.concat([own.x] * batch))
            X = key_points(own.plan, self.me)
        y = random_ints(batch, aux.params.ell_prime)
        D = aux.paillier(j).affine(K, x, y, aux.table(j))
        F = aux.own.paillier.encrypt(y, aux.table(self.me))
        handles = AffGKeys(
            aux.own.paillier, aux.paillier(j), aux.pedersen(j), aux.table(self.me), aux.table(j)
        )
        statement = about_products(self.messages[j], D.c, F.c, X)
        witness = AffGWitness(x, y, D.rho, F.rho, K)
        keys = own.plan.proof_keys(aux.params, self.me, j)
        psi = aff_g.prove(domain(self.header, proof, self.me, j), keys, handles, statement, witness)
        return _Product(Products(D.c, F.c, psi), y)


@dataclass(frozen=True, slots=True, eq=False)
class CollectProducts(Round[tuple[Presignature, ...]]):
    """Wait for the products of all signers.

    Args:
        own: from round 1.
        encrypted: the peers' first messages.
        Gamma: the own gamma G.
        y: the summands of the own products, by peer and proof.
    """

    number: ClassVar[int] = MULTIPLY
    own: _Own
    encrypted: Mapping[PartyId, EncryptMsg]
    Gamma: PointVector
    y: Mapping[tuple[PartyId, str], SecretInts]

    def secrets(self) -> tuple[Secret, ...]:
        """Return the secrets of the session."""
        return *self.own.secrets(), *self.y.values()

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
        delta = self._sum(mul(own.gamma, own.k), BY_GAMMA, alpha)
        chi = self._sum(mul(SecretScalars.concat([own.x] * own.plan.batch), own.k), BY_X, alpha)
        Delta, S = mul_secret(own.k, Gamma), mul_secret(chi, Gamma)
        header, me = inbox.session.header, inbox.session.me
        statement = about_Delta(own.message, Delta, Gamma)
        witness = elog.ElogWitness(own.k, own.a)
        psi = elog.prove(domain(header, DELTA_LOG, me), header.digest, statement, witness)
        public = delta.declassify()
        scalars = tuple(Scalar.from_bytes(public[at : at + 32]) for at in range(0, len(public), 32))
        message = RevealMsg(scalars, S, Delta, psi)
        return Continue(CollectReveals(own, self.encrypted, Gamma, chi, message), [Outgoing(REVEAL, message)])

    def _sum(
        self, own: SecretScalars, proof: str, alpha: Mapping[tuple[PartyId, str], SecretInts]
    ) -> SecretScalars:
        for j in self.encrypted:
            own = add(own, sub(from_ints(alpha[j, proof]), from_ints(self.y[j, proof])))
        return own

    def _decrypt(
        self, inbox: Inbox, messages: Mapping[PartyId, MultiplyMsg]
    ) -> dict[tuple[PartyId, str], SecretInts]:
        """Return the plaintexts of all D that were sent to this signer, after all proofs are verified."""
        verifier = _ProductVerifier(inbox.session, self.own, messages)
        done = for_each([(j, proof) for j in messages for proof in (BY_GAMMA, BY_X)], verifier.open)
        logs = for_each(messages, lambda j: verifier.Gamma_holds(j, self.encrypted[j]))
        faults, me = inbox.faults(), inbox.session.me
        for j, holds in logs.items():
            if not holds:
                faults.test(j, GAMMA_LOG, Slot.broadcast(ENCRYPT, j), Slot.broadcast(MULTIPLY, j))
        for (j, proof), plaintexts in done.items():
            if plaintexts is None:
                faults.test(j, proof, Slot.broadcast(ENCRYPT, me), Slot.broadcast(MULTIPLY, j))
        faults.close()
        return {task: plaintexts for task, plaintexts in done.items() if plaintexts is not None}


@dataclass(frozen=True, slots=True, eq=False)
class _ProductVerifier:
    """Verifies what peers multiplied for this signer."""

    session: Session
    own: _Own
    messages: Mapping[PartyId, MultiplyMsg]

    def Gamma_holds(self, j: PartyId, encrypted: EncryptMsg) -> bool:
        """Tell whether a peer's Pi-elog about Gamma holds."""
        header, message = self.session.header, self.messages[j]
        statement = about_Gamma(encrypted, message.Gamma)
        return not elog.failed(domain(header, GAMMA_LOG, j), header.digest, statement, message.psi)

    def open(self, task: tuple[PartyId, str]) -> SecretInts | None:
        """Return the plaintexts of a peer's D, or None if a proof about them does not hold."""
        (j, proof), own, aux, me = task, self.own, self.own.aux, self.session.me
        at = own.plan.peers(j).index(me)
        message = self.messages[j]
        products = (message.by_gamma if proof == BY_GAMMA else message.by_x)[at]
        if aux.own.paillier.public.check(products.D):
            return None
        X = message.Gamma if proof == BY_GAMMA else key_points(own.plan, j)
        d = aux.own.paillier.decrypt(products.D)
        verifier = aff_g.AffGVerifier(aux.paillier(j), aux.own.paillier, aux.own.pedersen, to_ints(own.k), d)
        statement = about_products(own.message, products.D, products.F, X)
        keys = own.plan.proof_keys(aux.params, j, me)
        place = domain(self.session.header, proof, j, me)
        return None if aff_g.failed(place, keys, verifier, statement, products.psi) else d


@dataclass(frozen=True, slots=True, eq=False)
class CollectReveals(Round[tuple[Presignature, ...]]):
    """Wait for the parts of all sums.

    Args:
        own: from round 1.
        encrypted: the peers' first messages.
        Gamma: the nonce points.
        chi: the own parts of k x.
        message: what this signer reveals.
    """

    number: ClassVar[int] = REVEAL
    own: _Own
    encrypted: Mapping[PartyId, EncryptMsg]
    Gamma: PointVector
    chi: SecretScalars
    message: RevealMsg

    def secrets(self) -> tuple[Secret, ...]:
        """Return the secrets of the session."""
        return *self.own.secrets(), self.chi

    def finish(self, inbox: Inbox) -> Done[tuple[Presignature, ...]]:
        """Verify the parts, check the sums, and normalise.

        Raises:
            FaultyPartyError: names whose proof does not hold.
            UnattributedAbort: the proofs hold but a sum does not: some delta or S is wrong.
        """
        messages, session = inbox.broadcasts(RevealMsg), inbox.session
        self._verify(inbox, messages)
        everybody = dict(sorted({**messages, session.me: self.message}.items()))
        delta = [sum((m.delta[b] for m in everybody.values()), Scalar(0)) for b in range(self.own.plan.batch)]
        self._check_sums(everybody, delta)
        return Done(self._normalise(session, everybody, delta))

    def _verify(self, inbox: Inbox, messages: Mapping[PartyId, RevealMsg]) -> None:
        header, faults = inbox.session.header, inbox.faults()
        for j, message in messages.items():
            statement = about_Delta(self.encrypted[j], message.Delta, self.Gamma)
            if elog.failed(domain(header, DELTA_LOG, j), header.digest, statement, message.psi):
                sums = [Slot.broadcast(MULTIPLY, party) for party in header.parties]
                faults.test(j, DELTA_LOG, Slot.broadcast(ENCRYPT, j), Slot.broadcast(REVEAL, j), *sums)
        faults.close()

    def _check_sums(self, messages: Mapping[PartyId, RevealMsg], delta: list[Scalar]) -> None:
        """Check delta != 0, delta G = sum Delta_j and delta X = sum S_j for each presignature."""
        if not all(delta):
            raise UnattributedAbort("delta")
        if mul_each(delta, [G]) != sum_vectors([message.Delta for message in messages.values()]):
            raise UnattributedAbort("delta")
        if mul_each(delta, [self.own.plan.sharing.key]) != sum_vectors([m.S for m in messages.values()]):
            raise UnattributedAbort("chi")

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


SPEC: Final = presign_spec(SECURITY_128)
