"""Coins that a wallet finds again, on a chain in memory."""

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from native.entropy import random_bytes
from tests.wallet.fake_chain import FakeChain
from wallet.account import GAP_LIMIT, Branch, KeyPath
from wallet.amounts import Sats
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

FAR = 250  # more than a node is told to watch at once


class Node(FakeChain):
    """A node that finds only what it was told to watch before it looks."""

    def __init__(self) -> None:
        super().__init__()
        self.looked: list[tuple[int, int]] = []

    def rescan(self, from_height: int) -> None:
        self.looked.append((from_height, min(self.ends.values(), default=0)))

    def close(self) -> None:
        pass


@pytest.fixture
def node(wallet: LocalWallet) -> Node:
    """A chain that has paid an address of the wallet far beyond those that it knows."""
    node = Node()
    script = wallet.accounts[0].script(KeyPath(Branch.RECEIVE, FAR))
    spent = TxIn(OutPoint(Txid(random_bytes(32)), 0))
    node.mine(Transaction((spent,), (TxOut(Sats(70_000), script),)))
    wallet.__dict__["chain"] = node
    return node


def test_coins_beyond_the_gap_limit_are_found_with_a_larger_gap_and_stay_known(
    wallet: LocalWallet, node: Node, home: Home
) -> None:
    assert wallet.rescan(0) == 0
    assert wallet.balance().total == 0
    assert wallet.rescan(0, FAR - 1) == 0
    assert wallet.rescan(0, FAR + 1) == 1
    assert wallet.balance().total == 70_000
    assert wallet.rescan(0, FAR + 1) == 0
    wallet.close()
    with LocalWallet.open(home) as again:
        again.__dict__["chain"] = node
        again.sync()
        assert again.balance().total == 70_000
        assert again.new_address().owner.path.index == FAR + 1


def test_node_looks_at_old_blocks_for_all_that_the_wallet_watches(wallet: LocalWallet, node: Node) -> None:
    wallet.rescan(7)
    wallet.rescan(8, FAR + 1)
    (first, near), (second, far) = node.looked
    assert (first, second) == (7, 8)
    assert near >= GAP_LIMIT
    assert far > FAR
