"""Where the CPU time of presigning goes: `python bench/profile_cggmp.py [B]`, one 2-of-3 party at full size.

Each call into the C core is timed by the clock of its thread; the run with the least total of three counts.
"""

import sys
from collections import Counter
from collections.abc import Callable
from time import process_time, thread_time
from typing import Any
from unittest.mock import patch

import native
from cggmp_group import Presigning
from ecdsa_cggmp.params import SECURITY_128
from native import _core

SIGNERS = 2
RUNS = 3
SHOWN = 12


class Timed:
    """The library, with the CPU seconds of each function that is called."""

    def __init__(self, lib: Any) -> None:
        self._lib = lib
        self.seconds: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._lib, name)
        return self._timed(name, found) if callable(found) else found

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            start = thread_time()
            try:
                return call(*args)
            finally:
                self.seconds[name] += thread_time() - start

        return timed


def profile(batch: int) -> tuple[float, Counter[str]]:
    """Return CPU seconds of all signers and of their calls into the C core."""
    group = Presigning(SIGNERS, 3, SECURITY_128, tables=True)
    group.run(1)
    users = [m for name, m in sys.modules.items() if name.startswith(native.__name__ + ".")]
    users = [module for module in users if getattr(module, "lib", None) is _core.lib]
    found: list[tuple[float, Counter[str]]] = []
    for _ in range(RUNS):
        lib = Timed(_core.lib)
        patches = [patch.object(module, "lib", lib) for module in users]
        for each in patches:
            each.start()
        start = process_time()
        group.run(batch)
        found.append((process_time() - start, lib.seconds))
        for each in patches:
            each.stop()
    return min(found, key=lambda run: run[0])


def main() -> None:
    """Print the calls that take most, in ms of one signer."""
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    total, seconds = profile(batch)
    print(f"{1e3 * total / SIGNERS:7.1f} ms of CPU for {batch} presignatures, of which")
    for name, taken in seconds.most_common(SHOWN):
        print(f"{1e3 * taken / SIGNERS:7.1f} {name}")
    rest = total - sum(taken for _, taken in seconds.most_common(SHOWN))
    print(f"{1e3 * rest / SIGNERS:7.1f} all else: smaller calls, the curve, Python")


if __name__ == "__main__":
    main()
