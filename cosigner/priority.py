"""The priority of threads: what makes presignatures yields the processor to what signs."""

import os
import sys
import threading
from contextlib import suppress
from typing import Final

# bench_refill.py: a signature of 25 ms takes 100 ms during a refill of nice value 0, and 30 ms at 10 or 19
NICE: Final = 10


def yield_to_others() -> None:
    """Lower the priority of this thread, and of those that it will start, for good.

    On Linux a thread has a nice value of its own, and hands it on. Elsewhere, or where it is refused, this
    does nothing: what runs is right at any priority.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
