"""SimplPedPop, the secret sharing inside ChillDKG 0.3.0: polynomials, commitments, proofs of possession."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from frost_bip340.key_share import ThresholdInfo
from frost_bip340.messages import POP_LEN
from frost_bip340.params import TAG
from frost_bip340.tweak import times_G
from native.curve import (
    G,
    Point,
    PointVector,
    Scalar,
    lift_xs,
    mul_base,
    multi_mul,
    sum_points,
)
from native.errors import PointError, RangeError
from native.hashing import Each, hash_to_scalars, hash_to_seed, tagged_hash
from native.schnorr import sign_bip340
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import eval_polynomial as eval_secret_polynomial
from native.verify import verify_bip340_tagged
from protocol.errors import UnattributedAbort, UsageError
from protocol.ids import PartyId

_POP: Final = TAG + "pop message"


class Dealing(NamedTuple):
    """What one participant deals.

    Args:
        coms: commitments to the coefficients, t points.
        pop: proof of possession of the first, 64 bytes.
        shares: f(1), ..., f(n), secret.
    """

    coms: PointVector
    pop: bytes
    shares: SecretScalars


def deal(seed: SecretSeed, t: int, n: int, party: PartyId) -> Dealing:
    """Deal a random polynomial f of degree t - 1 that hangs on the seed only.

    Args:
        seed: 32 secret bytes.
        t: threshold.
        n: number of participants.
        party: the dealer.

    Returns:
        Commitments, proof and shares.
    """
    numbers = b"".join(j.to_bytes(4, "big") for j in range(t))
    # a_j = int(hash(seed || j)), below n but for a chance of 2^-128
    a = hash_to_scalars(TAG + "vss coeffs", seed, Each(numbers), count=t)
    aux = hash_to_seed(TAG + "simplpedpop aux", seed)
    coms = mul_base(a)
    pop = sign_bip340(a.slice(0, 1), _pop_msg(party), aux, _POP, coms[0])
    return Dealing(coms, pop, eval_secret_polynomial(a, range(1, n + 1)))


def _pop_msg(party: int) -> bytes:
    return party.to_bytes(4, "big")


def failed_pops(coms_to_secrets: Sequence[Point], pops: Sequence[bytes]) -> tuple[PartyId, ...]:
    """Return the participants whose proof of possession does not hold, or whose commitment is infinity.

    Args:
        coms_to_secrets: first commitment of each participant.
        pops: proof of each participant, 64 bytes.
    """
    if _all_pops_hold(coms_to_secrets, pops):
        return ()
    return tuple(
        PartyId(i)
        for i, (C, pop) in enumerate(zip(coms_to_secrets, pops, strict=True))
        if not pop_holds(PartyId(i), C, pop)
    )


def pop_holds(party: PartyId, com_to_secret: Point, pop: bytes) -> bool:
    """Tell whether one proof of possession holds, 64 bytes, for a commitment that is not infinity."""
    return not com_to_secret.is_infinity and verify_bip340_tagged(
        pop, _pop_msg(party), com_to_secret.x_bytes, _POP
    )


def _all_pops_hold(coms_to_secrets: Sequence[Point], pops: Sequence[bytes]) -> bool:
    """Verify all proofs in one equation, sum_i a_i (s_i G - R_i - e_i P_i) = 0 (BIP-340, Batch Verification).

    The weights a_i come from a hash of all that is verified: a wrong proof passes with probability 2^-128.
    """
    if any(C.is_infinity for C in coms_to_secrets) or any(len(pop) != POP_LEN for pop in pops):
        return False
    try:
        R = lift_xs(b"".join(pop[:32] for pop in pops))
        s = [Scalar.from_bytes(pop[32:]) for pop in pops]
    except (PointError, RangeError):
        return False
    P = [C if C.has_even_y else -C for C in coms_to_secrets]
    challenges = [
        tagged_hash(f"{_POP}/challenge", pop[:32], C.x_bytes, _pop_msg(i))
        for i, (pop, C) in enumerate(zip(pops, coms_to_secrets, strict=True))
    ]
    e = [Scalar.reduce(challenge) for challenge in challenges]
    seed = tagged_hash("mpcwallet/pop batch", *pops, *(C.x_bytes for C in coms_to_secrets))
    a = [
        Scalar.reduce(tagged_hash("mpcwallet/pop batch a", seed, _pop_msg(i))[:16]) for i in range(len(pops))
    ]
    s_sum = Scalar(0)
    for a_i, s_i in zip(a, s, strict=True):
        s_sum += a_i * s_i
    weights = [-s_sum, *a, *(a_i * e_i for a_i, e_i in zip(a, e, strict=True))]
    return multi_mul(weights, [G, *R, *P]).is_infinity


class GroupKey(NamedTuple):
    """The key that summed commitments make.

    Args:
        info: threshold key and public shares, tweaked.
        tweak: what tweaking adds to every secret share.
    """

    info: ThresholdInfo
    tweak: Scalar


def group_key(sum_coms: Sequence[Point], n: int) -> GroupKey:
    """Return the key, tweaked so that nobody can have hidden a script path in it (invalid_taproot_commit).

    The tweak commits to the empty script tree, of which no spend exists; a wallet takes the result as the
    internal key and adds its own BIP-341 tweak to it.

    Args:
        sum_coms: commitments to the t coefficients of the joint polynomial.
        n: number of participants.

    Returns:
        Threshold key and public shares with the tweak.

    Raises:
        UnattributedAbort: the key or a public share is infinity: dealers conspired.
    """
    if sum_coms[0].is_infinity:
        raise UnattributedAbort("the commitments add up to infinity")
    # t_w = int(H_TapTweak(x(P)))
    t_w = Scalar.from_bytes(tagged_hash("TapTweak", sum_coms[0].x_bytes))
    tweaked = [sum_coms[0] + times_G([t_w])[0], *sum_coms[1:]]
    try:
        info = ThresholdInfo.of_commitments(tweaked, n)
    except UsageError as e:
        raise UnattributedAbort("the threshold key or a public share is infinity") from e
    return GroupKey(info, t_w)


def untweaked_pubshare(key: GroupKey, party: PartyId) -> Point:
    """Return the public share of a participant before tweaking."""
    return sum_points([key.info.pubshare(party), -times_G([key.tweak])[0]])
