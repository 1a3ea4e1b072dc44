"""Ring-Pedersen commitments s^x t^y mod N^ of secret signed integers x and y."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from native._core import ffi, lib
from native.columns import _contents, _room, _spans, _view, _views
from native.errors import check
from native.handle import Handle, SecretHandle, _make, _or_null
from native.secret import SecretInts, SecretResidues, SecretSeed, _size, _take

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on


@dataclass(frozen=True, slots=True)
class PedersenParameters:
    """The public parameters of a verifier, as received: RingPedersen checks them.

    Args:
        n: N^, big-endian, a multiple of 8 bytes and at most 512.
        s: as long as n.
        t: as long as n.
    """

    n: bytes
    s: bytes
    t: bytes


@final
class RingPedersen(Handle):
    """The parameters of a verifier, with tables for s and t.

    Args:
        parameters: N^, s and t.
        x_bits: width of the widest x, a multiple of 64 up to 8192.
        y_bits: width of the widest y, likewise.

    Raises:
        LengthError: a length or a width does not fit.
        ModulusError: N^ is even, or its highest 8 bytes are zero.
        RangeError: s or t is not in 2..N^-2, or they are equal.
        NotUnitError: s or t shares a factor with N^.
    """

    __slots__ = ("_size",)
    _size: int

    def __init__(self, parameters: PedersenParameters, x_bits: int, y_bits: int) -> None:
        views = _views(parameters)
        spans = _spans(views)
        create, release = lib.mpcw_ring_pedersen_new, lib.mpcw_ring_pedersen_free
        inputs = (spans["n"], spans["s"], spans["t"], _size(x_bits), _size(y_bits))
        super().__init__(_make("RingPedersen", "mpcw_ring_pedersen", release, create, *inputs))
        self._size = len(views["n"])

    @property
    def size(self) -> int:
        """Bytes of N^ and of a commitment."""
        return self._size

    def commit(self, x: SecretInts, y: SecretInts) -> bytes:
        """Return s^x t^y for each pair, in constant time.

        Args:
            x: secret integers, not wider than the tables for s.
            y: as many, not wider than the tables for t.

        Returns:
            A column of commitments, |N^| bytes each.

        Raises:
            LengthError: the counts differ, or an integer is too wide.

        Security:
            y hides x only when it is much wider than N^.
        """
        out = ffi.new("uint8_t[]", x.count * self._size)
        check(lib.mpcw_ring_pedersen_commit(out, len(out), self._handle, x._handle, y._handle), "commit")
        return bytes(ffi.buffer(out))


@final
class RingPedersenSecret(SecretHandle):
    """The verifier's own parameters with their trapdoor: N^ = P Q and s = t^lambda.

    Args:
        P: one safe prime.
        Q: another safe prime of the same size.
        lambda_: the trapdoor, twice as wide.
        t: a unit modulo N^, big-endian, twice as wide.

    Raises:
        KindError: P, Q or lambda_ is not of SecretResidues.
        LengthError: a length does not fit.
        ModulusError: N^ is even or does not fill its length.
        RangeError: t is not in 2..N^-2.
        NotUnitError: t shares a factor with N^.
    """

    __slots__ = ("_lambda", "_parameters")
    _lambda: SecretResidues
    _parameters: PedersenParameters

    def __init__(self, P: SecretResidues, Q: SecretResidues, lambda_: SecretResidues, t: "Buffer") -> None:
        view = _view(t)
        create, release = lib.mpcw_ring_pedersen_secret_new, lib.mpcw_ring_pedersen_secret_free
        inputs = (P._handle, Q._handle, lambda_._handle, (view, len(view)))
        super().__init__(_make("RingPedersenSecret", "mpcw_ring_pedersen_secret", release, create, *inputs))
        self._lambda = lambda_
        out = _room(dict.fromkeys(("n", "s", "t"), len(view)), 1)
        check(lib.mpcw_ring_pedersen_public(*_spans(out).values(), self._handle), "RingPedersenSecret")
        self._parameters = PedersenParameters(**_contents(out))

    @classmethod
    def generate(
        cls, P: SecretResidues, Q: SecretResidues, seed: SecretSeed | None = None
    ) -> "RingPedersenSecret":
        """Draw t = r^2 for a random unit r, and lambda uniform in [0, phi(N^) / 4).

        Args:
            P: one safe prime.
            Q: another safe prime of the same size.
            seed: replays a run; None draws from getrandom.

        Returns:
            The parameters; lambda_ and parameters.t are what must be stored besides P and Q.

        Raises:
            LengthError: P and Q are not one item each of one size.
            ModulusError: N^ is even or does not fill its length.
        """
        lambda_, t = ffi.new("mpcw_secret **"), ffi.new("uint8_t[]", 2 * P.size)
        status = lib.mpcw_ring_pedersen_generate(lambda_, t, len(t), P._handle, Q._handle, _or_null(seed))
        check(status, "generate")
        return cls(P, Q, _take(lambda_, SecretResidues), ffi.buffer(t))

    @property
    def lambda_(self) -> SecretResidues:
        """The trapdoor."""
        return self._lambda

    @property
    def parameters(self) -> PedersenParameters:
        """The public parameters, for the other parties."""
        return self._parameters
