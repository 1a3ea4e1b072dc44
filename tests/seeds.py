"""Seeds of tests that do random deeds: another one in each run, the same one in each continuous check."""

import os
import random


def new_seed() -> int:
    """Return a seed and print it, for the report of a failure; MPCW_TEST_SEED, if set, brings one back."""
    given = os.environ.get("MPCW_TEST_SEED")
    seed = int(given) if given else 0 if os.environ.get("CI") else random.randrange(1 << 32)
    print("MPCW_TEST_SEED:", seed)  # noqa: T201
    return seed
