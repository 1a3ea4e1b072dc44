"""The clock of a process: Unix seconds that only go forward, whatever is done to the clock of the machine.

Leases, grants and the age of presignatures are differences of times. A clock that is set while the process
runs would void a pool at once, or keep what is over for as long as the step back is.
"""

import time
from typing import Final

# counts while the machine is suspended, too
_BOOT: Final = time.CLOCK_BOOTTIME
_START: Final = time.time() - time.clock_gettime(_BOOT)


def unix_now() -> int:
    """Return Unix seconds: those of the machine when the process began, and what has passed since."""
    return int(_START + time.clock_gettime(_BOOT))
