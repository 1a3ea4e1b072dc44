"""What only bitcoind does: networks, restarts, packages; tests/wallet/chain/test_backend.py has the rest."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.wallet.chain.bitcoind.rig import BitcoindRig
from tests.wallet.chain.fake_node import FakeNode, NodeError, methods
from tests.wallet.chain.purse import Purse, outputs_of, spend
from wallet.account import Branch
from wallet.amounts import FeeRate, Sats
from wallet.chain import bitcoind
from wallet.chain.base import Block, MempoolEntry
from wallet.chain.bitcoind import Bitcoind
from wallet.chain.regtest_node import RegtestNode
from wallet.errors import ChainError, ChainRefusedError, NetworkMismatchError
from wallet.network import MAINNET, REGTEST, SIGNET, Network
from wallet.script import ScriptType, p2wpkh
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut, show_txid

NOWHERE = p2wpkh(bytes(20))
TX = Transaction((TxIn(OutPoint(Txid(b"\x01" * 32), 0)),), (TxOut(Sats(1000), NOWHERE),))

INFO = {"chain": "regtest", "blocks": 5, "headers": 9, "initialblockdownload": True, "pruned": False}
HEALTHY: dict[str, Any] = {
    "getblockchaininfo": INFO,
    "getblockhash": REGTEST.genesis,
    "getnetworkinfo": {"version": 260000},
}


# of a node with an empty wallet
WALLET: dict[str, Any] = {
    "loadwallet": {},
    "getwalletinfo": {"private_keys_enabled": False, "descriptors": True},
    "listdescriptors": {"descriptors": []},
    "listlabels": [],
}


def node_with(**answers: Any) -> FakeNode:
    """A fake node; an answer that is an exception is raised."""

    def answer(method: str, params: list[Any]) -> Any:
        value = (HEALTHY | answers)[method]
        value = value(params) if callable(value) else value
        if isinstance(value, Exception):
            raise value
        return value

    return FakeNode(methods(answer))


def open_node(node: FakeNode, network: Network = REGTEST) -> Bitcoind:
    return Bitcoind(node.endpoint(network), timeout=60)


# which node


def test_a_node_of_another_network_is_refused(rig: BitcoindRig) -> None:
    with pytest.raises(NetworkMismatchError, match="of the network 'regtest', and the wallet of signet") as e:
        Bitcoind(replace(rig.node.endpoint, network=SIGNET))
    assert e.value.hint == "start the node of signet: bitcoind -signet -daemon"


@pytest.mark.parametrize(
    "answers", [{"getblockhash": MAINNET.genesis}, {"getblockchaininfo": INFO | {"chain": "test"}}]
)
def test_a_chain_with_another_genesis_or_name_is_refused(answers: dict[str, Any]) -> None:
    with node_with(**answers) as node, pytest.raises(NetworkMismatchError):
        open_node(node)


def test_an_old_node_is_refused() -> None:
    with node_with(getnetworkinfo={"version": 259999}) as node, pytest.raises(ChainError, match="version 25"):
        open_node(node)


def test_a_node_that_still_downloads_blocks_is_refused_but_not_on_regtest() -> None:
    with node_with() as node:
        assert open_node(node).network == REGTEST
    info = INFO | {"chain": "signet"}
    with (
        node_with(getblockchaininfo=info, getblockhash=SIGNET.genesis) as node,
        pytest.raises(ChainError, match="downloading blocks: it has 5 of 9"),
    ):
        open_node(node, SIGNET)


def test_blocks_are_mined_on_regtest_only() -> None:
    info = INFO | {"chain": "signet", "initialblockdownload": False}
    with node_with(getblockchaininfo=info, getblockhash=SIGNET.genesis) as node:
        with pytest.raises(ChainError, match="regtest only"):
            open_node(node, SIGNET).mine(1, NOWHERE)
        assert "generatetodescriptor" not in json.dumps([body for _, _, body in node.requests])


# restarts


def test_a_restart_of_the_node_between_calls_is_not_noticed(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2TR)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    (coin,) = rig.fund(purse.key())
    before = rig.chain.changes(None)
    cookie = rig.node.endpoint.authorization()
    rig.node.stop()
    rig.node.start()
    assert rig.node.endpoint.authorization() != cookie
    assert rig.chain.changes(None) == before
    assert rig.chain.confirmations(coin.prevout.txid) == 1


@pytest.mark.parametrize("end", [RegtestNode.stop, RegtestNode.kill])
def test_a_node_that_is_down_is_an_error_with_the_command_to_start_it(
    rig: BitcoindRig, end: Callable[[RegtestNode], None]
) -> None:
    end(rig.node)
    try:
        with pytest.raises(ChainError, match="does not run") as caught:
            rig.chain.tip()
    finally:
        rig.node.start()
    assert caught.value.hint == "start it with: bitcoind -regtest -daemon"
    rig.chain.tip()


# changes


def test_changes_are_read_again_when_a_block_comes_in_between(
    rig: BitcoindRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    purse = Purse(ScriptType.P2WPKH)
    (coin,) = rig.fund(purse.key())
    rig.chain.watch(purse.name, purse.watch(1), 0)
    rig.chain.broadcast([tx := spend([coin], (0, NOWHERE))])
    read, reads = bitcoind.transactions_since, 0

    def mine_meanwhile(*args: Any) -> Any:
        nonlocal reads
        reads += 1
        seen = read(*args)
        if reads == 1:
            rig.mine()
        return seen

    monkeypatch.setattr(bitcoind, "transactions_since", mine_meanwhile)
    changes = rig.chain.changes(None)
    assert reads == 2
    assert changes.tip == rig.chain.tip()
    assert [(s.tx, s.block) for s in changes.seen if s.tx == tx] == [(tx, changes.tip)]


def test_changes_are_read_again_when_the_block_that_was_asked_from_goes_in_between(
    rig: BitcoindRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gone,) = rig.mine()
    find, asked = rig.chain._fork, 0

    def reorganise_after(since: bytes) -> Block | None:
        nonlocal asked
        asked += 1
        fork = find(since)
        if asked == 1:
            rig.reorganise(1)
        return fork

    monkeypatch.setattr(rig.chain, "_fork", reorganise_after)
    changes = rig.chain.changes(gone.hash)
    assert changes.fork is not None
    assert (changes.fork.height, changes.tip.height) == (gone.height - 1, gone.height + 1)


def test_a_chain_that_never_rests_is_an_error(rig: BitcoindRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.chain, "_best", lambda: rig.mine()[0].hash)
    with pytest.raises(ChainError, match="faster than it can be read"):
        rig.chain.changes(None)


def test_what_was_replaced_is_not_told_at_all(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2TR)
    (coin,) = rig.fund(purse.key())
    rig.chain.watch(purse.name, purse.watch(1), 0)
    rig.chain.broadcast([first := spend([coin], (0, NOWHERE))])
    rig.chain.broadcast([second := spend([coin], (0, NOWHERE), fee=9_000)])
    assert [s.tx for s in rig.chain.changes(rig.chain.tip().hash).seen] == [second]
    assert rig.chain.confirmations(first.txid) is None
    rig.mine()
    assert rig.chain.confirmations(first.txid) is None  # the node says -1
    assert [s.tx for s in rig.chain.changes(None).seen][1:] == [second]


def test_a_payment_to_nothing_but_change_is_told(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2TR)
    (coin,) = rig.fund(purse.key())
    rig.chain.watch(purse.name, purse.watch(1), 0)
    tx = spend([coin], (0, purse.key(0, Branch.CHANGE).script))
    rig.chain.broadcast([tx])
    assert [s.tx for s in rig.chain.changes(rig.chain.tip().hash).seen] == [tx]


def test_transactions_are_told_in_the_order_of_the_chain(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2WPKH)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    (coin,) = rig.fund(purse.key())
    chain = [coin.prevout.txid]
    for mined in (True, True, False, False, False):
        tx = spend([coin], (0, purse.key().script))
        rig.chain.broadcast([tx])
        (coin,) = outputs_of(tx, [purse.key()])
        chain.append(tx.txid)
        if mined:
            rig.mine()
    assert [s.tx.txid for s in rig.chain.changes(None).seen] == chain


def test_nothing_is_told_before_something_is_watched(rig: BitcoindRig) -> None:
    block = rig.mine()[0]
    assert rig.chain.changes(None).seen == ()
    assert rig.chain.confirmations(rig.coinbase(block).txid) is None
    rig.chain.rescan(0)


def test_times_are_those_of_the_node_and_of_the_block(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2TR)
    (coin,) = rig.fund(purse.key())
    rig.mine()
    rig.chain.watch(purse.name, purse.watch(1), 0)
    (seen,) = rig.chain.changes(None).seen
    assert seen.block is not None
    assert seen.first_seen == seen.block.time
    assert seen.tx.txid == coin.prevout.txid


LISTED = {"txid": "11" * 32, "confirmations": 1, "blockheight": 5, "blockhash": "22" * 32, "blocktime": 7}


@pytest.mark.parametrize(
    ("given", "message"),
    [(TX, "another transaction"), (None, "malformed")],
)
def test_a_node_that_gives_another_transaction_is_refused(given: Transaction | None, message: str) -> None:
    header = {"height": 5, "time": 7, "confirmations": 1}
    answers = WALLET | {
        "getbestblockhash": "22" * 32,
        "getblockheader": header,
        "listsinceblock": {"transactions": [LISTED | {"blockindex": 1, "time": 9}]},
        "gettransaction": {"hex": bytes(given).hex() if given else "00"},
    }
    with node_with(**answers) as node:
        chain = open_node(node)
        chain.watch("w", [], 0)
        with pytest.raises(ChainError, match=message):
            chain.changes(None)


# sending


def test_a_refusal_has_the_words_of_testmempoolaccept(rig: BitcoindRig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    tx = spend([replace(coin, prevout=replace(coin.prevout, index=7))], (0, NOWHERE))
    with pytest.raises(ChainRefusedError) as caught:
        rig.chain.broadcast([tx])
    # where sendrawtransaction says bad-txns-inputs-missingorspent
    assert caught.value.reason == rig.reason(tx) == "missing-inputs"
    assert caught.value.hint == ""


def test_a_high_fee_is_not_the_business_of_the_node(rig: BitcoindRig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key(), value=50_000_000)
    tx = spend([coin], (0, NOWHERE), fee=49_000_000)
    assert rig.reason(tx) is None
    rig.chain.broadcast([tx])
    entry = rig.chain.mempool_entry(tx.txid)
    assert entry == MempoolEntry(tx.vsize, Sats(49_000_000), tx.vsize, Sats(49_000_000), 1, Sats(49_000_000))


def test_a_confirmed_transaction_whose_outputs_are_spent_is_known(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2TR)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    (coin,) = rig.fund(purse.key())
    rig.chain.broadcast([tx := spend([coin], (0, purse.key().script))])
    rig.mine()
    rig.chain.broadcast([spend(outputs_of(tx, [purse.key()]), (0, NOWHERE))])
    rig.mine()
    rig.chain.broadcast([tx])


def test_a_parent_below_the_minimum_of_relay_is_refused_even_with_a_child_that_pays(rig: BitcoindRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script), fee=0)
    child = spend(outputs_of(parent, [key]), (0, NOWHERE), fee=5_000)
    with pytest.raises(ChainRefusedError, match="min relay fee not met"):
        rig.chain.broadcast([parent, child])


def test_a_parent_below_the_minimum_alone_is_refused_with_a_hint(rig: BitcoindRig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    with pytest.raises(ChainRefusedError, match="min relay fee not met") as caught:
        rig.chain.broadcast([spend([coin], (0, NOWHERE), fee=0)])
    assert "raise its fee" in caught.value.hint


def test_a_package_that_contradicts_itself_is_not_looked_at(rig: BitcoindRig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    package = [spend([coin], (0, NOWHERE), fee=fee) for fee in (1_000, 2_000)]
    assert [v.reason for v in rig.chain.test(package)] == ["conflict-in-package"] * 2


def test_a_verdict_on_another_transaction_is_refused() -> None:
    for answer in ([], [{"txid": "00" * 32, "allowed": True}]):
        with node_with(testmempoolaccept=answer) as node, pytest.raises(ChainError, match="of another"):
            open_node(node).test([TX])


def test_a_transaction_without_a_verdict_is_not_taken() -> None:
    with node_with(testmempoolaccept=[{"txid": show_txid(TX.txid)}]) as node:
        assert open_node(node).test([TX])[0].reason == "package-not-validated"


def test_an_error_that_is_no_refusal_stays_one() -> None:
    with node_with(sendrawtransaction=NodeError(-22, "TX decode failed")) as node:
        with pytest.raises(ChainError, match="TX decode failed") as caught:
            open_node(node).broadcast([TX])
        assert not isinstance(caught.value, ChainRefusedError)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"package_msg": "transaction failed", "tx-results": {"a": {}, "b": {"error": "no\x1b"}}}, "no"),
        ({"package_msg": "package-not-child-with-unconfirmed-parents", "tx-results": {}}, "package-not"),
    ],
)
def test_a_refused_package_says_why(answer: Any, reason: str) -> None:
    child = Transaction((TxIn(OutPoint(TX.txid, 0)),), (TxOut(Sats(500), NOWHERE),))
    reasons = {TX.txid: "mempool min fee not met", child.txid: "missing-inputs"}

    def verdict(params: list[Any]) -> Any:
        txid = Transaction.from_hex(params[0][0]).txid
        return [{"txid": show_txid(txid), "allowed": False, "reject-reason": reasons[txid]}]

    refused = NodeError(-26, "in other words")
    with (
        node_with(sendrawtransaction=refused, testmempoolaccept=verdict, submitpackage=answer) as node,
        pytest.raises(ChainRefusedError, match=reason) as caught,
    ):
        open_node(node).broadcast([TX, child])
    assert caught.value.reason.isprintable()


# fees


@pytest.mark.parametrize(
    ("answer", "rate"),
    [({"feerate": 0.00012345, "blocks": 2}, FeeRate(12345)), ({"errors": ["Insufficient data"]}, None)],
)
def test_an_estimate_is_read_exactly(answer: Any, rate: FeeRate | None) -> None:
    with node_with(estimatesmartfee=answer) as node:
        assert open_node(node).fee_rate(6) == rate


@pytest.mark.parametrize(("blocks", "asked"), [(0, 1), (1, 1), (1008, 1008), (5000, 1008)])
def test_an_estimate_is_asked_for_a_target_that_the_node_knows(blocks: int, asked: int) -> None:
    targets = []
    echo: Callable[[list[Any]], Any] = lambda params: targets.append(params[0]) or {}  # noqa: E731
    with node_with(estimatesmartfee=echo) as node:
        open_node(node).fee_rate(blocks)
    assert targets == [asked]


@pytest.mark.parametrize(("mempool", "relay"), [(0.00005, 0.00001), (0.00001, 0.00005)])
def test_the_lowest_rate_is_that_of_relay_or_of_a_full_mempool(mempool: float, relay: float) -> None:
    with node_with(getmempoolinfo={"mempoolminfee": mempool, "minrelaytxfee": relay}) as node:
        assert open_node(node).min_fee_rate() == FeeRate(5000)


@pytest.mark.parametrize("field", ["vsize", "ancestorsize", "descendantcount"])
def test_a_transaction_in_the_mempool_without_size_or_itself_is_refused(field: str) -> None:
    sizes = {"vsize": 1, "ancestorsize": 1, "descendantcount": 1}
    entry = sizes | {"fees": {"base": 0, "ancestor": 0, "descendant": 0}, field: 0}
    with (
        node_with(getmempoolentry=entry) as node,
        pytest.raises(ChainError, match=f"{field} is out of range"),
    ):
        open_node(node).mempool_entry(TX.txid)


@pytest.mark.parametrize("method", ["getmempoolentry", "gettransaction", "getblockheader", "listsinceblock"])
def test_an_error_is_not_taken_for_not_found(method: str) -> None:
    unconfirmed = {"txid": show_txid(TX.txid), "confirmations": 0, "time": 9}
    answers: dict[str, Any] = WALLET | {
        "getbestblockhash": "22" * 32,
        "getblockheader": {"height": 5, "time": 7, "confirmations": 1},
        "listsinceblock": {"transactions": [unconfirmed]},
        "gettransaction": {"confirmations": 0},
        "getmempoolentry": {"ancestorcount": 1},
        method: NodeError(-1, "disk failure"),
    }
    calls: dict[str, Callable[[Bitcoind], object]] = {
        "getmempoolentry": lambda chain: chain.mempool_entry(TX.txid),
        "gettransaction": lambda chain: chain.confirmations(TX.txid),
    }
    with node_with(**answers) as node:
        chain = open_node(node)
        chain.watch("w", [], 0)
        for call in (calls.get(method), lambda chain: chain.changes(bytes(32))):
            if call is not None:
                with pytest.raises(ChainError, match="disk failure"):
                    call(chain)
