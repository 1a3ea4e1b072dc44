"""Files of all released formats open, and have what they had."""

import sqlite3
from contextlib import nullcontext
from pathlib import Path

import pytest

from presig_pool.store import Consumption, ReuseAttempt, Tally
from protocol.errors import SecretReuseError
from protocol.ids import PartyId
from storage.parties import PartyStore
from storage.prime_stock import PrimeStock
from storage.used_moduli import UsedModuli
from storage.wallets import SqlWalletStore, WalletSettings
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, aux_secret
from tests.presig_pool.samples import NOW, batch, digest, signer, stock
from tests.storage.samples import RECOVERY, drop_share, ecdsa_shares, entry, key_shares, phrase
from tests.storage.test_wallets import STORED, account, block, transaction
from wallet.network import REGTEST
from wallet.script import ScriptType
from wallet.store import StoredTransaction
from wallet.tx import OutPoint, Txid

VECTORS = Path(__file__).parents[1] / "vectors" / "storage"


def restored(directory: Path, name: str) -> Path:
    path = directory / "restored" / (name.partition("-")[0] + ".db")
    path.parent.mkdir()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript((VECTORS / name).read_text())
    connection.close()
    return path


@pytest.mark.parametrize("name", [f"party-{number}.sql" for number in range(1, 5)])
def test_a_party_of_an_old_format_opens(tmp_path: Path, name: str) -> None:
    with PartyStore.open(restored(tmp_path, name)) as store:
        store.unseal(phrase("correct horse"))
        assert store.party == PartyId(1)
        assert store.host_key().declassify() == bytes(range(1, 33))
        roster = store.roster()
        assert roster is not None
        assert roster.n == 3
        assert store.terms() == "2 of 3"
        assert store.signatures() == (entry(0), entry(1))
        assert store.recovery_data() == RECOVERY
        for epoch in (0, 1):
            expected = key_shares(epoch=epoch)[1]
            share = store.share(bytes(expected.info.thresh_pk), epoch)
            assert share.info == expected.info
            assert share.secshare.declassify() == expected.secshare.declassify()
        store.record(entry(2))
        drop_share(store, bytes(expected.info.thresh_pk), 0)


@pytest.mark.parametrize(
    ("name", "live", "ever"), [("party-2.sql", 2, 3), ("party-3.sql", 1, 4), ("party-4.sql", 1, 4)]
)
def test_presignatures_of_an_old_format_are_void_and_their_use_is_known(
    tmp_path: Path, name: str, live: int, ever: int
) -> None:
    first, second, third = (item.public.id for item in batch(1, 3))
    request, sighash = digest(1), digest(101)
    with PartyStore.open(restored(tmp_path, name)) as store:
        store.unseal(phrase("correct horse"))
        presignatures = store.presignatures
        assert presignatures.voided == live
        assert list(presignatures.find([first, second, third])) == [first]
        share = presignatures.consumption(first)
        assert share == Consumption(first, request, sighash, *signer(sighash)(batch(1, 1)), NOW + 1)
        assert presignatures.publics([first]) == (batch(1, 1)[0].public,)
        assert presignatures.tally(stock(), NOW) == Tally(0, 0, 1, ever, 1, 1)


@pytest.mark.parametrize("name", ["party-3.sql", "party-4.sql"])
def test_ecdsa_shares_auxiliary_info_and_attempts_of_an_old_format_are_read(
    tmp_path: Path, name: str
) -> None:
    with PartyStore.open(restored(tmp_path, name)) as store:
        log = store.reuse_log()
        assert log.count == 10
        assert log.latest[0] == ReuseAttempt(batch(1)[0].public.id, digest(9), digest(102), NOW + 12)
        assert len(log.latest) == 8
        store.unseal(phrase("correct horse"))
        for epoch in (0, 1):
            expected = ecdsa_shares(2, epoch)[1]
            share = store.ecdsa_share(bytes(expected.sharing.key), epoch)
            assert (share.sharing, share.chain_code) == (expected.sharing, expected.chain_code)
            assert share.secshare.declassify() == expected.secshare.declassify()
        aux = store.aux(TINY)
        assert aux.own.blum.declassify() == aux_infos(3)[1].own.blum.declassify()
        assert aux.publics.keys() == {0, 1, 2}


@pytest.mark.parametrize("name", ["primes-1.sql"])
def test_a_stock_of_primes_of_an_old_format_gives_its_sets(tmp_path: Path, name: str) -> None:
    with PrimeStock.open(restored(tmp_path, name)) as stock:
        stock.unseal(phrase("correct horse"))
        assert stock.party == PartyId(1)
        found = stock.sets()
        assert [(item.home, item.bits, item.made) for item in found] == [
            (bytes(range(16)), TINY.prime_bits, 1_700_000_000 + i) for i in range(2)
        ]
        for i, item in enumerate(found):
            assert stock.take(item).declassify() == aux_secret(i).primes.declassify()


@pytest.mark.parametrize("name", ["moduli-1.sql"])
def test_moduli_of_an_old_format_are_known(tmp_path: Path, name: str) -> None:
    with UsedModuli.open(restored(tmp_path, name)) as used:
        assert used.home == bytes(range(16))
        for i, known in enumerate((True, False)):
            public = aux_secret(i).public
            with pytest.raises(SecretReuseError) if known else nullcontext():
                used.claim([public.N, public.pedersen.n], PartyId(1), 1_700_000_000)


@pytest.mark.parametrize("name", ["wallet-1.sql"])
def test_a_wallet_of_an_old_format_opens(tmp_path: Path, name: str) -> None:
    second = StoredTransaction(
        transaction(2), block(3), 1_700_000_000, own=False, in_mempool=True, replaced_by=Txid(b"\7" * 32)
    )
    with SqlWalletStore.open(restored(tmp_path, name)) as store:
        assert store.settings() == WalletSettings(REGTEST, 3, 2, '{"chain": "embedded"}', bytes(range(16)))
        assert store.accounts() == (account(0), account(1, ScriptType.P2WPKH, "segwit"))
        assert [store.next_index(0, branch) for branch in (0, 1)] == [7, 1]
        assert store.sync_point() == block(9)
        assert store.transactions() == tuple(sorted((STORED, second), key=lambda item: item.tx.txid))
        assert store.frozen() == {OutPoint(Txid(b"\5" * 32), 3)}
        assert store.labels() == {("tx", "ab"): "rent"}
        assert store.drafts() == {Txid(b"\6" * 32): b"psbt\xff"}
        assert store.reserve_index(0, 0) == 7
