"""Watch-only wallets of the real node: descriptors there and back, rescans, pruning."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import OPTIONS
from tests.wallet.accounts import account
from tests.wallet.chain.bitcoind.rig import BitcoindRig
from tests.wallet.chain.fake_node import FakeNode, NodeError, methods
from tests.wallet.chain.purse import KINDS, Purse
from wallet.account import Branch, KeyPath
from wallet.address import encode
from wallet.chain.base import Watch
from wallet.chain.bitcoind import Bitcoind
from wallet.chain.node_wallet import CLOCK_WINDOW, SCAN_DONE, SCAN_PENDING, NodeWallet
from wallet.chain.regtest_node import RegtestNode
from wallet.chain.rpc import RpcClient
from wallet.descriptor import Descriptor
from wallet.errors import ChainError, MalformedError
from wallet.network import REGTEST
from wallet.script import ScriptType
from wallet.tx import Txid, show_txid


def imports(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return a list to which every import adds its descriptors."""
    made: list[tuple[str, ...]] = []
    original = NodeWallet._import

    def spy(self: NodeWallet, branches: Sequence[Watch], birth: int) -> None:
        made.append(tuple(branch.descriptor for branch in branches))
        original(self, branches, birth)

    monkeypatch.setattr(NodeWallet, "_import", spy)
    return made


# descriptors


@pytest.mark.parametrize("kind", KINDS)
def test_descriptors_come_back_as_they_were_written(rig: BitcoindRig, kind: ScriptType) -> None:
    purse = Purse(kind)
    branches = purse.watch(20)
    NodeWallet(rig.rpc, purse.name).watch(branches, 1_700_000_000)
    listed = rig.rpc.of_wallet(purse.name).call("listdescriptors")["descriptors"]
    assert {entry["desc"].text() for entry in listed} == {branch.descriptor for branch in branches}
    for entry in listed:
        assert [bound.integer() for bound in entry["range"]] == [0, 19]
        assert entry["timestamp"].integer() == 1_700_000_000
        assert not entry["active"].boolean()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("branch", Branch)
def test_the_node_derives_our_addresses(rig: BitcoindRig, kind: ScriptType, branch: Branch) -> None:
    ours = account(kind)
    theirs = rig.rpc.call("deriveaddresses", Descriptor.of(ours).branch(branch), [0, 50])
    assert [address.text() for address in theirs] == [
        encode(ours.script(KeyPath(branch, i)), REGTEST) for i in range(51)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_node_computes_our_checksums(rig: BitcoindRig, kind: ScriptType) -> None:
    descriptor = Descriptor.of(account(kind))
    texts = [descriptor.text(), *(descriptor.branch(branch) for branch in Branch)]
    for text in texts:
        bare, checksum = text.split("#")
        assert rig.rpc.call("getdescriptorinfo", bare)["checksum"].text() == checksum
    info = rig.rpc.call("getdescriptorinfo", texts[0])
    assert [d.text() for d in info["multipath_expansion"]] == texts[1:]


def test_a_descriptor_that_the_node_refuses_is_an_error(rig: BitcoindRig) -> None:
    wallet = NodeWallet(rig.rpc, "refused")
    (good, _) = Purse(ScriptType.P2TR).watch(1)
    broken = good.descriptor[:-1] + ("q" if good.descriptor[-1] != "q" else "p")
    with pytest.raises(ChainError, match="checksum"):
        wallet.watch([Watch(broken, internal=False, end=1)], 0)


def test_a_range_that_the_node_refuses_is_an_error(rig: BitcoindRig) -> None:
    (good, _) = Purse(ScriptType.P2TR).watch(1)
    with pytest.raises(ChainError, match=r"does not watch tr\(.*Range is too large"):
        NodeWallet(rig.rpc, "large").watch([Watch(good.descriptor, internal=False, end=2_000_000)], 0)


# the node's wallet


def test_the_wallet_has_no_keys_and_is_loaded_at_start(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2TR)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    info = rig.rpc.of_wallet(purse.name).call("getwalletinfo")
    assert not info["private_keys_enabled"].boolean()
    rig.node.stop()
    rig.node.start()
    assert purse.name in [name.text() for name in rig.rpc.call("listwallets")]


def test_a_wallet_that_was_unloaded_is_loaded_again(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2TR)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    (coin,) = rig.fund(purse.key())
    rig.rpc.call("unloadwallet", purse.name)
    assert [s.tx.txid for s in rig.chain.changes(None).seen] == [coin.prevout.txid]


def test_a_wallet_with_keys_is_not_touched(rig: BitcoindRig) -> None:
    rig.rpc.named("createwallet", {"wallet_name": "savings"})
    purse = Purse(ScriptType.P2TR)
    with pytest.raises(ChainError, match="another wallet 'savings'"):
        rig.chain.watch("savings", purse.watch(1), 0)
    ours = purse.watch(1)[0].descriptor
    listed = rig.rpc.of_wallet("savings").call("listdescriptors")["descriptors"]
    assert ours not in [entry["desc"].text() for entry in listed]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/etc", "a/b", "a b", ".hidden", "x" * 65, "a\n", "ü"]
)
def test_a_name_that_is_no_plain_name_is_refused(name: str) -> None:
    with FakeNode() as node, pytest.raises(MalformedError, match="no name for a wallet"):
        NodeWallet(RpcClient(node.endpoint()), name)
    assert node.requests == []


@pytest.mark.parametrize("method", ["loadwallet", "createwallet", "getwalletinfo"])
def test_an_error_of_the_node_is_told(method: str) -> None:
    def answer(called: str, _: object) -> Any:
        if called == method:
            raise NodeError(-4, "disk failure")
        if called == "loadwallet":
            raise NodeError(-18, "no such wallet")
        return {}

    with FakeNode(methods(answer)) as node, pytest.raises(ChainError, match="disk failure"):
        NodeWallet(RpcClient(node.endpoint()), "w")


# what is imported and scanned


def test_what_is_watched_already_is_not_imported_again(
    rig: BitcoindRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = imports(monkeypatch)
    purse = Purse(ScriptType.P2TR)
    receive, change = (branch.descriptor for branch in purse.watch(1))
    for end in (2, 2, 1):
        rig.chain.watch(purse.name, purse.watch(end), 0)
    assert made == [(receive, change)]
    Bitcoind(rig.node.endpoint).watch(purse.name, purse.watch(2), 0)
    assert len(made) == 1
    longer = [purse.watch(2)[0], purse.watch(3)[1]]
    rig.chain.watch(purse.name, longer, 0)
    assert made[1:] == [(change,)]


@contextmanager
def hours_later(rig: BitcoindRig) -> Iterator[int]:
    """Bring blocks long after all that are there: an import looks at the last two hours anyway."""
    now = rig.chain.tip().time + 3 * CLOCK_WINDOW
    rig.rpc.call("setmocktime", now)
    first, *_ = rig.mine(20)
    try:
        yield now
    finally:
        # the next test cannot build on blocks of the future
        rig.rpc.call("invalidateblock", show_txid(Txid(first.hash)))
        rig.rpc.call("setmocktime", 0)


def test_what_was_received_before_is_found_from_the_birth_on(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2WPKH)
    (coin,) = rig.fund(purse.key(3))
    rig.mine(20)
    rig.chain.watch(purse.name, purse.watch(4), rig.chain.tip().time)
    assert [s.tx.txid for s in rig.chain.changes(None).seen] == [coin.prevout.txid]


def test_blocks_long_before_the_birth_are_not_looked_at(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2WPKH)
    rig.fund(purse.key())
    with hours_later(rig) as birth:
        (coin,) = rig.fund(purse.key())
        rig.chain.watch(purse.name, purse.watch(1), birth)
        assert [s.tx.txid for s in rig.chain.changes(None).seen] == [coin.prevout.txid]


def test_a_rescan_that_was_cut_short_is_done_again(rig: BitcoindRig, monkeypatch: pytest.MonkeyPatch) -> None:
    purse = Purse(ScriptType.P2TR)
    (coin,) = rig.fund(purse.key())

    original = NodeWallet._import

    def cut_short(self: NodeWallet, branches: Sequence[Watch], _: int) -> None:
        original(self, branches, rig.chain.tip().time)
        raise ChainError("killed")

    with hours_later(rig):
        with monkeypatch.context() as patch:
            patch.setattr(NodeWallet, "_import", cut_short)
            with pytest.raises(ChainError, match="killed"):
                rig.chain.watch(purse.name, purse.watch(1), 0)
        assert rig.chain.changes(None).seen == ()

        rig.reopen()
        rig.chain.watch(purse.name, purse.watch(1), 0)
        assert [s.tx.txid for s in rig.chain.changes(None).seen] == [coin.prevout.txid]
    labels = [label.text() for label in rig.rpc.of_wallet(purse.name).call("listlabels")]
    assert SCAN_DONE in labels
    assert SCAN_PENDING not in labels


def test_a_rescan_looks_at_no_block_below_its_start(rig: BitcoindRig) -> None:
    purse = Purse(ScriptType.P2TR)
    (coin,) = rig.fund(purse.key())
    height = rig.chain.tip().height
    with hours_later(rig) as birth:
        rig.chain.watch(purse.name, purse.watch(1), birth)
        rig.chain.rescan(height + 1)
        assert rig.chain.changes(None).seen == ()
        rig.chain.rescan(height)
        assert [s.tx.txid for s in rig.chain.changes(None).seen] == [coin.prevout.txid]
        rig.chain.rescan(1_000_000)  # beyond the tip: nothing to do


def test_no_rescan_has_no_progress(rig: BitcoindRig) -> None:
    assert rig.chain.scan_progress() is None
    purse = Purse(ScriptType.P2TR)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    assert rig.chain.scan_progress() is None


def test_a_rescan_that_is_going_on_is_waited_for() -> None:
    asked = 0

    def answer(method: str, _: object) -> Any:
        nonlocal asked
        asked += method == "getwalletinfo"
        scanning: Any = {"duration": 1, "progress": 0.25} if 2 <= asked <= 3 else False
        answers: dict[str, Any] = {
            "getwalletinfo": {"private_keys_enabled": False, "descriptors": True, "scanning": scanning},
            "getblockchaininfo": {"pruned": False},
            "getblockcount": 5,
        }
        return answers.get(method, {})

    with FakeNode(methods(answer)) as node:
        NodeWallet(RpcClient(node.endpoint()), "w").rescan(0)
    called = [call["method"] for _, _, calls in node.requests for call in calls]
    assert called.count("getwalletinfo") == 4
    assert called[-1] == "rescanblockchain"


def test_a_rescan_that_another_process_finishes_is_not_done_again() -> None:
    pending = True

    def answer(method: str, _: object) -> Any:
        nonlocal pending
        was_pending = pending
        if method == "listlabels":
            pending = False
        answers: dict[str, Any] = {
            "getwalletinfo": {"private_keys_enabled": False, "descriptors": True, "scanning": False},
            "listdescriptors": {"descriptors": []},
            "listlabels": [SCAN_PENDING] if was_pending else [SCAN_DONE],
            "getaddressesbylabel": {"address": {}},
        }
        return answers.get(method, {})

    with FakeNode(methods(answer)) as node:
        NodeWallet(RpcClient(node.endpoint()), "w").watch([], 0)
    assert "rescanblockchain" not in [call["method"] for _, _, calls in node.requests for call in calls]


def fake_chain(medians: list[int]) -> Callable[[str, Any], Any]:
    def answer(method: str, params: Any) -> Any:
        answers: dict[str, Callable[[], Any]] = {
            "getblockcount": lambda: len(medians) - 1,
            "getblockhash": lambda: str(params[0]),
            "getblockheader": lambda: {"mediantime": medians[int(params[0])]},
            "getwalletinfo": lambda: {"private_keys_enabled": False, "descriptors": True},
        }
        return answers.get(method, dict)()

    return answer


@pytest.mark.parametrize(
    ("birth", "height"),
    [(0, 0), (CLOCK_WINDOW + 500, 39), (CLOCK_WINDOW + 501, 40), (CLOCK_WINDOW + 10**6, 89)],
)
def test_the_first_block_to_look_at_is_eleven_below_the_first_with_such_a_median(
    birth: int, height: int
) -> None:
    medians = [10 * i for i in range(100)]
    with FakeNode(methods(fake_chain(medians))) as node:
        assert NodeWallet(RpcClient(node.endpoint()), "w")._first_height(birth) == height


def test_a_pruned_node_is_refused_if_it_lacks_blocks(bitcoind: Path, tmp_path: Path) -> None:
    purse = Purse(ScriptType.P2TR)
    options = [*OPTIONS, "-prune=1", "-fastprune"]
    with RegtestNode(tmp_path / "node", bitcoind, options) as node:
        chain = Bitcoind(node.endpoint)
        chain.mine(800, purse.key().script)
        RpcClient(node.endpoint).call("pruneblockchain", 400)
        for action in (
            lambda: chain.watch(purse.name, purse.watch(1), 0),
            lambda: chain.rescan(0),
        ):
            with pytest.raises(ChainError, match="bitcoind is pruned: it lacks the blocks 0 to") as caught:
                action()
            assert "-prune=0" in caught.value.hint
        assert json.dumps(chain.changes(None).seen) == "[]"
        chain.rescan(700)
