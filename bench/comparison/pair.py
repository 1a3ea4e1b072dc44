"""One ordered pair of signers, i proving to j, for COUNT presignatures at a time (performance.md 2 and 2.1).

The protocol's own calls on one thread, in constant time, with tables. Points are part of the provers' calls;
their verification, hashing and serialisation are not. The naive cost of a step is the measured time of one
mpz_powm of each size that it needs (performance.md 2), times their number: mpz_powm runs between our calls in
the same rounds.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Final

from comparison.keys import KEYS, SIZES, number, secret_residues
from comparison.measure import Timing, seconds
from comparison.peers import PEERS, POWM, Power
from native.batch import (
    AffineEquations,
    EncryptionEquations,
    PedersenEquations,
    verify_affine,
    verify_encryptions,
    verify_pedersen,
)
from native.bigint import Modulus
from native.curve import mul_base
from native.integer import random_ints
from native.range_proof import (
    AffGKeys,
    AffGProver,
    AffGWitness,
    EncElgKeys,
    EncElgProver,
    EncElgWitness,
)
from native.secret import SecretInts
from native.secret_scalar import random_scalars, to_ints

COUNT: Final = 32

PER_PRESIGNATURE: Final = "K, G = Enc_i(k), Enc_i(gamma)"

# A naive power: bits of the modulus and of the exponent.
Size = tuple[int, int]
N_HAT: Final = 3072
N2: Final = 6144
ENC: Final[tuple[Size, ...]] = ((N2, 3072),)
BY_E: Final[tuple[Size, ...]] = ((3072, 256),)
K_X: Final[tuple[Size, ...]] = ((N2, 256),)
K_ALPHA: Final[tuple[Size, ...]] = ((N2, 768),)
COMMIT_ENC_ELG: Final[tuple[Size, ...]] = ((N_HAT, 256), (N_HAT, 3328), (N_HAT, 768), (N_HAT, 3840))
COMMIT_AFF_G: Final[tuple[Size, ...]] = (
    *COMMIT_ENC_ELG,
    (N_HAT, 1792),
    (N_HAT, 3840),
    (N_HAT, 1280),
    (N_HAT, 3328),
)
CHECK_Z1: Final[tuple[Size, ...]] = ((N_HAT, 768), (N_HAT, 3840), (N_HAT, 256))
CHECK_Z2: Final[tuple[Size, ...]] = ((N_HAT, 1792), (N_HAT, 3840), (N_HAT, 256))


def naive(*parts: tuple[int, tuple[Size, ...]]) -> Counter[Size]:
    """Count powers, from how often some are needed."""
    powers: Counter[Size] = Counter()
    for count, sizes in parts:
        for size in sizes:
            powers[size] += count
    return powers


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the pair's work.

    Args:
        name: for the table.
        call: does it for COUNT presignatures.
        powers: naive powers of one presignature.
    """

    name: str
    call: Callable[[], object]
    powers: Counter[Size]


class Pair:
    """The protocol between i and j, step by step; a step uses what the steps before it made."""

    def __init__(self) -> None:
        """Draw what exists before: j's K, scalars, i's share x and the points of the statements."""
        self.k = random_scalars(COUNT)
        self.gamma = random_scalars(COUNT)
        self.factors = [to_ints(self.gamma), SecretInts.concat([to_ints(random_scalars())] * COUNT)]
        self.k_j = to_ints(random_scalars(COUNT))
        self.K_j = KEYS.j.encrypt(self.k_j).c
        self.b = random_scalars(COUNT)
        self.e = [random_scalars(COUNT).declassify() for _ in range(2)]
        self.A = mul_base(random_scalars(COUNT)).xy
        self.enc_elg_keys = EncElgKeys(KEYS.i, KEYS.j_pedersen_public, KEYS.i_table)
        self.aff_g_keys = AffGKeys(KEYS.i, KEYS.j_public, KEYS.j_pedersen_public, KEYS.i_table, KEYS.j_table)

    def steps(self) -> tuple[Step, ...]:
        """Return the calls of the protocol in their order; the first serves all peers together."""
        return (
            Step(PER_PRESIGNATURE, self.encrypt, naive((2, ENC))),
            Step("Pi-enc-elg commit, 2", self.enc_elg_commit, naive((2, COMMIT_ENC_ELG), (2, ENC))),
            Step("Pi-enc-elg respond, 2", self.enc_elg_respond, naive((2, BY_E))),
            Step("D = K_j^x Enc_j(y), 2", self.multiply, naive((2, K_X), (2, ENC))),
            Step("F = Enc_i(y), 2", self.encrypt_masks, naive((2, ENC))),
            Step("Pi-aff-g commit, 2", self.aff_g_commit, naive((2, COMMIT_AFF_G), (2, K_ALPHA), (4, ENC))),
            Step("Pi-aff-g respond, 2", self.aff_g_respond, naive((4, BY_E))),
            Step("V1 Paillier of i, 4", self.verify_encryptions, naive((4, ENC), (4, K_X))),
            Step("V2 ring-Pedersen, 6", self.verify_pedersen, naive((4, CHECK_Z1), (2, CHECK_Z2))),
            Step("decrypt D, 2", self.decrypt, naive((2, ENC))),
            Step("V3 Paillier of j, 2", self.verify_affine, naive((2, ENC), (2, K_ALPHA), (2, K_X))),
        )

    def encrypt(self) -> None:
        """Make K = Enc_i(k) and G = Enc_i(gamma)."""
        self.x = [to_ints(self.k), to_ints(self.gamma)]
        self.K = [KEYS.i.encrypt(x, KEYS.i_table) for x in self.x]

    def enc_elg_commit(self) -> None:
        """Commit to the masks for K and G."""
        self.enc_elg = [
            EncElgProver(self.enc_elg_keys, EncElgWitness(x, K.rho, self.b, self.A), SIZES)
            for x, K in zip(self.x, self.K, strict=True)
        ]

    def enc_elg_respond(self) -> None:
        """Answer the challenges."""
        self.enc_elg_answers = [prover.respond(e) for prover, e in zip(self.enc_elg, self.e, strict=True)]

    def multiply(self) -> None:
        """Make D and hat_D for j."""
        self.y = [random_ints(COUNT, SIZES.ell_prime) for _ in self.factors]
        self.D = [
            KEYS.j_public.affine(self.K_j, x, y, KEYS.j_table)
            for x, y in zip(self.factors, self.y, strict=True)
        ]

    def encrypt_masks(self) -> None:
        """Make F and hat_F."""
        self.F = [KEYS.i.encrypt(y, KEYS.i_table) for y in self.y]

    def aff_g_commit(self) -> None:
        """Commit to the masks for D and hat_D."""
        self.aff_g = [
            AffGProver(self.aff_g_keys, AffGWitness(x, y, D.rho, F.rho, self.K_j), SIZES)
            for x, y, D, F in zip(self.factors, self.y, self.D, self.F, strict=True)
        ]

    def aff_g_respond(self) -> None:
        """Answer the challenges."""
        self.aff_g_answers = [prover.respond(e) for prover, e in zip(self.aff_g, self.e, strict=True)]

    def verify_encryptions(self) -> None:
        """Check V1: for j, the equations modulo N_i^2 of both rounds."""
        enc_elg, z = [prover.commitment for prover in self.enc_elg], self.enc_elg_answers
        aff_g, zz = [prover.commitment for prover in self.aff_g], self.aff_g_answers
        _hold(
            verify_encryptions(
                KEYS.i.public,
                EncryptionEquations(
                    D=_join(c.D for c in enc_elg),
                    C=_join(K.c for K in self.K),
                    e=_join(self.e),
                    z=_join(a.z1 for a in z),
                    w=_join(a.z2 for a in z),
                ),
            )
        )
        _hold(
            verify_encryptions(
                KEYS.i.public,
                EncryptionEquations(
                    D=_join(c.B_y for c in aff_g),
                    C=_join(F.c for F in self.F),
                    e=_join(self.e),
                    z=_join(a.z2 for a in zz),
                    w=_join(a.w_y for a in zz),
                ),
            )
        )

    def verify_pedersen(self) -> None:
        """Check V2: the equations modulo j's own N^ of both rounds."""
        enc_elg, z = [prover.commitment for prover in self.enc_elg], self.enc_elg_answers
        aff_g, zz = [prover.commitment for prover in self.aff_g], self.aff_g_answers
        e = _join(self.e)
        for equations in (
            PedersenEquations(
                T=_join(c.T for c in enc_elg),
                S=_join(c.S for c in enc_elg),
                e=e,
                z1=_join(a.z1 for a in z),
                z3=_join(a.z3 for a in z),
            ),
            PedersenEquations(
                T=_join(c.E for c in aff_g),
                S=_join(c.S for c in aff_g),
                e=e,
                z1=_join(a.z1 for a in zz),
                z3=_join(a.z3 for a in zz),
            ),
            PedersenEquations(
                T=_join(c.F for c in aff_g),
                S=_join(c.T for c in aff_g),
                e=e,
                z1=_join(a.z2 for a in zz),
                z3=_join(a.z4 for a in zz),
            ),
        ):
            _hold(verify_pedersen(KEYS.j_pedersen, equations))

    def decrypt(self) -> None:
        """Decrypt D and hat_D as j."""
        self.d = KEYS.j.decrypt(_join(D.c for D in self.D))

    def verify_affine(self) -> None:
        """Check V3: the equations modulo j's own N_j^2, with the plaintexts that j has."""
        commitments, z = [prover.commitment for prover in self.aff_g], self.aff_g_answers
        _hold(
            verify_affine(
                KEYS.j,
                AffineEquations(
                    C=self.K_j * 2,
                    D=_join(D.c for D in self.D),
                    A=_join(c.A for c in commitments),
                    e=_join(self.e),
                    z1=_join(a.z1 for a in z),
                    z2=_join(a.z2 for a in z),
                    w=_join(a.w for a in z),
                    k=SecretInts.concat([self.k_j] * 2),
                    d=self.d,
                ),
            )
        )


def items() -> tuple[Step, ...]:
    """Return the parts of the provers' calls, each by the call that does nothing else."""
    hat, wide = KEYS.j_pedersen_public, 3072
    exponents = [
        (random_ints(COUNT, x), random_ints(COUNT, y + wide))
        for x, y in 2 * [(256, 256), (768, 768)] + 2 * [(768, 768), (256, 256), (1792, 768), (1280, 256)]
    ]
    masks = random_ints(COUNT, 1792)
    arithmetic = Modulus(int.from_bytes(KEYS.j_public.n, "big"))
    K_j = [number(6141, f"K {k}") for k in range(COUNT)]
    powers = [
        secret_residues(*[number(bits, f"x {k}") for k in range(COUNT)]) for bits in (256, 768, 256, 768)
    ]
    return (
        Step(
            "ring-Pedersen commitments, 12",
            lambda: [hat.commit(x, y) for x, y in exponents],
            naive((2, COMMIT_ENC_ELG), (2, COMMIT_AFF_G)),
        ),
        Step(
            "foreign encryptions, 4",
            lambda: [KEYS.j_public.encrypt(masks, KEYS.j_table) for _ in range(4)],
            naive((4, ENC)),
        ),
        Step(
            "K_j^x and K_j^alpha, 4",
            lambda: [arithmetic.pow(K_j, x, square=True) for x in powers],
            naive((2, K_X), (2, K_ALPHA)),
        ),
        Step(
            "own encryptions, 6",
            lambda: [KEYS.i.encrypt(masks, KEYS.i_table) for _ in range(6)],
            naive((6, ENC)),
        ),
    )


@dataclass(frozen=True, slots=True)
class Part:
    """Seconds of one presignature: by our calls and by naive powers in the same rounds."""

    name: str
    ours: Timing
    naive: Timing

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.naive.over(self.ours)


def total(name: str, parts: Sequence[Part]) -> Part:
    """Add parts round by round."""
    return Part(name, _sum(part.ours for part in parts), _sum(part.naive for part in parts))


def measure_pair(rounds: int) -> tuple[list[Part], list[Part]]:
    """Run the pair in rounds.

    Args:
        rounds: passes over COUNT presignatures.

    Returns:
        The calls of the protocol, and the items that the provers' calls consist of.
    """
    steps, parts = Pair().steps(), items()
    powers = {size: _power(size) for step in steps for size in step.powers}
    for step in (*steps, *parts):
        step.call()
    rows = [_round((*steps, *parts), powers) for _ in range(rounds)]
    measured = [
        Part(
            step.name,
            Timing(tuple(ours[step.name] for ours, _ in rows)),
            Timing(
                tuple(sum(unit[size] * n for size, n in step.powers.items()) for _, unit in rows),
            ),
        )
        for step in (*steps, *parts)
    ]
    return measured[: len(steps)], measured[len(steps) :]


def _round(steps: Sequence[Step], powers: Mapping[Size, Power]) -> tuple[dict[str, float], dict[Size, float]]:
    """Return seconds a presignature of each step, and the mean seconds of each naive power in between."""
    ours: dict[str, float] = {}
    units: dict[Size, list[float]] = {size: [] for size in powers}
    for step in steps:
        ours[step.name] = seconds(step.call) / COUNT
        for size in step.powers:
            units[size].append(seconds(powers[size]))
    return ours, {size: mean(values) for size, values in units.items()}


def _power(size: Size) -> Power:
    modulus_bits, exponent_bits = size
    modulus = number(modulus_bits, "modulus")
    return PEERS[POWM](number(modulus_bits - 1, "base"), number(exponent_bits, "exponent"), modulus)


def _sum(timings: Iterable[Timing]) -> Timing:
    return Timing(tuple(map(sum, zip(*(timing.samples for timing in timings), strict=True))))


def _join(columns: Iterable[bytes]) -> bytes:
    return b"".join(columns)


def _hold(bad: tuple[int, ...]) -> None:
    if bad:
        raise ArithmeticError(f"the equations {bad} do not hold")
