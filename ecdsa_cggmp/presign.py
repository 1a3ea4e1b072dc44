"""Presigning (CGGMP24, figure 8): three rounds that make B presignatures at once.

In round 1 the signers encrypt k and gamma, in round 2 they multiply each other's k by gamma and by their key
shares, in round 3 they reveal their parts of delta = k gamma and prove that they used the k of round 1.
"""

from typing import Final

from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.params import SECURITY_128, Params
from ecdsa_cggmp.presign_checks import PresignChecks
from ecdsa_cggmp.presign_messages import (
    ENCRYPT,
    MULTIPLY,
    REVEAL,
    EncryptMsg,
    EncryptProofMsg,
    MultiplyMsg,
    PresignPlan,
    RevealMsg,
)
from ecdsa_cggmp.presign_own import Own
from ecdsa_cggmp.presign_proofs import prove_encryptions
from ecdsa_cggmp.presign_rounds import CollectEncryptions
from ecdsa_cggmp.presignature import Presignature
from native.curve import mul_add_secret, mul_base
from native.secret import SecretScalars
from native.secret_scalar import random_scalars, scale, to_ints
from protocol.errors import EncodingError, UsageError
from protocol.header import Header
from protocol.round import Continue, Outgoing
from protocol.session import Session
from protocol.signed import Kind
from protocol.spec import MessageType, ProtocolSpec


def participate(session: Session, share: KeyShare, aux: AuxInfo) -> Continue[tuple[Presignature, ...]]:
    """Start one signer's part.

    Args:
        session: its place in a session of presign_spec(aux.params), with a PresignPlan in the header.
        share: its share of the key.
        aux: the verified auxiliary info of all parties of the key.

    Returns:
        The first round; the session ends with B presignatures.

    Raises:
        UsageError: the plan is not for this share and this auxiliary info.
    """
    plan, me = _plan_for(session, share, aux), session.me
    k, gamma, a, b = (random_scalars(plan.batch) for _ in range(4))
    # K = Enc_i(k), G = Enc_i(gamma)
    made = aux.own.paillier.encrypt(to_ints(SecretScalars.concat([k, gamma])), aux.table(me))
    K, enc_gamma = made.c[: len(made.c) // 2], made.c[len(made.c) // 2 :]
    Y = mul_base(random_scalars(plan.batch))
    # A1 = a G, A2 = k G + a Y; B1 = b G, B2 = gamma G + b Y
    A2, B2 = mul_add_secret(k, a, Y), mul_add_secret(gamma, b, Y)
    message = EncryptMsg(K, enc_gamma, Y, mul_base(a), A2, mul_base(b), B2)
    x = scale(share.secshare, [plan.weight(me)])
    own = Own(aux, plan, x, k, gamma, a, b, made.rho, message)
    for j in plan.peers(me):
        aux.pedersen(j)  # the tables are made here, once, and not by several threads
    proofs = prove_encryptions(session.header, me, own)
    outgoing = [Outgoing(ENCRYPT, proof, j) for j, proof in proofs.items()]
    return Continue(CollectEncryptions(own), [Outgoing(ENCRYPT, message), *outgoing])


def _plan_for(session: Session, share: KeyShare, aux: AuxInfo) -> PresignPlan:
    try:
        plan = PresignPlan.of(session.header, aux.params)
    except EncodingError as e:
        raise UsageError(f"the session has no plan: {e}") from e
    if (plan.sharing, session.me, aux.me) != (share.sharing, share.party, share.party):
        raise UsageError("the plan is not for this share")
    if any(aux.publics.get(j) != public for j, public in plan.publics.items()):
        raise UsageError("the plan has other auxiliary info")
    return plan


def presign_spec(params: Params) -> ProtocolSpec:
    """Return the protocol at a level; the program uses SPEC alone."""

    def batch(header: Header) -> int:
        return PresignPlan.of(header, params).batch

    return ProtocolSpec(
        "CGGMP24 presign",
        1,
        messages={
            (ENCRYPT, Kind.BROADCAST): MessageType(
                lambda h: EncryptMsg.size(params, batch(h)),
                lambda r, h: EncryptMsg.read(r, params, batch(h)),
            ),
            (ENCRYPT, Kind.DIRECT): MessageType(
                lambda h: EncryptProofMsg.size(params, batch(h)),
                lambda r, h: EncryptProofMsg.read(r, params, batch(h)),
            ),
            (MULTIPLY, Kind.BROADCAST): MessageType(
                lambda h: MultiplyMsg.size(params, batch(h), len(h.parties) - 1),
                lambda r, h: MultiplyMsg.read(r, params, batch(h), len(h.parties) - 1),
            ),
            (REVEAL, Kind.BROADCAST): MessageType(
                lambda h: RevealMsg.size(batch(h)), lambda r, h: RevealMsg.read(r, batch(h))
            ),
        },
        checks=PresignChecks(params).by_name(),
        echoed=frozenset({ENCRYPT, MULTIPLY}),
    )


SPEC: Final = presign_spec(SECURITY_128)
