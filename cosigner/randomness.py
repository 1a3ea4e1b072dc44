"""When a signer makes the tables from which randomness of encryptions is drawn, and when it goes without."""

import threading
from contextlib import ExitStack, suppress
from typing import Final

from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.presign_messages import PresignPlan
from native.errors import MemoryLockError
from native.exposure import filled

TABLE_BATCH: Final = 16  # a table costs what it saves in some dozens of presignatures
# MiB of locked memory, of which many machines give a user 8; tables take 4 of the own key, 1 of any other
TABLES_ROOM: Final = 16


class Tables:
    """The tables of one signer. Threads may share it."""

    def __init__(self, aux: AuxInfo) -> None:
        """Make none yet.

        Args:
            aux: whose keys they are of.
        """
        self._aux, self._guard = aux, threading.Lock()

    def prepare(self, plan: PresignPlan) -> None:
        """Make the tables of the signers before a large batch, once: seconds at full size.

        Where there is no room for them, batches are made without, at the same speed as small ones.

        Args:
            plan: of the batch.
        """
        if plan.batch < TABLE_BATCH:
            return
        with self._guard, suppress(MemoryLockError):
            missing = [j for j in plan.signers if self._aux.table(j) is None]
            if missing:
                _expect_room()
            for j in missing:
                self._aux.build_table(j)


def _expect_room() -> None:
    """Lock as much memory as tables take, and what is made with them, for a moment.

    Raises:
        MemoryLockError: there is not so much.
    """
    with ExitStack() as room:
        for _ in range(TABLES_ROOM):
            room.enter_context(filled(1 << 20, lambda _: None))
