"""Auxiliary info of CGGMP24: every party's Paillier modulus N and ring-Pedersen parameters N^, s, t.

One set serves all keys of the same parties. N and N^ are separate moduli; N^ is a product of safe primes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ecdsa_cggmp.params import Params
from ecdsa_cggmp.zk.keys import ProofKeys
from native.paillier import PaillierKey, PaillierSecretKey, RandomnessTable
from native.ring_pedersen import PedersenParameters, RingPedersen, RingPedersenSecret
from native.secret import Secret, SecretResidues
from protocol.codec import Reader, Writer
from protocol.errors import UsageError
from protocol.ids import PartyId


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

    __slots__ = ("blum", "paillier", "pedersen", "safe")

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
        if lambda_ is None or t is None:
            self.pedersen = RingPedersenSecret.generate(P, Q)
        else:
            self.pedersen = RingPedersenSecret(P, Q, lambda_, t)

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
