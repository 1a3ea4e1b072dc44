"""What the prover of Pi-dec and Pi-aff-g* computes with secrets (CGGMP24, ePrint 2021/060, figure 9).

Both proofs repeat a protocol whose challenges are single bits. The caller makes the commitments from masks of
native.integer and native.paillier, hashes, and responds here, which uses the masks up.
"""

from typing import TYPE_CHECKING

from native._core import ffi, lib
from native.columns import _view
from native.errors import check
from native.paillier import PaillierKey, PaillierSecretKey
from native.secret import SecretInts, SecretResidues, _take

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on


def respond_ints(masks: SecretInts, x: SecretInts, e: "Buffer") -> bytes:
    """Answer with integers and wipe the masks, whether this succeeds or fails.

    Args:
        masks: m integers.
        x: one integer, the witness.
        e: m bytes, each 0 or 1.

    Returns:
        z_k = mask_k + e_k x, as wide as the masks, which are public from here on.

    Raises:
        WipedError: there was a response with these masks before.
        LengthError: a count is wrong.
        RangeError: a challenge is not 0 or 1, or a response does not fit.
    """
    with masks:
        view, z = _view(e), ffi.new("uint8_t[]", masks.count * masks.size)
        status = lib.mpcw_bits_respond_ints((z, len(z)), masks._handle, x._handle, (view, len(view)))
        check(status, "respond_ints")
    return bytes(ffi.buffer(z))


def respond_units(key: PaillierKey, masks: SecretResidues, rho: SecretResidues, e: "Buffer") -> bytes:
    """Answer with units modulo N and wipe the masks, whether this succeeds or fails.

    Args:
        key: N.
        masks: m units.
        rho: one unit, the witness.
        e: m bytes, each 0 or 1.

    Returns:
        w_k = mask_k rho^(e_k) mod N, |N| bytes each, which are public from here on.

    Raises:
        WipedError: there was a response with these masks before.
        LengthError: a count or a width is wrong.
        RangeError: a challenge is not 0 or 1.
    """
    with masks:
        view, w = _view(e), ffi.new("uint8_t[]", masks.count * masks.size)
        status = lib.mpcw_bits_respond_units(
            (w, len(w)), key._handle, masks._handle, rho._handle, (view, len(view))
        )
        check(status, "respond_units")
    return bytes(ffi.buffer(w))


def open_product(
    own: PaillierSecretKey, D: "Buffer", K: "Buffer", x: SecretInts
) -> tuple[SecretInts, SecretResidues]:
    """Open K^x D, a ciphertext under the own key that is not public.

    Args:
        own: the key, whose primes are 3 modulo 4.
        D: one ciphertext.
        K: one ciphertext.
        x: one secret integer.

    Returns:
        y in (-N/2, N/2) and rho with Enc(y; rho) = K^x D.

    Raises:
        LengthError: there is not one of each.
        RangeError: D or K is not in 1..N^2-1.
        NotUnitError: D or K shares a factor with N.
        ModulusError: N has no inverse modulo p - 1 or q - 1, or a prime is 1 modulo 4.
        FaultError: the computer made a mistake.
    """
    d, k = _view(D), _view(K)
    y, rho = ffi.new("mpcw_secret **"), ffi.new("mpcw_secret **")
    check(lib.mpcw_paillier_open(y, rho, own._handle, (d, len(d)), (k, len(k)), x._handle), "open_product")
    return _take(y, SecretInts), _take(rho, SecretResidues)
