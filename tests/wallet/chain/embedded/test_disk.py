"""What is on disk survives a kill, a damaged database and a second process."""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clock import Clock
from tests.seeds import new_seed
from tests.wallet.chain.embedded.rig import NOBODY, EmbeddedRig
from tests.wallet.chain.purse import KINDS, Purse, outputs_of, spend, with_witness
from wallet.chain.embedded.backend import EmbeddedChain
from wallet.chain.embedded.disk import Disk
from wallet.chain.embedded.kernel import Kernel
from wallet.errors import ChainError
from wallet.script import ScriptType
from wallet.tx import Transaction

ROOT = Path(__file__).parents[4]


def unconfirmed(rig: EmbeddedRig) -> Transaction:
    tx = spend(rig.fund(Purse(ScriptType.P2TR).key()), (0, NOBODY))
    rig.chain.broadcast([tx])
    return tx


def recorded(directory: Path) -> dict[str, object]:
    return json.loads((directory / "state.json").read_bytes())  # type: ignore[no-any-return]


def forget_to_close(directory: Path) -> None:
    """Leave a closed chain as a kill right after its last block would."""
    (directory / "state.json").write_text(json.dumps(recorded(directory) | {"closed": False}))


def kill_after(directory: Path, lines: int, delay: float) -> list[list[str]]:
    """Run a victim, kill it some seconds after it has printed so many lines, and return all its lines."""
    command = [sys.executable, "-m", "tests.wallet.chain.embedded.victim", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        time.sleep(delay)
        process.kill()
        told += process.stdout.readlines()
    assert process.returncode == -9
    return [line.split() for line in told if line.endswith("\n")]


def test_a_killed_process_loses_nothing_that_was_reported(tmp_path: Path) -> None:
    rng = random.Random(new_seed())
    for run in range(4):
        directory = tmp_path / str(run)
        told = kill_after(directory, lines=rng.randrange(1, 9), delay=rng.random() * 0.02)
        with EmbeddedChain(directory) as chain:
            for kind, *rest in told:
                if kind == "block":
                    assert chain.block(int(rest[0])).hash.hex() == rest[1]
                else:
                    txid = bytes.fromhex(rest[0])
                    confirmed = any(
                        tx.txid == txid for h in range(chain.tip().height + 1) for tx in chain.transactions(h)
                    )
                    assert confirmed or chain.mempool_entry(txid) is not None
            assert chain.tip().height >= 101
            chain.mine(1, NOBODY)


def test_a_kill_before_the_first_block_leaves_a_chain_that_opens(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path):
        pass
    forget_to_close(tmp_path)
    with EmbeddedChain(tmp_path) as chain:
        assert chain.tip().height == 0


def test_a_kill_while_the_mempool_is_written_keeps_the_one_before(tmp_path: Path) -> None:
    rig = EmbeddedRig(tmp_path)
    tx = unconfirmed(rig)
    rig.close()
    (tmp_path / "state.new").write_bytes(b'{"format": 1, "transac')
    with EmbeddedChain(tmp_path) as chain:
        assert chain.mempool_entry(tx.txid) is not None


def test_an_orderly_close_is_recorded(tmp_path: Path) -> None:
    chain = EmbeddedChain(tmp_path)
    assert not recorded(tmp_path)["closed"]
    chain.mine(2, NOBODY)
    assert recorded(tmp_path)["height"] == 2
    assert not recorded(tmp_path)["closed"]
    chain.close()
    chain.close()
    assert recorded(tmp_path) == {"format": 1, "height": 2, "closed": True, "mempool": []}


def test_what_is_reported_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name))
    rig = EmbeddedRig(tmp_path / "chain")
    assert {"blk00000.dat", "xor.dat", "blocks", "state.new", "chain"} <= set(synced)
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    synced.clear()
    rig.mine()
    assert synced == ["blk00000.dat", "state.new", "chain"]  # blocks before the state that counts them
    synced.clear()
    rig.chain.broadcast([spend([coin], (0, NOBODY))])
    assert synced == ["state.new", "chain"]
    rig.close()


def test_a_reindex_keeps_the_active_chain_after_a_reorganisation(tmp_path: Path) -> None:
    rig = EmbeddedRig(tmp_path)
    tx = unconfirmed(rig)
    stale = rig.mine(2)[-1]
    tip = rig.reorganise(2)
    rig.close()
    forget_to_close(tmp_path)
    with EmbeddedChain(tmp_path) as chain:
        assert chain.tip() == tip
        assert chain.mempool_entry(tx.txid) is not None
        fork = chain.changes(stale.hash).fork
        assert fork is not None
        assert fork.height == tip.height - 3


def test_a_damaged_database_is_rebuilt_from_the_blocks(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path) as chain:
        tip = chain.mine(20, NOBODY)[-1]
    for folder in ("chainstate", "blocks/index"):
        for path in (tmp_path / folder).glob("MANIFEST-*"):
            path.write_bytes(b"damage")
        with EmbeddedChain(tmp_path) as chain:
            assert chain.tip() == tip


def test_unconfirmed_parents_come_back_with_a_child_that_paid_for_them(tmp_path: Path) -> None:
    rig = EmbeddedRig(tmp_path)
    key = Purse(ScriptType.P2TR).key()
    (coin,) = rig.fund(key)
    parent = spend([coin], (0, key.script), fee=0, version=3)
    child = spend([*outputs_of(parent, [key])], (0, NOBODY), fee=4_000, version=3)
    rig.chain.broadcast([parent, child])
    rig.reopen()
    assert rig.chain.mempool_entry(parent.txid) is not None
    assert rig.chain.mempool_entry(child.txid) is not None
    rig.close()


def test_the_time_of_arrival_is_kept(tmp_path: Path) -> None:
    rig = EmbeddedRig(tmp_path)
    purse = Purse(ScriptType.P2TR)
    (coin,) = rig.fund(purse.key())
    rig.close()
    with EmbeddedChain(tmp_path, clock=lambda: 2_000_000_000) as chain:
        chain.broadcast([spend([coin], (0, NOBODY))])
    with EmbeddedChain(tmp_path) as chain:
        chain.watch(purse.name, purse.watch(1), 0)
        assert [s.first_seen for s in chain.changes(None).seen][1:] == [2_000_000_000]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\0",
        "[]",
        "5",
        '{"format": 1, "height": 3, "mempool": []}',
        '{"format": 1, "height": 3, "closed": true, "mempool": [["00", 1]]}',
        '{"format": 1, "height": 3, "closed": true, "mempool": [5]}',
        '{"format": 1, "height": 3, "closed": true, "mempool": [[5, 5]]}',
        '{"format": 2, "height": 3, "closed": true, "mempool": []}',
    ],
)
def test_a_damaged_state_is_reported_and_left_alone(tmp_path: Path, content: str) -> None:
    with EmbeddedChain(tmp_path) as chain:
        tip = chain.mine(3, NOBODY)[-1]
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(ChainError, match=r"state\.json") as caught:
        EmbeddedChain(tmp_path)
    assert caught.value.hint
    assert path.read_text() == content
    path.unlink()  # as the hint says
    with EmbeddedChain(tmp_path) as chain:
        assert chain.tip() == tip


def test_of_stored_transactions_the_valid_ones_come_back(tmp_path: Path) -> None:
    rig = EmbeddedRig(tmp_path)
    one, two = rig.fund(*(Purse(kind).key() for kind in KINDS))
    good, other = (spend([coin], (0, NOBODY)) for coin in (one, two))
    rival = spend([one], (0, NOBODY), fee=5_000)
    forged = with_witness(other, 0, bytes(64))
    rig.close()
    rows = [(bytes(tx).hex(), 1) for tx in (good, rival, forged)]
    (tmp_path / "state.json").write_text(json.dumps(recorded(tmp_path) | {"mempool": rows}))
    with EmbeddedChain(tmp_path) as chain:
        assert [chain.mempool_entry(tx.txid) is not None for tx in (good, rival, other)] == [
            True,
            False,
            False,
        ]
        chain.mine(1, NOBODY)


def test_lost_blocks_are_reported(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path) as chain:
        chain.mine(3, NOBODY)
    (tmp_path / "blocks" / "blk00000.dat").unlink()
    for _ in range(2):
        with pytest.raises(ChainError, match="only 0 of 3 blocks"):
            EmbeddedChain(tmp_path, lock_timeout=0)


def test_a_second_process_waits_and_is_then_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedChain(tmp_path):
        monkeypatch.setattr("wallet.chain.embedded.disk.time", clock := Clock())
        with pytest.raises(ChainError, match="another process has the embedded chain") as caught:
            EmbeddedChain(tmp_path, lock_timeout=0.1)
        assert 0.1 <= clock.now < 0.2
        assert caught.value.hint
    EmbeddedChain(tmp_path).close()


def test_a_waiting_process_gets_the_chain_when_it_is_closed(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from wallet.chain.embedded.backend import EmbeddedChain\n"
        "c = EmbeddedChain(Path(sys.argv[1])); print('open', flush=True); sys.stdin.readline(); c.close()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(ChainError, match="another process"):
            EmbeddedChain(tmp_path, lock_timeout=0)
        process.stdin.write("\n")
        process.stdin.flush()
        EmbeddedChain(tmp_path, lock_timeout=300).close()


def test_a_failed_open_lets_go_of_the_lock(tmp_path: Path) -> None:
    (tmp_path / "blocks").write_bytes(b"not a directory")
    for _ in range(2):
        with pytest.raises(ChainError, match="cannot be opened"):
            EmbeddedChain(tmp_path, lock_timeout=0)


def test_a_path_that_cannot_be_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ChainError, match="cannot be used"):
        Disk(tmp_path / "file" / "chain")


def with_file_limit(limit: int, action: Callable[[], object]) -> None:
    """Run something while no file may grow beyond so many bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        action()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_a_transaction_and_loses_none(tmp_path: Path) -> None:
    rig = EmbeddedRig(tmp_path)
    first, second = (spend([coin], (0, NOBODY)) for coin in rig.fund(*(Purse(kind).key() for kind in KINDS)))
    rig.chain.broadcast([first])
    with pytest.raises(ChainError, match="cannot be written") as caught:
        with_file_limit(10, lambda: rig.chain.broadcast([second]))
    assert caught.value.hint
    assert rig.chain.mempool_entry(second.txid) is None
    rig.reopen()
    assert rig.chain.mempool_entry(first.txid) is not None
    rig.chain.broadcast([second])
    rig.close()


def test_a_full_disk_refuses_a_block_and_loses_none(tmp_path: Path) -> None:
    chain = EmbeddedChain(tmp_path)
    tip = chain.mine(5, NOBODY)[-1]
    with pytest.raises(ChainError):
        with_file_limit(10, lambda: chain.mine(1, NOBODY))
    with pytest.raises(ChainError, match="cannot be stored"):
        chain.mine(1, NOBODY)  # the library is not used after a fault
    chain.close()
    with EmbeddedChain(tmp_path) as chain:
        assert chain.tip() == tip
        chain.mine(1, NOBODY)


def test_a_disk_with_too_little_space_for_a_chain_is_told_with_what_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Kernel._open

    def short_of_space(self: Kernel, *place: Any) -> Any:
        self.faults.append("Disk space is too low!")  # as the library tells it
        return opened(self, *place)

    monkeypatch.setattr(Kernel, "_open", short_of_space)
    with pytest.raises(ChainError, match=r"cannot be opened: Disk space is too low!$") as caught:
        EmbeddedChain(tmp_path)
    assert "100 MB" in caught.value.hint


def test_databases_that_a_full_disk_did_not_take_are_rebuilt(tmp_path: Path) -> None:
    chain = EmbeddedChain(tmp_path)
    tip = chain.mine(5, NOBODY)[-1]
    with_file_limit(200, chain.close)
    assert not recorded(tmp_path)["closed"]
    with EmbeddedChain(tmp_path, lock_timeout=0) as chain:
        assert chain.tip() == tip
