"""Paillier encryption with N = p q: Enc(m; rho) = (1 + N)^m rho^N mod N^2 for m in (-N/2, N/2).

Ciphertexts are columns of 2 |N| bytes an item and units of |N| bytes, big-endian; plaintexts are SecretInts.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from native._core import ffi, lib
from native.columns import _bad, _view
from native.errors import check
from native.handle import Handle, SecretHandle, _make, _or_null
from native.secret import SecretInts, SecretResidues, SecretSeed, _take

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on


@dataclass(frozen=True, slots=True, eq=False)
class Encryption:
    """Ciphertexts with the secret units that made them.

    Args:
        c: 2 |N| bytes an item.
        rho: as many units modulo N.
    """

    c: bytes
    rho: SecretResidues


@final
class PaillierKey(Handle):
    """A public key.

    Args:
        n: N, big-endian, a multiple of 8 bytes and at most 512.

    Raises:
        LengthError: the length does not fit.
        ModulusError: N is even, or its highest 8 bytes are zero.
    """

    __slots__ = ("_n",)
    _n: bytes

    def __init__(self, n: "Buffer") -> None:
        view = _view(n)
        create, release = lib.mpcw_paillier_new, lib.mpcw_paillier_free
        super().__init__(_make("PaillierKey", "mpcw_paillier", release, create, view, len(view)))
        self._n = bytes(ffi.buffer(view))

    @property
    def n(self) -> bytes:
        """The modulus N, big-endian."""
        return self._n

    def encrypt(
        self, m: SecretInts, table: "RandomnessTable | None" = None, seed: SecretSeed | None = None
    ) -> Encryption:
        """Encrypt under another party's key, in constant time.

        Args:
            m: plaintexts in (-N/2, N/2), not wider than N.
            table: of this key; without one each item costs an N-th power.
            seed: replays a run; None draws from getrandom.

        Returns:
            One ciphertext and one unit for each plaintext.

        Raises:
            RangeError: a plaintext is out of range.
            KindError: the table is of another key.
        """
        tail = (self._handle, _or_null(table), m._handle, _or_null(seed))
        return _encrypt("encrypt", lib.mpcw_paillier_encrypt, m.count * 2 * len(self._n), *tail)

    def affine(
        self,
        c: "Buffer",
        x: SecretInts,
        y: SecretInts,
        table: "RandomnessTable | None" = None,
        seed: SecretSeed | None = None,
    ) -> Encryption:
        """Return c^x Enc(y; rho), in constant time in x and y.

        Args:
            c: public ciphertexts.
            x: as many secret factors of their plaintexts.
            y: as many secret summands in (-N/2, N/2), not wider than N.
            table: of this key; without one each item costs an N-th power.
            seed: replays a run; None draws from getrandom.

        Returns:
            One ciphertext and one unit for each item.

        Raises:
            LengthError: the counts differ.
            RangeError: an item of c is not in 1..N^2-1, or one of y is out of range.
            NotUnitError: an item of c shares a factor with N.
            KindError: the table is of another key.
        """
        view = _view(c)
        tail = (self._handle, _or_null(table), view, len(view), x._handle, y._handle, _or_null(seed))
        return _encrypt("affine", lib.mpcw_paillier_affine, len(view), *tail)

    def check(self, c: "Buffer") -> tuple[int, ...]:
        """Return the indices of the ciphertexts that are not in 1..N^2-1 or share a factor with N.

        Raises:
            LengthError: the length is not a positive multiple of a ciphertext's.
        """
        return self._check(lib.mpcw_paillier_check_var, c, 2 * len(self._n))

    def check_units(self, w: "Buffer") -> tuple[int, ...]:
        """Return the indices of the numbers that are not in 1..N-1 or share a factor with N.

        Raises:
            LengthError: the length is not a positive multiple of N's.
        """
        return self._check(lib.mpcw_paillier_check_units_var, w, len(self._n))

    def _check(self, function: Any, items: "Buffer", width: int) -> tuple[int, ...]:
        view = _view(items)
        bad = ffi.new("uint8_t[]", len(view) // width)
        return _bad(function(bad, len(bad), self._handle, view, len(view)), bad, "check")


@final
class PaillierSecretKey(SecretHandle):
    """A secret key.

    Args:
        p: one prime.
        q: another prime of the same size; p q fills twice that size.

    Raises:
        KindError: p or q is not of SecretResidues.
        LengthError: p and q are not one item each of one size.
        ModulusError: they are equal, or one is even, too short or fails a test of its primality to one base.
    """

    __slots__ = ("_public",)
    _public: PaillierKey

    def __init__(self, p: SecretResidues, q: SecretResidues) -> None:
        create, release = lib.mpcw_paillier_secret_new, lib.mpcw_paillier_secret_free
        super().__init__(
            _make("PaillierSecretKey", "mpcw_paillier_secret", release, create, p._handle, q._handle)
        )
        n = ffi.new("uint8_t[]", 2 * p.size)
        create, release = lib.mpcw_paillier_public, lib.mpcw_paillier_free
        public = _make("public", "mpcw_paillier", release, create, self._handle)
        check(lib.mpcw_paillier_n(n, len(n), public), "public")
        self._public = PaillierKey(ffi.buffer(n))

    @property
    def public(self) -> PaillierKey:
        """The public key."""
        return self._public

    def encrypt(
        self, m: SecretInts, table: "RandomnessTable | None" = None, seed: SecretSeed | None = None
    ) -> Encryption:
        """Encrypt under the own key, modulo p^2 and q^2.

        Args:
            m: plaintexts in (-N/2, N/2), not wider than N.
            table: of this secret key; None costs one exponentiation an item.
            seed: replays a run; None draws from getrandom.

        Returns:
            One ciphertext and one unit for each plaintext.

        Raises:
            RangeError: a plaintext is out of range.
            KindError: the table is of another key, or of the public one.
        """
        tail = (self._handle, _or_null(table), m._handle, _or_null(seed))
        return _encrypt("encrypt", lib.mpcw_paillier_encrypt_own, m.count * 2 * len(self._public.n), *tail)

    def decrypt(self, c: "Buffer") -> SecretInts:
        """Decrypt public ciphertexts, in constant time in the key and the plaintexts.

        Args:
            c: one or more ciphertexts.

        Returns:
            The plaintexts in (-N/2, N/2), |N| bytes each.

        Raises:
            LengthError: the length is not a positive multiple of a ciphertext's.
            RangeError: an item is not in 1..N^2-1.
            NotUnitError: an item shares a factor with N.
        """
        view, out = _view(c), ffi.new("mpcw_secret **")
        check(lib.mpcw_paillier_decrypt(out, self._handle, view, len(view)), "decrypt")
        return _take(out, SecretInts)


@final
class RandomnessTable(Handle):
    """Products from which rho and rho^N of one key are drawn together (leftover hash lemma).

    A draw is within 2^-128 of a uniform unit. Making a table takes 264 N-th powers, seconds at 3072 bits.
    """

    __slots__ = ()

    @classmethod
    def build(cls, key: PaillierKey, seed: SecretSeed | None = None) -> "RandomnessTable":
        """Make a table for a public key.

        Args:
            key: whose N.
            seed: replays a run; None draws from getrandom.

        Returns:
            The table.
        """
        return cls._take(lib.mpcw_randomness_new, key._handle, _or_null(seed))

    @classmethod
    def build_own(cls, key: PaillierSecretKey, seed: SecretSeed | None = None) -> "RandomnessTable":
        """Make a table for a secret key, modulo p and q; it is secret and is never exported.

        Args:
            key: the own key.
            seed: replays a run; None draws from getrandom.

        Returns:
            The table.
        """
        return cls._take(lib.mpcw_randomness_new_own, key._handle, _or_null(seed))

    @classmethod
    def from_bytes(cls, key: PaillierKey, data: "Buffer") -> "RandomnessTable":
        """Read what to_bytes wrote.

        Args:
            key: the key that the table was built for.
            data: 264 * 3 |N| bytes.

        Returns:
            The table.

        Raises:
            LengthError: the length does not fit the key.
            RangeError: a number is out of range.
            NotUnitError: a number shares a factor with N.
            RejectedError: a number is not the N-th power that it should be.
        """
        view = _view(data)
        return cls._take(lib.mpcw_randomness_import, key._handle, view, len(view))

    @classmethod
    def _take(cls, function: Any, *inputs: Any) -> "RandomnessTable":
        release = lib.mpcw_randomness_free
        return cls(_make("RandomnessTable", "mpcw_randomness", release, function, *inputs))

    def to_bytes(self) -> bytes:
        """Return the public bases r_k and r_k^N for a cache file, 3 |N| bytes each.

        Raises:
            KindError: this is the table of a secret key.
        """
        size = ffi.new("size_t *")
        check(lib.mpcw_randomness_export_size(size, self._handle), "to_bytes")
        out = ffi.new("uint8_t[]", size[0])
        check(lib.mpcw_randomness_export(out, len(out), self._handle), "to_bytes")
        return bytes(ffi.buffer(out))


def _encrypt(operation: str, function: Any, size: int, *inputs: Any) -> Encryption:
    c, rho = ffi.new("uint8_t[]", size), ffi.new("mpcw_secret **")
    check(function(c, len(c), rho, *inputs), operation)
    return Encryption(bytes(ffi.buffer(c)), _take(rho, SecretResidues))
