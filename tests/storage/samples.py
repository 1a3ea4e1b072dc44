"""Stores with content, and ways around the program into their files."""

import random
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecdsa_cggmp import key_share as ecdsa
from frost_bip340.key_share import KeyShare
from native.curve import ORDER
from native.secret import SecretScalars
from native.secret_scalar import random_scalars
from protocol.ids import Epoch, PartyId, SessionId
from protocol.resharing.plan import Sharing
from storage.key_shares import KeyShares
from storage.parties import PartyStore
from storage.passphrase import Passphrase
from storage.signing_log import SignedEntry
from tests.frost_bip340.parties import deal_polynomial
from wallet.tx import Txid

PASSPHRASE = "correct horse"
RECOVERY = b"recovery data of everybody" * 8
ROOT = Path(__file__).parents[2]


def phrase(text: str = PASSPHRASE) -> Passphrase:
    return Passphrase(bytearray(text, "utf-8"))


def key_shares(seed: int = 1, epoch: int = 0) -> list[KeyShare]:
    """The shares of a 2-of-3 key, the same for the same seed and epoch; all epochs of a seed have one key."""
    constant, slope = (random.Random(source).randrange(1, ORDER) for source in (seed, seed + 1000 * epoch))
    return deal_polynomial([constant, slope + 1], 3, epoch)


def ecdsa_shares(seed: int = 1, epoch: int = 0) -> list[ecdsa.KeyShare]:
    """The shares of a 2-of-3 ECDSA key; as key_shares()."""
    dealt = key_shares(seed, epoch)
    info = dealt[0].info
    points = tuple(point for point in info.pubshares if point is not None)
    sharing = Sharing(info.thresh_pk, info.t, points, Epoch(epoch))
    return [ecdsa.KeyShare(sharing, share.party, share.secshare, share.chain_code) for share in dealt]


def entry(i: int = 0, **changes: object) -> SignedEntry:
    values: dict[str, object] = {
        "session": SessionId(bytes([i]) * 32),
        "key": b"\x02" + bytes(32),
        "epoch": 0,
        "txid": Txid(bytes([i + 1]) * 32),
        "psbt_digest": bytes([i + 2]) * 32,
        "sent": 100_000 + i,
        "fee": 141,
        "sighashes": (bytes([i]) * 32, bytes(32)),
        "signers": (PartyId(0), PartyId(2)),
        "answer": b"partial signatures",
        "time": 1_700_000_000 + i,
    }
    return SignedEntry(**{**values, **changes})


def full_party(path: Path, party: int = 1) -> tuple[SecretScalars, KeyShare]:
    """Make a store with a host key, shares, recovery data, terms and two signatures, and close it."""
    host_key, share = random_scalars(), key_shares()[party]
    with PartyStore.create(path, PartyId(party), phrase()) as store:
        store.put_host_key(host_key)
        store.put_share(share, RECOVERY)
        store.put_ecdsa_share(ecdsa_shares(2)[party])
        store.put_terms("2 of 3")
        store.record(entry(0))
        store.record(entry(1))
    return host_key, share


def put_refreshed(store: PartyStore, share: KeyShare | ecdsa.KeyShare) -> None:
    """Put a share of another epoch beside the old one, as the first half of hand_over() does."""
    with store._vault.change() as change:
        if isinstance(share, KeyShare):
            store._frost.put_refreshed(change, share)
        else:
            store._ecdsa.put_refreshed(change, share)


def drop_share(store: PartyStore, key: bytes, epoch: int) -> None:
    """Delete a share of an old epoch, as the second half of hand_over() does."""
    _drop(store, store._frost, key, epoch)


def drop_ecdsa_share(store: PartyStore, key: bytes, epoch: int) -> None:
    """Delete an ECDSA share of an old epoch."""
    _drop(store, store._ecdsa, key, epoch)


def _drop(store: PartyStore, shares: KeyShares[Any, Any], key: bytes, epoch: int) -> None:
    with store._vault.change() as change:
        shares.drop(change, key, epoch)
    store._db.truncate_log()


def sql(path: Path, *statements: str | tuple[str, Sequence[object]]) -> list[tuple[object, ...]]:
    """Run statements on a file without the program, as somebody with a copy of sqlite3 can."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        rows: list[tuple[object, ...]] = []
        for statement in statements:
            text, values = (statement, ()) if isinstance(statement, str) else statement
            rows = connection.execute(text, values).fetchall()
        return rows
    finally:
        connection.close()


def unseal(path: Path, passphrase: str = PASSPHRASE) -> None:
    with PartyStore.open(path) as store:
        store.unseal(phrase(passphrase))


def script(source: str) -> subprocess.Popen[str]:
    """Start a program with cheap passphrases and the names of this module."""
    head = """
        import os, sys
        from pathlib import Path
        from tests.storage.cheap import cheap_passphrases
        from tests.storage.samples import *
        cheap = cheap_passphrases()
        cheap.__enter__()
    """
    command = [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(source)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
