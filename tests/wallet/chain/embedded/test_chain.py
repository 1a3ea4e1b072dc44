"""The embedded chain itself: network, blocks made elsewhere, index, life after close."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.wallet.chain.embedded.rig import NOBODY, EmbeddedRig
from tests.wallet.chain.purse import KINDS, Purse, outputs_of, spend, with_witness
from wallet.amounts import COIN
from wallet.chain.embedded import open_embedded
from wallet.chain.embedded.backend import MAX_BLOCKS, EmbeddedChain
from wallet.chain.embedded.block import Template, make_block, subsidy
from wallet.chain.embedded.kernel import Kernel, failing_input
from wallet.errors import ChainError, MalformedError, NetworkMismatchError
from wallet.network import MAINNET, NETWORKS, REGTEST
from wallet.script import ScriptType
from wallet.tx import TxOut, double_sha256

OTHERS = [network for network in NETWORKS.values() if network != REGTEST]


def template(chain: EmbeddedChain, **changes: object) -> Template:
    tip = chain.tip()
    return replace(Template(tip.hash, tip.height + 1, tip.time + 1, NOBODY), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("network", OTHERS, ids=str)
def test_another_network_is_refused_before_anything_is_written(tmp_path: Path, network) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ChainError, match="regtest only") as caught:
        open_embedded(tmp_path / "chain", network)
    assert "bitcoind" in caught.value.hint
    assert not (tmp_path / "chain").exists()


def test_the_chain_starts_with_the_genesis_block_of_its_network(tmp_path: Path) -> None:
    chain = open_embedded(tmp_path)
    assert chain.tip().height == 0
    assert chain.tip().hash[::-1].hex() == REGTEST.genesis
    chain.close()


def test_the_library_is_loaded_only_when_a_chain_is_opened() -> None:
    script = "import sys, wallet.chain.embedded; sys.exit('pbk' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    EmbeddedChain(tmp_path / "chain").close()
    assert (tmp_path / "chain").stat().st_mode & 0o777 == 0o700


def test_a_descriptor_of_another_network_is_refused(rig: EmbeddedRig) -> None:
    purse = Purse(ScriptType.P2TR)
    purse.account = replace(purse.account, network=MAINNET)
    with pytest.raises(NetworkMismatchError):
        rig.chain.watch(purse.name, purse.watch(1), 0)


def test_a_descriptor_with_a_typo_is_refused(rig: EmbeddedRig) -> None:
    watch = Purse(ScriptType.P2TR).watch(1)[0]
    with pytest.raises(MalformedError):
        rig.chain.watch(
            "w", [replace(watch, descriptor=watch.descriptor[:-1] + "q7"[watch.descriptor[-1] == "q"])], 0
        )


@pytest.mark.parametrize("blocks", [-1, 0, MAX_BLOCKS + 1])
def test_a_number_of_blocks_out_of_range_is_refused(rig: EmbeddedRig, blocks: int) -> None:
    with pytest.raises(ChainError, match="cannot be mined"):
        rig.chain.mine(blocks, NOBODY)


def test_a_closed_chain_refuses_calls_instead_of_ending_the_process(tmp_path: Path) -> None:
    chain = EmbeddedChain(tmp_path)
    chain.close()
    for call in (chain.tip, lambda: chain.mine(1, NOBODY), lambda: chain.changes(None)):
        with pytest.raises(ChainError, match="closed"):
            call()


def test_many_blocks_within_one_second_are_valid(tmp_path: Path) -> None:
    # BIP-34 pushes of one and two bytes, a halving, and times that run ahead of the clock
    with EmbeddedChain(tmp_path, clock=lambda: 1_600_000_000) as chain:
        blocks = chain.mine(160, NOBODY)
        assert [chain.transactions(h)[0].outputs[0].value for h in (149, 150)] == [50 * COIN, 25 * COIN]
        assert blocks[-1].time > 1_600_000_000


def test_the_subsidy_ends() -> None:
    assert [subsidy(h) for h in (0, 149, 150, 300)] == [50 * COIN, 50 * COIN, 25 * COIN, 1_250_000_000]
    assert subsidy(150 * 32) == 1
    assert subsidy(150 * 33) == subsidy(150 * 64) == subsidy(150 * 1000) == 0


# blocks made elsewhere


def test_a_block_with_a_bad_signature_is_refused(rig: EmbeddedRig) -> None:
    tx = spend(rig.fund(Purse(ScriptType.P2TR).key()), (0, NOBODY))
    tip = rig.chain.tip()
    raw, _ = make_block(template(rig.chain, txs=[with_witness(tx, 0, bytes(64))]))
    with pytest.raises(ChainError, match="a block was refused: consensus"):
        rig.chain.submit_block(raw)
    assert rig.chain.tip() == tip
    rig.chain.submit_block(make_block(template(rig.chain, txs=[tx]))[0])
    assert rig.chain.tip().height == tip.height + 1


def test_a_block_that_creates_too_much_is_refused(rig: EmbeddedRig) -> None:
    with pytest.raises(ChainError, match="a block was refused"):
        rig.chain.submit_block(make_block(template(rig.chain, fees=1))[0])


@pytest.mark.parametrize(
    "change", [lambda raw: raw[:-1], lambda _: b"", lambda raw: raw[:70] + b"\xff" + raw[71:]]
)
def test_a_malformed_block_is_refused(rig: EmbeddedRig, change) -> None:  # type: ignore[no-untyped-def]
    raw, _ = make_block(template(rig.chain))
    with pytest.raises(ChainError, match="a block was refused"):
        rig.chain.submit_block(change(raw))


def test_a_block_without_a_parent_is_refused(rig: EmbeddedRig) -> None:
    with pytest.raises(ChainError, match="a block was refused"):
        rig.chain.submit_block(make_block(template(rig.chain, previous=bytes(32)))[0])


def test_a_known_block_is_taken_again_without_effect(rig: EmbeddedRig) -> None:
    raw, _ = make_block(template(rig.chain))
    rig.chain.submit_block(raw)
    tip = rig.chain.tip()
    rig.chain.submit_block(raw)
    assert rig.chain.tip() == tip


def test_a_branch_with_equal_work_does_not_take_over(rig: EmbeddedRig) -> None:
    first, second = (make_block(template(rig.chain, script_pubkey=script))[0] for script in (NOBODY, b"\x51"))
    rig.chain.submit_block(first)
    rig.chain.submit_block(second)
    assert rig.chain.tip().hash == double_sha256(first[:80])


def test_a_branch_with_an_invalid_block_is_left(rig: EmbeddedRig) -> None:
    rig.mine(2)
    tip = rig.chain.tip()
    fork = rig.chain.block(tip.height - 2)
    previous = fork.hash
    blocks = []
    for i, fees in enumerate((0, 1, 0), 1):
        raw, _ = make_block(Template(previous, fork.height + i, tip.time + i, NOBODY, fees=fees))
        blocks.append(raw)
        previous = double_sha256(raw[:80])
    rig.chain.submit_block(blocks[0])
    rig.chain.submit_block(blocks[1])  # as much work as the tip: not looked into yet
    with pytest.raises(ChainError, match="a block was refused"):
        rig.chain.submit_block(blocks[2])
    assert rig.chain.tip() == tip
    assert rig.chain.changes(tip.hash).fork == tip


def test_a_block_of_others_takes_its_transactions_and_their_rivals_out_of_the_mempool(
    rig: EmbeddedRig,
) -> None:
    key = Purse(ScriptType.P2WPKH).key()
    one, two = rig.fund(key, key)
    same = spend([one], (0, NOBODY))
    rival = spend([two], (0, key.script))
    child = spend(outputs_of(rival, [key]), (0, NOBODY))
    rig.chain.broadcast([same])
    rig.chain.broadcast([rival, child])
    mined = [same, spend([two], (0, NOBODY), fee=700)]
    rig.chain.submit_block(make_block(template(rig.chain, txs=mined))[0])
    assert [rig.chain.mempool_entry(tx.txid) for tx in (same, rival, child)] == [None] * 3
    rig.mine()


# index


def state(rig: EmbeddedRig) -> tuple[object, ...]:
    index = rig.chain._index
    return index.blocks, index.coins, index.confirmed, index.heights


def test_an_index_that_followed_reorganisations_equals_one_made_anew(rig: EmbeddedRig) -> None:
    for depth in (1, 3, 2):
        key = Purse(KINDS[depth % 2]).key()
        parent = spend(rig.fund(key), (30_000, key.script), (0, key.script))
        child = spend(outputs_of(parent, [key]), (0, NOBODY))
        rig.chain.broadcast([parent, child])
        rig.mine(depth)
        rig.reorganise(depth)
        rig.mine()
    followed = state(rig)
    rig.reopen()
    assert state(rig) == followed


def test_an_interrupted_call_leaves_no_gap(rig: EmbeddedRig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.chain.broadcast([spend(rig.fund(Purse(ScriptType.P2TR).key()), (0, NOBODY))])
    process = rig.chain._kernel.process

    def interrupted(block: bytes) -> None:
        process(block)
        raise KeyboardInterrupt

    monkeypatch.setattr(rig.chain._kernel, "process", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rig.mine()
    monkeypatch.undo()
    tip = rig.chain.tip()
    (block,) = rig.mine()
    assert block.height == tip.height + 1
    followed = state(rig)
    rig.reopen()
    assert state(rig) == followed


def test_data_outputs_and_the_first_coinbase_are_no_coins(rig: EmbeddedRig) -> None:
    coins = rig.chain._index.coins
    assert not [coin for coin in coins.values() if coin.out.script_pubkey[:1] == b"\x6a"]
    assert all(coin.height > 0 for coin in coins.values())


def test_the_median_time_is_of_eleven_blocks(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path, clock=lambda: 1_600_000_000) as chain:
        tip = chain.mine(30, NOBODY)[-1].height
        times = [chain.block(h).time for h in range(tip + 1)]
        # the time of each next block is the least that consensus takes: one more than the median
        assert chain._index.median_time(tip) == sorted(times[-11:])[5]
        assert chain._index.median_time(0) == times[0]
        assert chain._index.median_time(1) == times[1]


# kernel


def test_the_first_failing_input_is_named(rig: EmbeddedRig) -> None:
    coins = rig.fund(*(Purse(kind).key() for kind in (*KINDS, *KINDS)))
    tx = spend(coins, (0, NOBODY))
    spent = [coin.out for coin in coins]
    assert failing_input(tx, spent) is None
    assert failing_input(with_witness(tx, 2, *tx.inputs[0].witness), spent) == 2
    wrong = [*spent[:3], TxOut(spent[3].value, NOBODY)]
    assert failing_input(tx, wrong) == 1  # a Taproot signature commits to all coins


def test_a_fork_with_an_unknown_block_is_none(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    assert kernel.fork(bytes(32)) is None
    assert kernel.fork(kernel.tip().hash) == kernel.tip()
    kernel.close()
    kernel.close()
