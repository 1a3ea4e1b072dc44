import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import ChainKind, ChainSettings, WalletPlan
from storage.errors import CorruptError
from tests.cosigner.group import STRANGER
from tests.cosigner.wallets import PLAN, create, fund
from wallet import address
from wallet.account import Branch, KeyPath
from wallet.descriptor import Descriptor
from wallet.errors import MalformedError, NetworkMismatchError, UnknownError
from wallet.labels import LabelType
from wallet.network import REGTEST, SIGNET
from wallet.tx import OutPoint, Txid, show_txid

NOWHERE = OutPoint(Txid(bytes(32)), 0)


def test_info_tells_what_the_wallet_is(wallet: LocalWallet) -> None:
    info = wallet.info()
    assert (info.name, info.plan, info.descriptors) == ("main", wallet.plan, wallet.descriptors())
    assert (info.plan.t, info.plan.n, len(info.params_hash), info.synced) == (2, 3, 32, None)
    fund(wallet, 1000)
    synced = wallet.info().synced
    assert synced is not None
    assert synced.height == 160


def test_descriptor_gives_the_addresses_of_the_wallet(wallet: LocalWallet) -> None:
    (text,) = wallet.descriptors()
    first = wallet.new_address()
    receive, _ = Descriptor.parse(text, REGTEST).singles()
    assert address.encode(receive.script(0), REGTEST) == first.text
    requests = json.loads(wallet.import_json())
    assert [r["internal"] for r in requests] == [False, True]


def test_coins_and_balance_are_those_of_the_stored_transactions(wallet: LocalWallet) -> None:
    coins = fund(wallet, 70_000, 30_000)
    assert {coin.outpoint for coin in wallet.coins()} == set(coins)
    assert wallet.balance().confirmed == 100_000
    (entry,) = wallet.history()
    assert entry.net == 100_000
    assert [len(a.received) for a in wallet.addresses()] == [1, 1]


def test_frozen_coin_is_kept_out_of_the_balance_until_it_is_freed(wallet: LocalWallet) -> None:
    coin, _ = fund(wallet, 70_000, 30_000)
    wallet.freeze(coin)
    assert (wallet.balance().confirmed, wallet.balance().frozen) == (30_000, 70_000)
    wallet.unfreeze(coin)
    assert wallet.balance().frozen == 0


def test_coin_that_there_is_not_cannot_be_frozen(wallet: LocalWallet) -> None:
    with pytest.raises(UnknownError):
        wallet.freeze(NOWHERE)
    with pytest.raises(UnknownError):
        wallet.unfreeze(NOWHERE)


def test_address_keeps_its_label(wallet: LocalWallet) -> None:
    text = wallet.new_address("rent").text
    assert wallet.find_address(text).label == "rent"
    assert wallet.find_address(text.upper()).owner.path == KeyPath(Branch.RECEIVE, 0)
    wallet.set_label(LabelType.ADDR, text, "")
    assert wallet.addresses()[0].label == ""


def test_label_that_a_line_cannot_show_is_refused_and_no_address_is_lost(wallet: LocalWallet) -> None:
    with pytest.raises(MalformedError):
        wallet.new_address("a\nb")
    assert wallet.addresses() == ()


@pytest.mark.parametrize(
    ("kind", "ref", "text"), [("addr", "A" * 20, "\x1b[2J"), ("tx", "here", "x"), ("note", "A" * 20, "x")]
)
def test_label_that_another_program_has_written_is_not_shown(
    wallet: LocalWallet, kind: str, ref: str, text: str
) -> None:
    made = wallet.new_address()
    wallet._store.set_label(kind, ref, text)
    shows: list[Callable[[], object]] = [
        wallet.labels,
        wallet.addresses,
        wallet.export_labels,
        lambda: wallet.find_address(made.text),
    ]
    for show in shows:
        with pytest.raises(CorruptError, match="labels"):
            show()


def test_labels_and_frozen_coins_come_back_from_their_file(wallet: LocalWallet) -> None:
    frozen, free = fund(wallet, 70_000, 30_000)
    text = wallet.new_address("rent").text
    wallet.set_label(LabelType.TX, show_txid(free.txid), "first")
    wallet.set_label(LabelType.OUTPUT, str(free), "small")
    wallet.freeze(frozen)
    data, labels = wallet.export_labels(), wallet.labels()
    for kind, ref in labels:
        wallet.set_label(LabelType(kind), ref, "")
    wallet.unfreeze(frozen)
    assert not wallet.labels()
    found = wallet.import_labels(data)
    assert (found.refused, found.ignored) == ((), 0)
    assert wallet.labels() == labels
    assert {coin.outpoint for coin in wallet.coins() if coin.frozen} == {frozen}
    assert wallet.find_address(text).label == "rent"


def test_labels_of_another_wallet_are_left_out(wallet: LocalWallet) -> None:
    record = {"type": "tx", "ref": "ab" * 32, "label": "theirs", "origin": "tr([00000000])"}
    wallet.import_labels(json.dumps(record).encode())
    assert not wallet.labels()


def test_foreign_address_is_not_found(wallet: LocalWallet) -> None:
    with pytest.raises(UnknownError):
        wallet.find_address(address.encode(STRANGER, REGTEST))


def test_chain_settings_are_kept_when_they_change(home: Home) -> None:
    node = ChainSettings(ChainKind.BITCOIND, "http://127.0.0.1:18443")
    with create(home) as wallet:
        with pytest.raises(MalformedError):
            wallet.set_chain(ChainSettings(url="http://127.0.0.1"))
        assert wallet.plan.chain == PLAN.chain
        wallet.set_chain(node)
    with LocalWallet.open(home) as wallet:
        assert wallet.plan.chain == node


def test_wallets_of_a_home_see_one_embedded_chain(home: Home) -> None:
    with create(home, "one") as wallet:
        wallet.regtest().mine(3, STRANGER)
    with create(home, "two") as wallet:
        assert wallet.chain.tip().height == 3


def test_blocks_are_made_on_regtest_only(wallet: LocalWallet) -> None:
    wallet.settings = replace(
        wallet.settings, plan=WalletPlan(SIGNET, chain=ChainSettings(ChainKind.BITCOIND))
    )
    with pytest.raises(NetworkMismatchError):
        wallet.regtest()
