"""How much work something is: the processor time of the run that was disturbed least."""

import gc
import time
from collections.abc import Callable


def least_seconds(work: Callable[[], object], runs: int = 3) -> float:
    """The least processor time of some runs; the collector, whose work grows with all tests before, waits."""
    found = []
    for _ in range(runs):
        gc.collect()
        gc.disable()
        try:
            start = time.process_time()
            work()
            found.append(time.process_time() - start)
        finally:
            gc.enable()
    return min(found)
