"""Auxiliary info of CGGMP24: every party's Paillier modulus N and ring-Pedersen parameters N^, s, t.

One set serves all keys of the same parties. N and N^ are separate moduli; N^ is a product of safe primes.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

from ecdsa_cggmp.params import SECURITY_128, Params
from ecdsa_cggmp.zk.keys import ProofKeys
from native import exposure
from native.errors import LengthError
from native.paillier import PaillierKey, PaillierSecretKey, RandomnessTable
from native.primes import PrimeKind, PrimeSearch, Progress, check_primes
from native.ring_pedersen import PedersenParameters, RingPedersen, RingPedersenSecret
from native.secret import Secret, SecretResidues
from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.ids import PartyId

PACKED_NUMBERS: Final = 6  # of AuxSecret.packed()
PRIMES: Final = 4  # of AuxSecret.primes
_LIMIT: Final = 1 << 20  # bytes of a stored public side


@dataclass(frozen=True, slots=True)
class AuxPublic:
    """What a party publishes.

    Args:
        N: Paillier modulus, big-endian.
        pedersen: N^, s and t, each as long as N.
    """

    N: bytes
    pedersen: PedersenParameters

    @classmethod
    def read(cls, reader: Reader, params: Params) -> Self:
        """Read what a party claims; nothing but lengths is checked.

        Raises:
            EncodingError: bytes are missing.
        """
        N, n, s, t = (reader.fixed(name, params.modulus_bytes) for name in ("N", "N^", "s", "t"))
        return cls(N, PedersenParameters(n, s, t))

    def __bytes__(self) -> bytes:
        """Return N || N^ || s || t."""
        return self.N + self.pedersen.n + self.pedersen.s + self.pedersen.t

    def write(self, writer: Writer) -> None:
        """Write the values."""
        writer.fixed(bytes(self), 4 * len(self.N))


class AuxSecret:
    """A party's own factors.

    Args:
        blum: p and q of N, two Blum primes.
        safe: P and Q of N^, two safe primes.
        lambda_: the trapdoor of s = t^lambda; drawn, and t with it, if not given.
        t: its base, with lambda_.

    Raises:
        NativeError: the primes do not fit.

    Security:
        The primes of one set are in no other; nothing of it is kept once the set is replaced.
    """

    __slots__ = ("_use", "blum", "paillier", "pedersen", "safe")

    def __init__(
        self,
        blum: SecretResidues,
        safe: SecretResidues,
        lambda_: SecretResidues | None = None,
        t: bytes | None = None,
    ) -> None:
        self.blum, self.safe = blum, safe
        self.paillier = PaillierSecretKey(blum.slice(0, 1), blum.slice(1, 1))
        P, Q = safe.slice(0, 1), safe.slice(1, 1)
        self._use = threading.Lock()  # taken once, by one of several threads, and never given back
        if lambda_ is None or t is None:
            self.pedersen = RingPedersenSecret.generate(P, Q)
        else:
            self.pedersen = RingPedersenSecret(P, Q, lambda_, t)
            self.use()

    @classmethod
    def search(
        cls,
        params: Params = SECURITY_128,
        threads: int = 0,
        progress: Callable[[PrimeKind, Progress], None] | None = None,
    ) -> Self:
        """Search for primes and make a set of them: seconds at full size, so do it ahead of the session.

        Args:
            params: the level.
            threads: number of searching threads; 0 for one on each processor.
            progress: called about five times a second; what it raises cancels the search and is raised here.

        Raises:
            NativeError: of native.primes.
        """

        def primes(kind: PrimeKind) -> SecretResidues:
            report = None if progress is None else partial(progress, kind)
            return PrimeSearch(kind, params.prime_bits, 2).run(threads, progress=report)

        return cls(primes(PrimeKind.BLUM), primes(PrimeKind.SAFE))

    @classmethod
    def of_primes(cls, params: Params, primes: SecretResidues) -> Self:
        """Make a set of primes that were found ahead, with a trapdoor of its own.

        Args:
            params: the level.
            primes: p, q, P and Q, each of which is checked again: nobody who could write where they were kept
                gives a party weak ones.

        Raises:
            RejectedError: one is not what a search finds, or there twice.
            NativeError: they are of another number or level.

        Security:
            Take them out of where they were kept first, for good: the result may be used.
        """
        if primes.count != PRIMES:
            raise LengthError("a set has four primes")
        blum, safe = primes.slice(0, 2), primes.slice(2, 2)
        # all four: no two of them are the same
        check_primes(PrimeKind.BLUM, params.prime_bits, primes)
        check_primes(PrimeKind.SAFE, params.prime_bits, safe)
        return cls(blum, safe)

    @property
    def primes(self) -> SecretResidues:
        """What must be kept of a set that no session has had: p, q, P and Q."""
        return SecretResidues.concat([self.blum, self.safe])

    @classmethod
    def unpacked(cls, items: SecretResidues, t: bytes) -> Self:
        """Take back what packed() returned.

        Args:
            items: the six numbers.
            t: of the public side.

        Raises:
            NativeError: they do not fit.
        """
        lambda_ = exposure.decode(exposure.encode(items.slice(4, 2)), SecretResidues)
        return cls(items.slice(0, 2), items.slice(2, 2), lambda_, t)

    def packed(self) -> SecretResidues:
        """Return p, q, P, Q and both halves of lambda, the higher first: what must be stored, besides t."""
        halves = exposure.decode(exposure.encode(self.pedersen.lambda_), SecretResidues, 2)
        return SecretResidues.concat([self.blum, self.safe, halves])

    def use(self) -> None:
        """Let a session have it, for the only time.

        Raises:
            UsageError: a session had it before, or it comes out of a store.
        """
        if not self._use.acquire(blocking=False):
            raise UsageError("the factors were used before")

    @property
    def public(self) -> AuxPublic:
        """What others get to know."""
        return AuxPublic(self.paillier.public.n, self.pedersen.parameters)

    def secrets(self) -> tuple[Secret, ...]:
        """Return the factors and the trapdoor."""
        return self.blum, self.safe, self.pedersen.lambda_


class AuxInfo:
    """The verified auxiliary info of all parties, as one of them holds it, with the tables made from it.

    Args:
        params: the level.
        me: the holder.
        own: its factors.
        publics: of every party, the holder included.

    Raises:
        UsageError: the holder's own public values are not those of its factors.
    """

    __slots__ = ("_paillier", "_pedersen", "_tables", "me", "own", "params", "publics")

    def __init__(
        self, params: Params, me: PartyId, own: AuxSecret, publics: Mapping[PartyId, AuxPublic]
    ) -> None:
        if publics.get(me) != own.public:
            raise UsageError("the public auxiliary info is not that of the own factors")
        self.params, self.me, self.own = params, me, own
        self.publics = dict(publics)
        self._paillier = {j: PaillierKey(public.N) for j, public in self.publics.items()}
        self._pedersen: dict[PartyId, RingPedersen] = {}
        self._tables: dict[PartyId, RandomnessTable] = {}

    @classmethod
    def restore(cls, params: Params, public: bytes, secret: SecretResidues) -> Self:
        """Take back what was stored.

        Args:
            params: the level.
            public: bytes() of it.
            secret: own.packed() of it.

        Raises:
            EncodingError: public is not the encoding of one of this level.
            UsageError: the secret side is not that of the public side.
            NativeError: the secret side does not fit.
        """
        me, publics = decode(public, _LIMIT, lambda reader: _read_publics(reader, params))
        return cls(params, me, AuxSecret.unpacked(secret, publics[me].pedersen.t), publics)

    def __bytes__(self) -> bytes:
        """Return the public side: level, holder, number of parties, and what each publishes."""
        writer = Writer().unsigned(self.params.prime_bits, 2).unsigned(self.me, 1)
        writer.unsigned(len(self.publics), 1)
        for party, public in sorted(self.publics.items()):
            public.write(writer.unsigned(party, 1))
        return bytes(writer)

    def paillier(self, party: PartyId) -> PaillierKey:
        """Return a party's Paillier key."""
        return self._paillier[party]

    def pedersen(self, party: PartyId) -> RingPedersen:
        """Return a party's parameters with their tables, which the first call makes (30 ms)."""
        if party not in self._pedersen:
            level = self.params
            x_bits = level.ell_prime + level.epsilon
            y_bits = level.ell + level.epsilon + level.modulus_bits
            self._pedersen[party] = RingPedersen(self.publics[party].pedersen, x_bits, y_bits)
        return self._pedersen[party]

    def table(self, party: PartyId) -> RandomnessTable | None:
        """Return the table of a party's key, if build_table has made it."""
        return self._tables.get(party)

    def build_table(self, party: PartyId) -> None:
        """Make the table from which units of a party's key are drawn: seconds at full size, for batches."""
        if party == self.me:
            self._tables[party] = RandomnessTable.build_own(self.own.paillier)
        else:
            self._tables[party] = RandomnessTable.build(self._paillier[party])

    def proof_keys(self, prover: PartyId, verifier: PartyId) -> ProofKeys:
        """Return what proofs of one party to another hash."""
        i, j = self.publics[prover], self.publics[verifier]
        return ProofKeys(self.params, i.N, j.N, j.pedersen)


def _read_publics(reader: Reader, params: Params) -> tuple[PartyId, dict[PartyId, AuxPublic]]:
    if reader.unsigned("prime bits", 2) != params.prime_bits:
        raise EncodingError("prime bits", "another level")
    me, count = PartyId(reader.unsigned("holder", 1)), reader.unsigned("parties", 1)
    publics: dict[PartyId, AuxPublic] = {}
    for _ in range(count):
        party = PartyId(reader.unsigned("party", 1))
        if publics and party <= max(publics):
            raise EncodingError("party", "not ascending")
        publics[party] = AuxPublic.read(reader, params)
    if me not in publics:
        raise EncodingError("holder", "not among the parties")
    return me, publics
