"""Valid proofs of Pi-enc-elg, Pi-aff-g and Pi-elog in one form, and ways to break a single item of them.

Party 0 proves to party 1; party 2 is somebody else.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.zk import aff_g, elog, enc_elg
from ecdsa_cggmp.zk.keys import ProofKeys
from ecdsa_cggmp.zk.wire import Layout
from native.columns import take
from native.curve import G, Point, mul_add_secret, mul_base, mul_secret
from native.integer import random_ints
from native.range_proof import (
    AffGKeys,
    AffGStatement,
    AffGWitness,
    EncElgKeys,
    EncElgStatement,
    EncElgWitness,
)
from native.secret_scalar import random_scalars, to_ints
from protocol.codec import Reader, Writer
from protocol.header import Header
from protocol.ids import PartyId, SessionId
from protocol.transcript import Domain
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos

COUNT = 3
PROVER, VERIFIER, OTHER = PartyId(0), PartyId(1), PartyId(2)
HEADER = Header("proofs", 1, SessionId(bytes(32)), bytes(32), (PROVER, VERIFIER, OTHER))
DOMAIN = Domain(HEADER, 1, PROVER, "proof", VERIFIER, 5)

OTHER_DOMAINS = {
    "session": replace(DOMAIN, header=replace(HEADER, session=SessionId(bytes(31) + b"\x01"))),
    "protocol": replace(DOMAIN, header=replace(HEADER, protocol="other proofs")),
    "round": replace(DOMAIN, round=2),
    "prover": replace(DOMAIN, prover=OTHER),
    "verifier": replace(DOMAIN, verifier=OTHER),
    "proof": replace(DOMAIN, proof="other"),
    "instance": replace(DOMAIN, instance=4),
}


def infos() -> tuple[AuxInfo, ...]:
    return aux_infos(3)


def proof_keys() -> ProofKeys:
    return infos()[0].proof_keys(PROVER, VERIFIER)


@dataclass(frozen=True, eq=False)
class Case:
    """COUNT proofs of one kind, as their verifier holds them.

    Args:
        statement: its columns.
        proofs: the proofs.
        layouts: of statement, commitment and response.
        batch: domain, context, statement, proofs to the indices of bad ones.
        single: the same and an index to whether one holds strictly.
        challenge: domain, context, statement, commitment, count to challenges.
        read: reads so many proofs.
        context: ProofKeys, or bytes for Pi-elog.
    """

    statement: Any
    proofs: Any
    layouts: tuple[Layout, Layout, Layout]
    batch: Callable[[Domain, Any, Any, Any], tuple[int, ...]]
    single: Callable[[Domain, Any, Any, Any, int], bool]
    challenge: Callable[[Domain, Any, Any, Any, int], bytes]
    read: Callable[[Reader, int], Any]
    write: Callable[[Any, Writer], None]
    size: Callable[[int], int]
    context: Any
    count: int = field(default=COUNT)

    def bad(
        self, domain: Domain = DOMAIN, tried: Iterable[int] | None = None
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The proofs that the batch finds, and those of the ones tried that fail strictly."""
        args = (domain, self.context, self.statement, self.proofs)
        indices = range(self.count) if tried is None else tried
        strict = tuple(k for k in indices if not self.single(*args, k))
        return self.batch(*args), strict

    def part_of(self, name: str) -> tuple[str, Any]:
        for part, columns in (
            ("statement", self.statement),
            ("commitment", self.proofs.commitment),
            ("response", self.proofs.response),
        ):
            if hasattr(columns, name):
                return part, columns
        raise KeyError(name)

    def item(self, name: str, k: int) -> bytes:
        column: bytes = getattr(self.part_of(name)[1], name)
        width = len(column) // self.count
        return column[k * width : (k + 1) * width]

    def with_item(self, name: str, k: int, item: bytes) -> "Case":
        part, columns = self.part_of(name)
        column = getattr(columns, name)
        width = len(column) // self.count
        assert len(item) == width
        changed = replace(columns, **{name: column[: k * width] + item + column[(k + 1) * width :]})
        if part == "statement":
            return replace(self, statement=changed)
        return replace(self, proofs=replace(self.proofs, **{part: changed}))

    def broken(self, name: str, k: int) -> "Case":
        """Another item of the same form: a point plus G, a number with its last bit flipped."""
        item = self.item(name, k)
        if self.is_point(name):
            return self.with_item(name, k, (Point(item) + G).xy)
        return self.with_item(name, k, item[:-1] + bytes([item[-1] ^ 1]))

    def is_point(self, name: str) -> bool:
        return any(layout[name].is_point for layout in self.layouts if name in layout)

    def encoded(self) -> bytes:
        writer = Writer()
        self.write(self.proofs, writer)
        return bytes(writer)

    def one(self, k: int) -> "Case":
        """The k-th of the proofs by itself."""
        commitment, response = (
            take(part, k, self.count) for part in (self.proofs.commitment, self.proofs.response)
        )
        return replace(
            self,
            statement=take(self.statement, k, self.count),
            proofs=type(self.proofs)(1, commitment, response),
            count=1,
        )


def names(part: int, case: Case) -> list[str]:
    """The columns of a part: 0 statement, 1 commitment, 2 response."""
    return list(case.layouts[part])


def names_of(columns: Any) -> list[str]:
    return [item.name for item in fields(columns)]


# Pi-enc-elg


@dataclass(frozen=True, eq=False)
class EncElgGiven:
    statement: EncElgStatement
    witness: EncElgWitness
    handles: EncElgKeys


def enc_elg_given(count: int = COUNT) -> EncElgGiven:
    own = infos()[PROVER].own.paillier
    k, b = random_scalars(count), random_scalars(count)
    x, A = to_ints(k), mul_base(random_scalars(count))
    C = own.encrypt(x)
    statement = EncElgStatement(C.c, A.xy, mul_base(b).xy, mul_add_secret(k, b, A).xy)
    handles = EncElgKeys(own, infos()[PROVER].pedersen(VERIFIER))
    return EncElgGiven(statement, EncElgWitness(x, C.rho, b, A.xy), handles)


def enc_elg_verifier() -> enc_elg.EncElgVerifier:
    verifier = infos()[VERIFIER]
    return enc_elg.EncElgVerifier(verifier.paillier(PROVER), verifier.own.pedersen)


@cache
def enc_elg_case(count: int = COUNT) -> Case:
    given = enc_elg_given(count)
    proofs = enc_elg.prove(DOMAIN, proof_keys(), given.handles, given.statement, given.witness)
    return Case(
        given.statement,
        proofs,
        (enc_elg._statement(TINY), enc_elg._commitment(TINY), enc_elg._response(TINY)),
        lambda domain, keys, statement, made: enc_elg.failed(
            domain, keys, enc_elg_verifier(), statement, made
        ),
        enc_elg.holds,
        enc_elg._challenges,
        lambda reader, n: enc_elg.EncElgProofs.read(reader, TINY, n),
        lambda made, writer: made.write(writer, TINY),
        lambda n: enc_elg.EncElgProofs.size(TINY, n),
        proof_keys(),
        count,
    )


# Pi-aff-g


@dataclass(frozen=True, eq=False)
class AffGGiven:
    statement: AffGStatement
    witness: AffGWitness
    handles: AffGKeys


def aff_g_given(count: int = COUNT) -> AffGGiven:
    prover, verifier = infos()[PROVER], infos()[VERIFIER]
    k = to_ints(random_scalars(count))
    C = verifier.own.paillier.encrypt(k)
    gamma, y = random_scalars(count), random_ints(count, TINY.ell_prime)
    x = to_ints(gamma)
    D, Y = prover.paillier(VERIFIER).affine(C.c, x, y), prover.own.paillier.encrypt(y)
    statement = AffGStatement(C.c, D.c, Y.c, mul_base(gamma).xy)
    handles = AffGKeys(prover.own.paillier, prover.paillier(VERIFIER), prover.pedersen(VERIFIER))
    return AffGGiven(statement, AffGWitness(x, y, D.rho, Y.rho, C.c), handles)


def aff_g_failed(domain: Domain, keys: ProofKeys, statement: AffGStatement, made: Any) -> tuple[int, ...]:
    """What a verifier in presigning does: it decrypts what is a ciphertext only, and knows all plaintexts."""
    info = infos()[VERIFIER]
    own = info.own
    refused = own.paillier.public.check(statement.D) or own.paillier.public.check(statement.C)
    if refused:
        return refused
    k, d = own.paillier.decrypt(statement.C), own.paillier.decrypt(statement.D)
    verifier = aff_g.AffGVerifier(info.paillier(PROVER), own.paillier, own.pedersen, k, d)
    return aff_g.failed(domain, keys, verifier, statement, made)


@cache
def aff_g_case(count: int = COUNT) -> Case:
    given = aff_g_given(count)
    proofs = aff_g.prove(DOMAIN, proof_keys(), given.handles, given.statement, given.witness)

    return Case(
        given.statement,
        proofs,
        (aff_g._statement(TINY), aff_g._commitment(TINY), aff_g._response(TINY)),
        aff_g_failed,
        aff_g.holds,
        aff_g._challenges,
        lambda reader, n: aff_g.AffGProofs.read(reader, TINY, n),
        lambda made, writer: made.write(writer, TINY),
        lambda n: aff_g.AffGProofs.size(TINY, n),
        proof_keys(),
        count,
    )


# Pi-elog


@cache
def elog_case(count: int = COUNT) -> Case:
    lambda_, y = random_scalars(count), random_scalars(count)
    X, H = mul_base(random_scalars(count)), mul_base(random_scalars(count))
    M, Y = mul_add_secret(y, lambda_, X), mul_secret(y, H)
    statement = elog.ElogStatement(mul_base(lambda_).xy, M.xy, X.xy, Y.xy, H.xy)
    context = bytes(range(32))
    proofs = elog.prove(DOMAIN, context, statement, elog.ElogWitness(y, lambda_))
    return Case(
        statement,
        proofs,
        (elog._STATEMENT, elog._COMMITMENT, elog._RESPONSE),
        elog.failed,
        elog.holds,
        elog._challenges,
        elog.ElogProofs.read,
        lambda made, writer: made.write(writer),
        elog.ElogProofs.size,
        context,
        count,
    )


CASES = {"enc_elg": enc_elg_case, "aff_g": aff_g_case, "elog": elog_case}
