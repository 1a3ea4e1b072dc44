"""Hand the functions of coincurve's libsecp256k1 to the C core, once, when this module is imported."""

from types import ModuleType
from typing import Any

from native._core import ffi, lib


def _functions(libsecp256k1: ModuleType) -> Any:
    """Return the mpcw_secp_functions of a cffi extension module that holds libsecp256k1.

    Raises:
        ImportError: it lacks a function.
    """
    functions = ffi.new("mpcw_secp_functions *")
    for name, _ in ffi.typeof("mpcw_secp_functions").fields:
        try:
            function = libsecp256k1.ffi.addressof(libsecp256k1.lib, f"secp256k1_{name}")
        except AttributeError as e:
            raise ImportError(f"coincurve's libsecp256k1 has no secp256k1_{name}; coincurve 21 has") from e
        # the two modules have separate type systems, which meet in integers only
        setattr(functions, name, int(libsecp256k1.ffi.cast("uintptr_t", function)))
    return functions


def load(libsecp256k1: ModuleType) -> None:
    """Fill the function table of the C core and let it check known answers.

    Args:
        libsecp256k1: the cffi extension module; it must stay loaded for the life of the process.

    Raises:
        ImportError: a function is missing, an answer is wrong, or the table was filled before.
    """
    status = lib.mpcw_secp_load(_functions(libsecp256k1))
    if status != lib.MPCW_OK:
        reason = (
            "gave a wrong answer to a known question" if status == lib.MPCW_E_FAULT else f"status {status}"
        )
        raise ImportError(f"the C core refused coincurve's libsecp256k1: {reason}")


try:
    from coincurve import _libsecp256k1
except ImportError as e:
    raise ImportError("coincurve (>=21,<22), which brings libsecp256k1, does not load") from e

load(_libsecp256k1)
