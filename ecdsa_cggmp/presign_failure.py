"""When a sum of presigning is wrong though all proofs hold (CGGMP24, figure 9): each signer defends its part.

Somebody's delta_i or S_i is not what its own view decrypts to. Every signer proves that its is (Pi-dec), and
that D and F of its products hide one x and one y (Pi-aff-g*); who cannot is convicted. Both proofs hold for
everybody: those of round 2 convince only the owner of the ring-Pedersen parameters, and who lies may be its
friend.

About the sign: F encrypts y = -beta here, as D does, so delta_i is the plaintext of

    gamma_i (.) K_i (+) sum_l (D_i,l (-) F_l,i).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.parallel import for_each
from ecdsa_cggmp.params import Params
from ecdsa_cggmp.presign_messages import (
    DEFEND,
    ENCRYPT,
    MULTIPLY,
    REVEAL,
    DefenceMsg,
    EncryptMsg,
    MultiplyMsg,
    PresignPlan,
    Products,
    RevealMsg,
)
from ecdsa_cggmp.presign_own import Own
from ecdsa_cggmp.presign_proofs import Product
from ecdsa_cggmp.zk import aff_g_star, dec
from ecdsa_cggmp.zk.aff_g_star import AffGStarKeys, AffGStarProof, AffGStarStatement, AffGStarWitness
from ecdsa_cggmp.zk.dec import DecProof, DecStatement
from native.curve import G, Point, Scalar, mul_each, sum_points, sum_vectors
from native.secret_scalar import to_ints
from protocol.header import Header
from protocol.ids import EVERYBODY, PartyId
from protocol.transcript import Domain

M = TypeVar("M")

DELTA: Final = "delta"
CHI: Final = "chi"


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong.

    Args:
        sum: DELTA if delta G is not the sum of all Delta_j, else CHI: delta X is not the sum of all S_j.
        index: of the first presignature of the batch for which it is so.
    """

    sum: str
    index: int


def find_failure(key: Point, revealed: Sequence[RevealMsg]) -> Failure | None:
    """Compare the sums of a batch; None if all are right.

    Args:
        key: X.
        revealed: the third messages of all signers.
    """
    batch = range(len(revealed[0].delta))
    delta = [sum((message.delta[b] for message in revealed), Scalar(0)) for b in batch]
    sums = {
        # delta G = sum Delta_j
        DELTA: (mul_each(delta, [G]), sum_vectors([message.Delta for message in revealed])),
        # delta X = sum S_j
        CHI: (mul_each(delta, [key]), sum_vectors([message.S for message in revealed])),
    }
    for name, (left, right) in sums.items():
        for b in batch:
            if left[b] != right[b]:
                return Failure(name, b)
    return None


class Messages(Protocol):
    """Where the broadcasts of a session are."""

    def __call__(self, cls: type[M], number: int, sender: PartyId) -> M:
        """Return the broadcast of a round and sender."""


@dataclass(frozen=True, slots=True)
class View:
    """What one signer said and received, from which the statements of its defence follow.

    Args:
        header: the session.
        plan: what it makes.
        params: the level.
        party: the signer.
        encrypted: the first messages of all signers.
        multiplied: their second messages.
        revealed: their third messages.
    """

    header: Header
    plan: PresignPlan
    params: Params
    party: PartyId
    encrypted: Mapping[PartyId, EncryptMsg]
    multiplied: Mapping[PartyId, MultiplyMsg]
    revealed: Mapping[PartyId, RevealMsg]

    @classmethod
    def of(
        cls,
        header: Header,
        params: Params,
        party: PartyId,
        messages: Messages,
    ) -> "View":
        """Collect the messages of all signers."""
        plan = PresignPlan.of(header, params)
        encrypted = {j: messages(EncryptMsg, ENCRYPT, j) for j in plan.signers}
        multiplied = {j: messages(MultiplyMsg, MULTIPLY, j) for j in plan.signers}
        revealed = {j: messages(RevealMsg, REVEAL, j) for j in plan.signers}
        return cls(header, plan, params, party, encrypted, multiplied, revealed)

    @property
    def failure(self) -> Failure | None:
        """What is wrong in this view."""
        return find_failure(self.plan.sharing.key, list(self.revealed.values()))

    def domain(self, proof: str, failure: Failure, verifier: PartyId = EVERYBODY) -> Domain:
        """Return where a proof of the defence belongs."""
        place = f"{proof} {failure.sum}"
        return Domain(self.header, DEFEND, self.party, place, verifier, failure.index)

    def dec_statement(self, failure: Failure) -> DecStatement:
        """Return that delta_i, or the chi_i of S_i = chi_i Gamma, is the plaintext of the signer's view.

        Raises:
            ValueError: an F of the signer has no inverse.
        """
        i, b, square = self.party, failure.index, int.from_bytes(self.plan.publics[self.party].N, "big") ** 2
        product, at = 1, self.place(failure)
        for j in self.plan.peers(i):
            # D_i,j under N_i, which j made for i, and F_j,i, which i made for j
            D = int.from_bytes(self._item(self._products(j, i).D, at), "big")
            F = int.from_bytes(self._item(self._products(i, j).F, at), "big")
            product = product * D * pow(F, -1, square) % square
        size = self.params.ciphertext_bytes
        K, M = self._item(self.encrypted[i].K, b), product.to_bytes(size, "big")
        revealed = self.revealed[i]
        if failure.sum == DELTA:
            return DecStatement(K, M, self._X(failure), G * revealed.delta[b], G)
        Gamma = sum_points([message.Gamma[b] for message in self.multiplied.values()])
        return DecStatement(K, M, self._X(failure), revealed.S[b], Gamma)

    def aff_g_star_statement(self, failure: Failure, j: PartyId) -> AffGStarStatement:
        """Return that the signer's product for a peer comes from one x and one y."""
        products, at = self._products(self.party, j), self.place(failure)
        C, D, F = (
            self._item(self.encrypted[j].K, failure.index),
            *(self._item(c, at) for c in (products.D, products.F)),
        )
        return AffGStarStatement(C, D, F, self._X(failure))

    def _X(self, failure: Failure) -> Point:
        if failure.sum == DELTA:
            return self.multiplied[self.party].Gamma[failure.index]
        return self.plan.public_summand(self.party)

    def _products(self, maker: PartyId, verifier: PartyId) -> Products:
        return self.multiplied[maker].products[self.plan.peers(maker).index(verifier)]

    def place(self, failure: Failure) -> int:
        """Return the index of the products of a sum: those by gamma come first."""
        return self.plan.half(0 if failure.sum == DELTA else 1)[failure.index]

    def _item(self, column: bytes, b: int) -> bytes:
        size = self.params.ciphertext_bytes
        return column[b * size : (b + 1) * size]

    def dec_holds(self, failure: Failure, proof: DecProof) -> bool:
        """Tell whether the signer's Pi-dec holds."""
        try:
            statement = self.dec_statement(failure)
        except ValueError:  # it has shown that its F are units to nobody
            return False
        keys = self.plan.proof_keys(self.params, self.party, self.party)
        return dec.holds(self.domain("dec", failure), keys, statement, proof)

    def aff_g_star_holds(self, failure: Failure, j: PartyId, proof: AffGStarProof) -> bool:
        """Tell whether the signer's Pi-aff-g* about its product for a peer holds."""
        keys = self.plan.proof_keys(self.params, self.party, j)
        statement = self.aff_g_star_statement(failure, j)
        return aff_g_star.holds(self.domain("aff-g*", failure, j), keys, statement, proof)


@dataclass(frozen=True, slots=True, eq=False)
class Defender:
    """Proves that the own part of a wrong sum is right.

    Args:
        view: the own one.
        own: from round 1.
        made: the own products, with their secrets.
    """

    view: View
    own: Own
    made: Mapping[PartyId, Product]

    def defend(self, failure: Failure) -> DefenceMsg:
        """Return the proofs, which do not hold if the own part is wrong.

        Raises:
            NativeError: of the proofs.
        """
        view = self.view

        def prove(j: PartyId | None) -> DecProof | AffGStarProof:
            return self._dec(failure) if j is None else self._aff_g_star(failure, j)

        peers = view.plan.peers(view.party)
        proofs = for_each([None, *peers], prove).values()
        decs = [proof for proof in proofs if isinstance(proof, DecProof)]
        return DefenceMsg(decs[0], tuple(proof for proof in proofs if isinstance(proof, AffGStarProof)))

    def _dec(self, failure: Failure) -> DecProof:
        view, aux = self.view, self._aux
        keys = view.plan.proof_keys(aux.params, view.party, view.party)
        secret = self.own.gamma.slice(failure.index, 1) if failure.sum == DELTA else self.own.x
        with to_ints(secret) as x:
            place, statement = view.domain("dec", failure), view.dec_statement(failure)
            return dec.prove(place, keys, aux.own.paillier, statement, x)

    def _aff_g_star(self, failure: Failure, j: PartyId) -> AffGStarProof:
        view, aux, made, at = self.view, self._aux, self.made[j], self.view.place(failure)
        keys = view.plan.proof_keys(aux.params, view.party, j)
        secret = self.own.gamma.slice(failure.index, 1) if failure.sum == DELTA else self.own.x
        with (
            to_ints(secret) as x,
            made.y.slice(at, 1) as y,
            made.rho.slice(at, 1) as rho,
            made.rho_y.slice(at, 1) as rho_y,
        ):
            handles = AffGStarKeys(aux.paillier(view.party), aux.paillier(j), aux.table(j))
            place, statement = view.domain("aff-g*", failure, j), view.aff_g_star_statement(failure, j)
            return aff_g_star.prove(place, keys, handles, statement, AffGStarWitness(x, y, rho, rho_y))

    @property
    def _aux(self) -> AuxInfo:
        return self.own.aux
