"""Online signing (CGGMP24, figure 10) with a re-randomised presignature and a BIP-32 child key.

c = H(presignature, child key, tweak, m, contributions of all signers) is fixed after the message is, and
Gamma' = c Gamma takes the place of Gamma: the forgeries of Groth and Shoup (ePrint 2021/1330) against
presignatures with chosen messages and additive derivation need an r that is known before. See PAPER.md.

DEVIATION: the paper signs with Gamma itself and has no derivation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from native.curve import ORDER, G, Point, Scalar, multi_mul
from native.hashing import tagged_hash
from native.secret import SecretScalars
from native.secret_scalar import inner_product
from native.verify import verify_ecdsa
from protocol.codec import Writer
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.ids import PartyId

CONTRIBUTION_SIZE = 32
SIGNATURE_SIZE = 64  # r || s


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What is signed with one presignature.

    Args:
        digest: the sighash, 32 bytes, which each signer computes itself from the transaction.
        tweak: delta' of the child key X + delta' G, the sum of the BIP-32 tweaks of its path; 0 for the key.

    Raises:
        UsageError: the digest is not 32 bytes long.
    """

    digest: bytes
    tweak: Scalar

    def __post_init__(self) -> None:
        if len(self.digest) != 32:
            raise UsageError("a sighash takes 32 bytes")

    @property
    def m(self) -> Scalar:
        """The digest as a scalar."""
        return Scalar.reduce(self.digest)


@dataclass(frozen=True, slots=True)
class SigningContext:
    """All that a signature is a function of, but for the secrets.

    Args:
        presignature: its public side.
        request: what is signed.
        contributions: 32 fresh random bytes of each signer.
        key: the child key.
        c: what the presignature is re-randomised by.
        Gamma: c Gamma.
        r: its x coordinate modulo q.

    Raises:
        UsageError: there is not one contribution of 32 bytes of each signer, or the child key or the nonce is
            infinity.
    """

    presignature: PublicPresignature
    request: SigningRequest
    contributions: Mapping[PartyId, bytes]
    key: Point = field(init=False)
    c: Scalar = field(init=False, repr=False)
    Gamma: Point = field(init=False, repr=False)
    r: Scalar = field(init=False, repr=False)

    def __post_init__(self) -> None:
        public = self.presignature
        if tuple(sorted(self.contributions)) != public.signers:
            raise UsageError("every signer contributes")
        key = multi_mul([Scalar(1), self.request.tweak], [public.sharing.key, G])
        c = self._randomiser(key)
        Gamma = multi_mul([c], [public.Gamma])
        if Gamma.is_infinity or not (r := Scalar.reduce(Gamma.x_bytes)):
            raise UsageError("the nonce is degenerate")  # probability 2^-255
        for name, value in (("key", key), ("c", c), ("Gamma", Gamma), ("r", r)):
            object.__setattr__(self, name, value)

    def _randomiser(self, key: Point) -> Scalar:
        """Return c, uniform up to 2^-256; what has no encoding raises UsageError."""
        writer = Writer().fixed(self.presignature.id, 32).point(key).scalar(self.request.tweak)
        writer.fixed(self.request.digest, 32)
        for signer in self.presignature.signers:
            writer.fixed(self.contributions[signer], CONTRIBUTION_SIZE)
        data = bytes(writer)
        return Scalar.reduce(b"".join(tagged_hash(f"mpcwallet/CGGMP24 rerand {half}", data) for half in "01"))

    def share_holds(self, signer: PartyId, sigma: Scalar) -> bool:
        """Tell whether a signature share is right: sigma_j Gamma' = m Delta_j + r (S_j + delta' Delta_j)."""
        Delta, S = self.presignature.Delta[signer], self.presignature.S[signer]
        weight = self.request.m + self.r * self.request.tweak
        return multi_mul([sigma, -weight, -self.r], [self.Gamma, Delta, S]).is_infinity


def sign_share(presignature: Presignature, context: SigningContext) -> Scalar:
    """Return sigma_i = (k_i m + r (chi_i + delta' k_i)) / c, and zero the presignature.

    Args:
        presignature: this signer's share; stored as used before this is called.
        context: what is signed.

    Returns:
        The signature share.

    Raises:
        UsageError: the context is of another presignature; this one is zeroed all the same.
        WipedError: the presignature was used before, or by another thread.

    Security:
        Two shares of one presignature reveal the holder's key share: it is burnt durably before the call.
    """
    # used up before anything can fail; of several threads one gets it
    with presignature.k.take() as k, presignature.chi.take() as chi:
        if presignature.public != context.presignature:
            raise UsageError("the context is of another presignature")
        # c != 0, or the context would have no Gamma'
        inverse = context.c.invert()
        weight = context.request.m + context.r * context.request.tweak
        with SecretScalars.concat([k, chi]) as both:
            sigma = inner_product(both, [inverse * weight, inverse * context.r])
    return Scalar.from_bytes(sigma.declassify())


def combine(context: SigningContext, shares: Mapping[PartyId, Scalar]) -> bytes:
    """Add the shares up to a signature, normalised to low s and verified by libsecp256k1.

    Args:
        context: what is signed.
        shares: sigma_j of each signer.

    Returns:
        64 bytes, r || s.

    Raises:
        UsageError: there is not one share of each signer.
        FaultyPartyError: names whose share is wrong.
        UnattributedAbort: all shares hold and s is 0 (probability 2^-256).
    """
    if tuple(sorted(shares)) != context.presignature.signers:
        raise UsageError("one share of each signer is needed")
    s = sum(shares.values(), Scalar(0))
    if int(s) > ORDER // 2:
        s = -s
    signature = bytes(context.r) + bytes(s)
    if verify_ecdsa(signature, context.request.digest, context.key):
        return signature
    culprits = [j for j, sigma in shares.items() if not context.share_holds(j, sigma)]
    if culprits:
        raise FaultyPartyError(dict.fromkeys(culprits, "signature share"))
    raise UnattributedAbort("signature")
