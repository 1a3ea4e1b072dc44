"""Nonces of BIP-445 0.12.1: NonceGen, NonceAgg and the one-shot owner of a secret nonce."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from native.curve import Point, PointVector, mul_base, parse_points, sum_vectors
from native.errors import LengthError, PointError, RangeError
from native.hashing import Each, hash_to_scalars, hash_to_seed, xor
from native.secret import SecretScalars, SecretSeed
from protocol.errors import FaultyPartyError, SecretReuseError, UsageError
from protocol.ids import MAX_PARTIES, PartyId, party_id

SCHEME: Final = "bip445/0.12.1"  # versions before 0.9 make other signature shares from the same nonces

NONCE_LEN: Final = 66  # bytes: R1 || R2, compressed


@dataclass(frozen=True, slots=True)
class NonceContext:
    """What is known of a signature when its nonce is made; each value makes bad randomness less deadly.

    A nonce signs for these values only.

    Args:
        party: the signer.
        pubshare: the signer's public share.
        thresh_pk: the tweaked key to sign for, x-only, 32 bytes.
        msg: the message.
        extra_in: anything else, such as a session identifier.
        scheme: what the nonce will be used in.
    """

    party: PartyId | None = None
    pubshare: Point | None = None
    thresh_pk: bytes | None = None
    msg: bytes | None = None
    extra_in: bytes = b""
    scheme: str = SCHEME

    def __post_init__(self) -> None:
        if self.scheme != SCHEME:
            raise UsageError("the version of the signing scheme is unknown")
        if self.thresh_pk is not None and len(self.thresh_pk) != 32:
            raise UsageError("the x-only threshold public key takes 32 bytes")
        if self.party is not None:
            party_id(self.party, MAX_PARTIES)

    def __bytes__(self) -> bytes:
        """Return what NonceGen hashes between rand' and the number of the nonce."""
        party = b"" if self.party is None else self.party.to_bytes(4, "big")
        pubshare = b"" if self.pubshare is None else bytes(self.pubshare)
        msg = b"\x00" if self.msg is None else b"\x01" + len(self.msg).to_bytes(8, "big") + self.msg
        return b"".join(
            [
                *(bytes([len(field)]) + field for field in (party, pubshare, self.thresh_pk or b"")),
                msg,
                len(self.extra_in).to_bytes(4, "big"),
                self.extra_in,
            ]
        )


class SecNonce:
    """A secret nonce k1, k2 that can be taken once.

    It lives in locked memory of one process: it cannot be copied, pickled, stored or used by a forked child.

    Security:
        Three signature shares from one nonce give away the secret share.
    """

    __slots__ = ("_context", "_k", "_points")

    def __init__(self, k: SecretScalars, context: NonceContext | None = None) -> None:
        """Own a nonce.

        Args:
            k: two scalars, fresh and used nowhere else.
            context: what it may sign for; None for anything.

        Raises:
            UsageError: there are not two scalars, or one is 0.
        """
        if k.count != 2:
            raise UsageError("a secret nonce is two scalars")
        try:
            self._points = mul_base(k)
        except RangeError as e:
            raise UsageError("a half of the secret nonce is out of range") from e
        # list.pop is atomic: of two threads one gets the nonce
        self._k = [k]
        self._context = context or NonceContext()

    @property
    def pubnonce(self) -> bytes:
        """The public nonce, 66 bytes."""
        return self._points.to_bytes_ext()

    @property
    def points(self) -> PointVector:
        """The public nonce, R1 and R2."""
        return self._points

    @property
    def context(self) -> NonceContext:
        """What the nonce may sign for."""
        return self._context

    @property
    def is_used(self) -> bool:
        """Whether the nonce is gone."""
        return not self._k

    def take(self) -> SecretScalars:
        """Give the nonce away, for the only time.

        Returns:
            k1, k2.

        Raises:
            SecretReuseError: it was taken before.
        """
        try:
            return self._k.pop()
        except IndexError:
            raise SecretReuseError("the secret nonce was used before") from None

    def secrets(self) -> tuple[SecretScalars, ...]:
        """Return what is left to zero when the session fails."""
        return tuple(self._k)

    def _refuse(self, *_: object) -> NoReturn:
        raise SecretReuseError("a secret nonce cannot be copied or stored")

    __copy__ = _refuse
    __deepcopy__ = _refuse
    __reduce__ = _refuse
    __reduce_ex__ = _refuse
    __getstate__ = _refuse

    def __repr__(self) -> str:
        return f"SecNonce({'used' if self.is_used else 'unused'})"


def nonce_gen(
    rand: SecretSeed, secshare: SecretScalars | None = None, context: NonceContext | None = None
) -> SecNonce:
    """Make a nonce (BIP-445, NonceGen).

    Args:
        rand: 32 fresh random bytes, never used before or again.
        secshare: the signer's share, which guards against bad randomness.
        context: what is known of the signature.

    Returns:
        The secret nonce, with its public one.

    Security:
        Two nonces from one rand and one context are the same nonce.
    """
    context = context or NonceContext()
    masked = rand if secshare is None else xor(secshare, hash_to_seed("BIP0445/aux", rand))
    # k_i = int(H_nonce(rand' || ... || bytes(1, i - 1))) mod n
    k = hash_to_scalars("BIP0445/nonce", masked, bytes(context), Each(b"\x00\x01"), count=2)
    return SecNonce(k, context)


def parse_pubnonces(pubnonces: Mapping[PartyId, bytes]) -> dict[PartyId, PointVector]:
    """Read public nonces.

    Args:
        pubnonces: 66 bytes from each signer.

    Returns:
        R1, R2 of each signer.

    Raises:
        FaultyPartyError: the named signers sent no two finite points.
    """
    parsed, culprits = {}, {}
    for party, pubnonce in pubnonces.items():
        try:
            points = parse_points(pubnonce)
        except (LengthError, PointError):
            points = None
        if points is None or len(points) != 2:
            culprits[party] = "pubnonce"
        else:
            parsed[party] = points
    if culprits:
        raise FaultyPartyError(culprits)
    return parsed


def nonce_agg(pubnonces: Mapping[PartyId, bytes]) -> bytes:
    """Add up public nonces (BIP-445, NonceAgg).

    Args:
        pubnonces: 66 bytes from each signer, at least one.

    Returns:
        The aggregate nonce, 66 bytes; a half may be 33 zero bytes, infinity.

    Raises:
        UsageError: there is no nonce.
        FaultyPartyError: the named signers sent no two finite points.
    """
    if not pubnonces:
        raise UsageError("an aggregate nonce needs at least one public nonce")
    return sum_vectors(list(parse_pubnonces(pubnonces).values())).to_bytes_ext()
