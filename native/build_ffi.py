"""Write the cffi C source of native._core from the public headers: one declaration serves C and Python."""

import re
import sys
from pathlib import Path

import cffi

# In the order of their includes.
HEADERS = (
    "base",
    "secret",
    "curve",
    "hash",
    "verify",
    "primes",
    "integer",
    "paillier",
    "ring_pedersen",
    "range_proof",
    "batch",
    "bigint",
    "prm_proof",
    "mod_proof",
    "fac_proof",
    "bit_proof",
)


def declarations(header: Path) -> str:
    """Return a header without its preprocessor lines, which cffi does not read."""
    return re.sub(r"^#.*$", "", header.read_text(), flags=re.MULTILINE)


def main(output: str) -> None:
    """Write the C source to output."""
    include = Path(__file__).resolve().parent / "include" / "mpcw"
    ffi = cffi.FFI()
    ffi.cdef("\n".join(declarations(include / f"{name}.h") for name in HEADERS))
    ffi.set_source("native._core", "\n".join(f'#include "mpcw/{name}.h"' for name in HEADERS))
    ffi.emit_c_code(output)


if __name__ == "__main__":
    main(sys.argv[1])
