"""What a resharing session is for: whose shares move where (Desmedt-Jajodia 1997, Wong-Wang-Wing 2002)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from native.curve import Point, Scalar, multi_mul
from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.header import PARAMS_LIMIT, Header
from protocol.ids import MAX_PARTIES, Epoch, PartyId, party_id, party_ids
from protocol.vss import expect_threshold, weights

CONTEXT_SIZE: Final = 32
_EPOCH_SIZE: Final = 8
_NOBODY: Final = 0xFF  # stands for a PartyId that is not there
_ZERO: Final = Scalar(0)


@dataclass(frozen=True, slots=True)
class Sharing:
    """The public side of a shared secret.

    The caller vouches that the public shares lie on one polynomial.

    Args:
        key: the secret times G.
        t: how many shares determine the secret.
        pubshares: public share of each holder 0..n-1.
        epoch: which shares of the secret these are; shares of two epochs do not fit together.

    Raises:
        UsageError: a value is out of range, or a point is infinity.
    """

    key: Point
    t: int
    pubshares: tuple[Point, ...]
    epoch: Epoch

    def __post_init__(self) -> None:
        expect_threshold(self.t, self.n)
        expect_epoch(self.epoch)
        if any(point.is_infinity for point in (self.key, *self.pubshares)):
            raise UsageError("the key or a public share is infinity")

    @property
    def n(self) -> int:
        """Number of holders."""
        return len(self.pubshares)

    def __bytes__(self) -> bytes:
        """Return 43 + 33 n bytes."""
        writer = Writer().unsigned(self.n, 1).unsigned(self.t, 1).unsigned(self.epoch, _EPOCH_SIZE)
        return bytes(writer.point(self.key).points(self.pubshares))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read the public side of a shared secret.

        Raises:
            EncodingError: it is not the encoding of one.
        """
        n, t = reader.unsigned("holders", 1), reader.unsigned("threshold", 1)
        epoch, key = Epoch(reader.unsigned("epoch", _EPOCH_SIZE)), reader.point("key")
        pubshares = tuple(reader.points("public share", n))
        try:
            return cls(key, t, pubshares, epoch)
        except UsageError as e:
            raise EncodingError("threshold", str(e)) from e


def expect_epoch(epoch: int) -> None:
    """Check that an epoch is an int in 0..2^64-1.

    Raises:
        UsageError: it is not.
    """
    if type(epoch) is not int or not 0 <= epoch < 1 << 8 * _EPOCH_SIZE:
        raise UsageError("an epoch is an integer in 0..2^64-1")


@dataclass(frozen=True, slots=True)
class Plan:
    """The public parameters of a session, on which all of its parties sign.

    In the session's roster the holders of the old shares come first, in their order, then the newcomers.

    Args:
        old: the shares that there are.
        quorum: at least old.t holders who bring their shares, ascending.
        t: threshold of the new shares.
        holders: who gets the new shares, in the order of their new ids.
        epoch: epoch of the new shares, above the old one; the old one if a lost share is repaired.
        context: 32 bytes that all parties must agree on besides, such as a hash of a chain code.
        lost: the holder whose old share is shared anew, among the quorum; the secret is if not given.

    Raises:
        UsageError: a rule does not hold.
    """

    old: Sharing
    quorum: tuple[PartyId, ...]
    t: int
    holders: tuple[PartyId, ...]
    epoch: Epoch
    context: bytes
    lost: PartyId | None = None
    _weights: dict[PartyId, Scalar] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        old = self.old
        expect_threshold(self.t, len(self.holders))
        expect_epoch(self.epoch)
        party_ids(self.holders, MAX_PARTIES)
        if party_ids(self.quorum, old.n) != self.quorum or len(self.quorum) < old.t:
            raise UsageError("a quorum is at least t holders, ascending")
        if len(self.context) != CONTEXT_SIZE:
            raise UsageError(f"the context takes {CONTEXT_SIZE} bytes")
        if self.lost is None:
            if self.epoch <= old.epoch:
                raise UsageError("new shares need an epoch above the old one")
        else:
            self._expect_repair(self.lost)
        factors = weights(self.quorum, self.lost)
        object.__setattr__(self, "_weights", dict(zip(self.quorum, factors, strict=True)))
        if multi_mul(factors, [old.pubshares[i] for i in self.quorum]) != self.secret_point:
            raise UsageError("the public shares of the quorum do not match the key")

    def _expect_repair(self, lost: PartyId) -> None:
        if party_id(lost, self.old.n) in self.quorum:
            raise UsageError("who lost its share cannot be of the quorum")
        if (self.holders, self.t, self.epoch) != (self.quorum, self.old.t, self.old.epoch):
            raise UsageError("a repair leaves threshold and epoch alone and goes through the quorum")

    @property
    def secret_point(self) -> Point:
        """What is shared anew, times G: the key, or the public share of who lost its share."""
        return self.old.key if self.lost is None else self.old.pubshares[self.lost]

    @property
    def parties(self) -> tuple[PartyId, ...]:
        """Who has to take part, ascending; further old holders may."""
        lost = () if self.lost is None else (self.lost,)
        return tuple(sorted({*self.quorum, *self.holders, *lost}))

    def weight(self, party: PartyId) -> Scalar:
        """Return lambda_i, what the old share of a party counts for; 0 outside the quorum."""
        return self._weights.get(party, _ZERO)

    def constant(self, party: PartyId) -> Point:
        """Return lambda_i P_i, what the polynomial of a party has at 0; infinity outside the quorum."""
        if party not in self._weights:
            return Point.infinity()
        return self._weights[party] * self.old.pubshares[party]

    def new_id(self, party: PartyId) -> PartyId | None:
        """Return the id that a party has among the new holders, if it is one."""
        return PartyId(self.holders.index(party)) if party in self.holders else None

    def __bytes__(self) -> bytes:
        """Return the encoding, whose length follows from the numbers of parties in it."""
        writer = Writer().fixed(old := bytes(self.old), len(old))
        _write_ids(writer, self.quorum)
        writer.unsigned(self.t, 1)
        _write_ids(writer, self.holders)
        writer.unsigned(self.epoch, _EPOCH_SIZE).fixed(self.context, CONTEXT_SIZE)
        return bytes(writer.unsigned(_NOBODY if self.lost is None else self.lost, 1))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a plan.

        Raises:
            EncodingError: data is not the encoding of one.
        """
        return decode(data, PARAMS_LIMIT, cls._read)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        old, quorum = Sharing.read(reader), _read_ids(reader, "quorum")
        t, holders = reader.unsigned("new threshold", 1), _read_ids(reader, "holders")
        epoch, context = (
            Epoch(reader.unsigned("new epoch", _EPOCH_SIZE)),
            reader.fixed("context", CONTEXT_SIZE),
        )
        lost = reader.unsigned("lost", 1)
        try:
            return cls(old, quorum, t, holders, epoch, context, None if lost == _NOBODY else PartyId(lost))
        except UsageError as e:
            raise EncodingError("plan", str(e)) from e

    @staticmethod
    def of(header: Header) -> "Plan":
        """Return the plan that a session follows.

        Raises:
            EncodingError: the session's parameters are not the encoding of a plan for its parties.
        """
        return _plan(header.params, header.parties)


@lru_cache(maxsize=4)
def _plan(params: bytes, parties: tuple[PartyId, ...]) -> Plan:
    # every check of every message asks for it
    plan = Plan.from_bytes(params)
    if not set(plan.parties) <= set(parties):
        raise EncodingError("parties", "a party of the quorum or a new holder does not take part")
    if any(party >= plan.old.n and party not in plan.holders for party in parties):
        raise EncodingError("parties", "a party holds neither old nor new shares")
    if plan.lost is not None and plan.parties != parties:
        raise EncodingError("parties", "only the quorum takes part in a repair")
    return plan


def _write_ids(writer: Writer, ids: Sequence[PartyId]) -> None:
    writer.unsigned(len(ids), 1).items(ids, lambda out, party: out.unsigned(party, 1))


def _read_ids(reader: Reader, name: str) -> tuple[PartyId, ...]:
    count = reader.unsigned(name, 1)
    return reader.items(name, count, lambda source, field: PartyId(source.unsigned(field, 1)))
