"""The encryptions of round 1 and the products of round 2 of presigning: proved to a peer, and verified."""

from collections.abc import Mapping
from dataclasses import dataclass

from ecdsa_cggmp.parallel import for_each
from ecdsa_cggmp.presign_messages import EncryptMsg, EncryptProofMsg, MultiplyMsg, Products
from ecdsa_cggmp.presign_own import Own
from ecdsa_cggmp.presign_statements import (
    BY_GAMMA,
    G_PROOF,
    GAMMA_LOG,
    K_PROOF,
    about_G,
    about_Gamma,
    about_K,
    about_products,
    domain,
    key_points,
)
from ecdsa_cggmp.zk import aff_g, elog, enc_elg
from native.curve import PointVector
from native.integer import random_ints
from native.range_proof import AffGKeys, AffGWitness, EncElgKeys, EncElgWitness
from native.secret import SecretInts, SecretScalars
from native.secret_scalar import to_ints
from protocol.header import Header
from protocol.ids import PartyId
from protocol.session import Session


def prove_encryptions(header: Header, me: PartyId, own: Own) -> dict[PartyId, EncryptProofMsg]:
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
class Product:
    """What was sent of a product, and the summand y = -beta that stays here."""

    products: Products
    y: SecretInts


@dataclass(frozen=True, slots=True, eq=False)
class Multiplier:
    """Multiplies the k of peers by the own gamma and key share."""

    header: Header
    me: PartyId
    own: Own
    messages: Mapping[PartyId, EncryptMsg]
    Gamma: PointVector

    def multiply(self, task: tuple[PartyId, str]) -> Product:
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
        return Product(Products(D.c, F.c, psi), y)


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
