"""Sign, PartialSigVerify and PartialSigAgg of BIP-445 0.12.1, and who is to blame when a signature fails."""

from collections.abc import Mapping
from typing import Final

from frost_bip340.key_share import KeyShare
from frost_bip340.nonce import NonceContext, SecNonce, nonce_agg, parse_pubnonces
from frost_bip340.session import SigningSession
from native.curve import G, Point, PointVector, Scalar, multi_mul
from native.errors import FaultError, LengthError, RangeError
from native.secret import SecretScalars
from native.secret_scalar import inner_product
from native.verify import verify_bip340
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.ids import PartyId

_ONE: Final = Scalar(1)


def sign(secnonce: SecNonce, share: KeyShare, session: SigningSession) -> bytes:
    """Make one signer's partial signature (BIP-445, Sign) and check it.

    Args:
        secnonce: burnt by this call, whatever comes of it.
        share: the signer's share.
        session: the session, opened by the signer itself from what it wants to sign.

    Returns:
        The partial signature, 32 bytes.

    Raises:
        SecretReuseError: the nonce was used before.
        UsageError: the share is of another key or epoch than the session, its holder is no signer, or the
            nonce was made for something else.
        FaultError: the partial signature does not hold; it was not released.
    """
    with secnonce.take() as k:
        _check_fit(secnonce.context, share, session)
        # s = +-(k1 + b k2) + e lambda g gacc d', minus iff R is odd
        sign_R = _ONE if session.R.has_even_y else -_ONE
        weight = session.weight(share.party)
        factors = [sign_R, sign_R * session.b, weight]
        psig = inner_product(SecretScalars.concat([k, share.secshare]), factors).declassify()
    if not _holds(psig, secnonce.points, share.pubshare, weight, session):
        raise FaultError("sign: the partial signature does not hold")
    return psig


def _check_fit(context: NonceContext, share: KeyShare, session: SigningSession) -> None:
    if share.info != session.info:
        raise UsageError("the share is of another key than the session")
    if share.epoch != session.epoch:
        raise UsageError("the share is of another epoch than the session")
    for bound, actual in (
        (context.party, share.party),
        (context.pubshare, share.pubshare),
        (context.thresh_pk, session.key.Q.x_bytes),
        (context.msg, session.msg),
    ):
        if bound is not None and bound != actual:
            raise UsageError("the nonce was made for another signature")


def partial_sig_verify(psig: bytes, pubnonce: bytes, party: PartyId, session: SigningSession) -> bool:
    """Tell whether a signer's partial signature holds (BIP-445, PartialSigVerify).

    Args:
        psig: 32 bytes.
        pubnonce: the signer's public nonce, 66 bytes.
        party: the signer.
        session: the session, with an aggregate nonce that the caller made itself.

    Returns:
        Whether it holds; a partial signature proves nothing to outsiders.

    Raises:
        UsageError: the participant does not sign here.
        FaultyPartyError: the signer's public nonce is malformed.
    """
    return _is_of(party, psig, parse_pubnonces({party: pubnonce})[party], session)


def _is_of(party: PartyId, psig: bytes, pubnonce: PointVector, session: SigningSession) -> bool:
    weight = session.weight(party)
    return _holds(psig, pubnonce, session.info.pubshare(party), weight, session)


def _holds(
    psig: bytes, pubnonce: PointVector, pubshare: Point, weight: Scalar, session: SigningSession
) -> bool:
    try:
        s = Scalar.from_bytes(psig)
    except (LengthError, RangeError):
        return False
    # s G = +-(R1_i + b R2_i) + e lambda g gacc P_i, minus iff R is odd; all brought to the side of the nonces
    if session.R.has_even_y:
        s = -s
    else:
        weight = -weight
    points = [G, pubnonce[0], pubnonce[1], pubshare]
    return multi_mul([s, _ONE, session.b, weight], points).is_infinity


def partial_sig_agg(psigs: Mapping[PartyId, bytes], session: SigningSession) -> bytes:
    """Add up partial signatures (BIP-445, PartialSigAgg); aggregate() also verifies the sum.

    Args:
        psigs: 32 bytes from each signer of the session.
        session: the session.

    Returns:
        64 bytes, x(R) || s, which may not hold.

    Raises:
        UsageError: there is not one partial signature of each signer.
        FaultyPartyError: those of the named signers are not 32 bytes below n.
    """
    if set(psigs) != set(session.signers):
        raise UsageError("there must be one partial signature of each signer")
    # s = s_1 + ... + s_u + e g tacc
    g_tacc = session.key.tacc if session.key.Q.has_even_y else -session.key.tacc
    s = session.e * g_tacc
    culprits = {}
    for party, psig in psigs.items():
        try:
            s += Scalar.from_bytes(psig)
        except (LengthError, RangeError):
            culprits[party] = "psig"
    if culprits:
        raise FaultyPartyError(culprits)
    return session.R.x_bytes + bytes(s)


def aggregate(
    psigs: Mapping[PartyId, bytes], pubnonces: Mapping[PartyId, bytes], session: SigningSession
) -> bytes:
    """Make the signature, and find those who spoiled it when it does not hold.

    Args:
        psigs: 32 bytes from each signer of the session.
        pubnonces: their public nonces, 66 bytes each, as received from them.
        session: the session of these nonces.

    Returns:
        The BIP-340 signature, 64 bytes, verified with libsecp256k1 under the tweaked key.

    Raises:
        UsageError: there is not one partial signature and one nonce of each signer, or the session is not of
            these nonces.
        FaultyPartyError: the named signers' partial signatures do not hold.
        UnattributedAbort: the signature does not hold though all of its parts do.
    """
    if set(pubnonces) != set(session.signers) or nonce_agg(pubnonces) != session.aggnonce:
        raise UsageError("the session is not of these nonces")
    signature = partial_sig_agg(psigs, session)
    if verify_bip340(signature, session.msg, session.key.Q.x_bytes):
        return signature
    points = parse_pubnonces(pubnonces)
    culprits = {party: "psig" for party in psigs if not _is_of(party, psigs[party], points[party], session)}
    if culprits:
        raise FaultyPartyError(culprits)
    # the signers' nonces cancel out, which takes all of those who signed rightly
    raise UnattributedAbort("signature", session.signers)
