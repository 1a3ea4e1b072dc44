"""The encryptions of round 1 and the products of round 2 of presigning: proved to a peer, and verified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ecdsa_cggmp.columns import cut, cut_column, join
from ecdsa_cggmp.parallel import for_parts
from ecdsa_cggmp.presign_messages import EncryptMsg, EncryptProofMsg, MultiplyMsg, Products
from ecdsa_cggmp.presign_own import Own
from ecdsa_cggmp.presign_statements import (
    AFF_G,
    ENC_ELG,
    GAMMA_LOG,
    about_encryptions,
    about_Gamma,
    domain,
    logarithms,
)
from ecdsa_cggmp.zk import aff_g, elog, enc_elg
from native.curve import PointVector
from native.integer import random_ints
from native.range_proof import AffGKeys, AffGStatement, AffGWitness, EncElgKeys, EncElgWitness
from native.secret import Secret, SecretInts, SecretResidues, SecretScalars
from native.secret_scalar import to_ints
from protocol.header import Header
from protocol.ids import PartyId
from protocol.session import Session

P = TypeVar("P", enc_elg.EncElgProofs, aff_g.AffGProofs)


def _cut(proofs: P, part: range) -> P:
    commitment = cut(proofs.commitment, proofs.count, part)
    return type(proofs)(len(part), commitment, cut(proofs.response, proofs.count, part))


def _join(pieces: Sequence[P]) -> P:
    commitment = join([piece.commitment for piece in pieces])
    response = join([piece.response for piece in pieces])
    return type(pieces[0])(sum(piece.count for piece in pieces), commitment, response)


def prove_encryptions(header: Header, me: PartyId, own: Own) -> dict[PartyId, EncryptProofMsg]:
    """Prove to each peer that K and G encrypt what A1, A2 and B1, B2 do."""
    aux, count, statement = own.aux, 2 * own.plan.batch, about_encryptions(own.message)
    x, b = to_ints(SecretScalars.concat([own.k, own.gamma])), SecretScalars.concat([own.a, own.b])

    def prove(j: PartyId, part: range) -> enc_elg.EncElgProofs:
        at = part.start, len(part)
        A = cut_column(statement.A, count, part)
        witness = EncElgWitness(x.slice(*at), own.rho.slice(*at), b.slice(*at), A)
        handles = EncElgKeys(aux.own.paillier, aux.pedersen(j), aux.table(me))
        keys = own.plan.proof_keys(aux.params, me, j)
        place = domain(header, ENC_ELG, me, j, part.start)
        return enc_elg.prove(place, keys, handles, cut(statement, count, part), witness)

    done = for_parts(own.plan.peers(me), count, prove)
    return {j: EncryptProofMsg(aux.params, _join(pieces)) for j, pieces in done.items()}


def failed_encryptions(
    session: Session,
    own: Own,
    messages: Mapping[PartyId, EncryptMsg],
    proofs: Mapping[PartyId, EncryptProofMsg],
) -> dict[PartyId, list[int]]:
    """Return, for each peer, indices of proofs to this signer that do not hold, if there are any."""
    aux, count, me = own.aux, 2 * own.plan.batch, session.me

    def failed(j: PartyId, part: range) -> list[int]:
        statement = cut(about_encryptions(messages[j]), count, part)
        verifier = enc_elg.EncElgVerifier(aux.paillier(j), aux.own.pedersen)
        keys = own.plan.proof_keys(aux.params, j, me)
        place = domain(session.header, ENC_ELG, j, me, part.start)
        bad = enc_elg.failed(place, keys, verifier, statement, _cut(proofs[j].psi, part))
        return [part.start + k for k in bad]

    done = for_parts(own.plan.peers(me), count, failed)
    return {j: [k for found in pieces for k in found] for j, pieces in done.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """What was sent of products, and what stays here until the sums are right.

    Args:
        products: D, F and Pi-aff-g.
        y: the summands -beta.
        rho, rho_y: the units of D and F, which a defence takes.
    """

    products: Products
    y: SecretInts
    rho: SecretResidues
    rho_y: SecretResidues

    def secrets(self) -> tuple[Secret, ...]:
        """Return what belongs to this session alone."""
        return self.y, self.rho, self.rho_y


@dataclass(frozen=True, slots=True, eq=False)
class Multiplier:
    """Multiplies the k of peers by the own gamma and key share."""

    header: Header
    me: PartyId
    own: Own
    messages: Mapping[PartyId, EncryptMsg]
    Gamma: PointVector

    def multiply(self) -> dict[PartyId, Product]:
        """Return D = K_j^x Enc_j(y), F = Enc_i(y) and Pi-aff-g for each peer."""
        own, peers = self.own, self.own.plan.peers(self.me)
        x = to_ints(SecretScalars.concat([own.gamma, *[own.x] * own.plan.batch]))
        done = for_parts(peers, x.count, lambda j, part: self._multiply(j, part, x))
        return {j: self._whole(pieces) for j, pieces in done.items()}

    def _multiply(self, j: PartyId, part: range, all_x: SecretInts) -> Product:
        own, aux, me, count = self.own, self.own.aux, self.me, all_x.count
        X = cut_column(logarithms(own.plan, me, self.Gamma), count, part)
        K, x = cut_column(self.messages[j].K * 2, count, part), all_x.slice(part.start, len(part))
        y = random_ints(len(part), aux.params.ell_prime)
        D = aux.paillier(j).affine(K, x, y, aux.table(j))
        F = aux.own.paillier.encrypt(y, aux.table(me))
        handles = AffGKeys(aux.own.paillier, aux.paillier(j), aux.pedersen(j), aux.table(me), aux.table(j))
        keys, place = own.plan.proof_keys(aux.params, me, j), domain(self.header, AFF_G, me, j, part.start)
        witness = AffGWitness(x, y, D.rho, F.rho, K)
        psi = aff_g.prove(place, keys, handles, AffGStatement(K, D.c, F.c, X), witness)
        return Product(Products(D.c, F.c, psi), y, D.rho, F.rho)

    @staticmethod
    def _whole(pieces: Sequence[Product]) -> Product:
        sent = [piece.products for piece in pieces]
        D, F = (b"".join(column) for column in zip(*((item.D, item.F) for item in sent), strict=True))
        psi = _join([item.psi for item in sent])
        rho = SecretResidues.concat([piece.rho for piece in pieces])
        rho_y = SecretResidues.concat([piece.rho_y for piece in pieces])
        return Product(Products(D, F, psi), SecretInts.concat([piece.y for piece in pieces]), rho, rho_y)


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What came of the products of a peer.

    Args:
        bad: indices of products whose proofs do not hold, if there are any.
        alpha: the plaintexts of all D, if all proofs hold.
    """

    bad: tuple[int, ...]
    alpha: SecretInts | None


@dataclass(frozen=True, slots=True, eq=False)
class ProductVerifier:
    """Verifies what peers multiplied for this signer."""

    session: Session
    own: Own
    messages: Mapping[PartyId, MultiplyMsg]

    def Gamma_holds(self, j: PartyId, encrypted: EncryptMsg) -> bool:
        """Tell whether a peer's Pi-elog about Gamma holds."""
        header, message = self.session.header, self.messages[j]
        statement = about_Gamma(encrypted, message.Gamma)
        return not elog.failed(domain(header, GAMMA_LOG, j), header.digest, statement, message.psi)

    def open(self) -> dict[PartyId, Opened]:
        """Verify and decrypt the products of all peers."""
        k = to_ints(SecretScalars.concat([self.own.k, self.own.k]))
        peers = self.own.plan.peers(self.session.me)
        done = for_parts(peers, k.count, lambda j, part: self._open(j, part, k))
        return {j: self._whole(pieces) for j, pieces in done.items()}

    def _open(self, j: PartyId, part: range, all_k: SecretInts) -> Opened:
        own, aux, me, count = self.own, self.own.aux, self.session.me, all_k.count
        message, key = self.messages[j], self.own.aux.own.paillier
        products = message.products[own.plan.peers(j).index(me)]
        K, D, F, X = (
            cut_column(column, count, part)
            for column in (
                own.message.K * 2,
                products.D,
                products.F,
                logarithms(own.plan, j, message.Gamma),
            )
        )
        if malformed := key.public.check(D):
            return Opened(tuple(part.start + at for at in malformed), None)
        k, d = all_k.slice(part.start, len(part)), key.decrypt(D)
        verifier = aff_g.AffGVerifier(aux.paillier(j), key, aux.own.pedersen, k, d)
        keys = own.plan.proof_keys(aux.params, j, me)
        place = domain(self.session.header, AFF_G, j, me, part.start)
        bad = aff_g.failed(place, keys, verifier, AffGStatement(K, D, F, X), _cut(products.psi, part))
        return Opened(tuple(part.start + at for at in bad), None if bad else d)

    @staticmethod
    def _whole(pieces: Sequence[Opened]) -> Opened:
        alpha = [piece.alpha for piece in pieces if piece.alpha is not None]
        bad = tuple(at for piece in pieces for at in piece.bad)
        return Opened(bad, None if bad else SecretInts.concat(alpha))
