"""mpcw demo, again and again, killed at any moment."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from tests.cosigner.cli.conftest import COINBASE, ROOT, STRANGER, Mpcw
from tests.cosigner.cli.test_commands import shape
from tests.cosigner.cli.test_serve import Server
from tests.cosigner.tiny import forget_moduli, tiny_ecdsa
from tests.seeds import new_seed
from tests.storage.cheap import cheap_passphrases
from wallet.tx import show_txid

KILLS = 20
AMOUNT = 10_000_000
MAX_FEE = 5_000  # satoshi: of all that a demo pays


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A home where one demo has run, to be read or copied, and what it told."""
    mpcw = Mpcw(tmp_path_factory.mktemp("demo") / "home")
    with cheap_passphrases(), tiny_ecdsa():
        return mpcw.home, mpcw.json("demo")


@pytest.fixture
def demo(bare: Mpcw, ran: tuple[Path, dict[str, Any]]) -> Mpcw:
    """The command line, with the wallet of one demo."""
    shutil.copytree(ran[0], bare.home)
    return bare


def test_demo_leaves_a_wallet_that_the_next_command_can_use(
    demo: Mpcw, ran: tuple[Path, dict[str, Any]]
) -> None:
    value = ran[1]
    assert {**shape(value), "seconds": "dict"} == {
        "wallet": "str",
        "seconds": "dict",
        "addresses": {"taproot": "str", "segwit": "str"},
        "presignatures": {"made": "int", "seconds": "float", "left": "int"},
        "sent": "str",
        "sent_signing_seconds": "float",
        "bumped": "str",
        "bumped_signing_seconds": "float",
        "height": "int",
        "balance": "int",
        "total_seconds": "float",
    }
    assert value["balance"] > 2 * COINBASE - AMOUNT - MAX_FEE
    # a presignature for the payment, and another one for its replacement
    assert value["presignatures"]["left"] == value["presignatures"]["made"] - 2
    history = {entry["txid"]: entry["status"] for entry in demo.json("wallet", "history")}
    assert (history[value["sent"]], history[value["bumped"]]) == ("replaced", "confirmed")
    # the passphrases are beside it, and the caller's variables are those of other wallets
    named = {f"MPCW_PASSPHRASE_FILE_{i}": "" for i in range(3)}
    paid = demo("send", f"{STRANGER}=50000", "--yes", "--wait", "--json", variables=named)
    assert paid.code == 0, paid


def test_demo_spends_from_both_accounts_in_one_transaction(
    demo: Mpcw, ran: tuple[Path, dict[str, Any]]
) -> None:
    with LocalWallet.open(Home(demo.home), "demo") as wallet:
        wallet.sync()
        coins = wallet.ledger().coins.values()
        spent = [coin for coin in coins if coin.spent_by is not None]
        assert [show_txid(coin.spent_by) for coin in spent if coin.spent_by] == [ran[1]["bumped"]] * 2
        assert {wallet.accounts[coin.owner.account].name for coin in spent} == {"taproot", "segwit"}


def test_demo_uses_what_a_server_has_made(demo: Mpcw, ran: tuple[Path, dict[str, Any]]) -> None:
    assert ran[1]["presignatures"]["made"] == 15
    server = Server(demo, "-w", "demo", "--parties", "0,2", marks={"WATERMARKS": "1,15,20,15"})
    server.stocked([0, 2])
    value = demo.json("demo")
    assert server.end(signal.SIGTERM) == (0, "")
    assert value["presignatures"]["made"] == 0
    assert value["presignatures"]["left"] > 0


def test_demo_goes_on_with_a_wallet_of_taproot_alone(bare: Mpcw) -> None:
    bare.ok("wallet", "create", "demo", "--no-segwit")
    folder = bare.home / "wallets" / "demo.passphrases"
    folder.mkdir(mode=0o700)
    for i in range(3):
        (folder / str(i)).write_text(bare.passphrase_file(i).read_text())
    done = bare.ok("demo")
    assert f"mpcw demo --home {bare.home}-2" in done.err
    assert "presignature" not in done.err
    assert set(bare.json("demo")["addresses"]) == {"taproot"}


def test_demo_tells_people_all_on_one_stream_in_order(bare: Mpcw) -> None:
    done = bare.ok("demo")
    assert done.out == ""
    places = [
        done.err.index(text)
        for text in (
            "Key generation",
            "host key",
            "bcrt1p",
            "bcrt1q",
            "Presignatures",
            "One payment",
            "next:",
        )
    ]
    assert places == sorted(places)
    assert len(done.err.splitlines()) <= 60
    titles = [line for line in done.err.splitlines() if line[:1].isupper()]
    assert max(map(len, titles)) <= 80
    again = bare.ok("demo")
    assert "Going on with the wallet demo" in again.err
    assert "13 of the last run ended with its process" in again.err
    assert bare.json("wallet", "balance")["total"] > 4 * COINBASE - 2 * (AMOUNT + MAX_FEE)


def test_demo_keeps_its_files_private(ran: tuple[Path, dict[str, Any]]) -> None:
    home = ran[0]
    for path in [home, *home.rglob("*.db"), *(home / "wallets").rglob("*")]:
        assert not path.stat().st_mode & 0o077, path


def state(home: Path) -> tuple[int, set[str]]:
    """Return the height of the chain, and check the wallet's coins against those of the blocks."""
    with LocalWallet.open(Home(home), "demo") as wallet:
        wallet.sync()
        seen = wallet.chain.changes(None).seen
        own = wallet.ledger().index
        made = {(item.tx.txid, i): out for item in seen for i, out in enumerate(item.tx.outputs)}
        spent = {(i.prevout.txid, i.prevout.index) for item in seen for i in item.tx.inputs}
        unspent = {place: out.value for place, out in made.items() if place not in spent}
        mine = {place: value for place, value in unspent.items() if own.find(made[place].script_pubkey)}
        assert wallet.addresses()
        assert wallet.balance().total == sum(mine.values())
        assert {(c.outpoint.txid, c.outpoint.index) for c in wallet.coins()} == set(mine)
        payments = [item for item in seen if any(item.tx.inputs[0].prevout.txid)]
        coinbases = [item.tx for item in seen if not any(item.tx.inputs[0].prevout.txid)]
        rewards = sum(out.value for tx in coinbases for out in tx.outputs if own.find(out.script_pubkey))
        # each payment cost at most its amount and fee: nothing else has left
        assert sum(mine.values()) >= rewards - len(payments) * (AMOUNT + MAX_FEE)
        return wallet.chain.tip().height, {str(item.tx.txid) for item in seen if item.block is not None}


@pytest.mark.slow
def test_demo_at_full_size_shows_its_online_signing_time(bare: Mpcw) -> None:
    with bare.start("demo", "--json", variables={"FULL_SIZE": "1"}) as process:
        out, err = process.communicate(timeout=3600)
    assert (process.returncode, err) == (0, "")
    value = json.loads(out)
    assert value["presignatures"]["left"] == value["presignatures"]["made"] - 2
    assert 0 < value["sent_signing_seconds"] < value["presignatures"]["seconds"]


@pytest.mark.slow
def test_demo_survives_kills_at_any_moment(bare: Mpcw, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(new_seed())
    first, later = (len(bare.ok("demo").err.splitlines()) for _ in range(2))
    height, confirmed = state(bare.home)
    killed: Counter[str] = Counter()
    fresh = bare.home.with_name("fresh")
    for ran in range(1, 4 * KILLS):
        # every fourth one begins with key generation
        mpcw = Mpcw(fresh.with_name(f"fresh{ran}")) if ran % 4 == 1 else bare
        with mpcw.start("demo", start_new_session=True) as process:
            assert process.stderr
            lines = rng.randrange(1, later if mpcw is bare else first)
            shown = [process.stderr.readline() for _ in range(lines)]
            time.sleep(rng.uniform(0.0, 0.1))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if process.returncode == -signal.SIGKILL:
            titles = [line.strip() for line in shown if line[:1].isupper()]
            killed[titles[-1][:32] if titles else "start"] += 1
        if mpcw is bare:
            now, blocks = state(bare.home)
            assert now >= height
            assert blocks >= confirmed, "a confirmed transaction is gone"
            height, confirmed = now, blocks
        else:
            forget_moduli(Home(mpcw.home))  # the cached primes are those of its first attempt
            again = mpcw.process("demo", "--json")
            assert again.code == 0, again
            state(mpcw.home)
        if killed.total() == KILLS:
            break
    last = json.loads(bare.process("demo", "--json").out)
    assert last["height"] > height
    state(bare.home)
    with capsys.disabled():
        print(f"\n{killed.total()} of {ran} runs were killed, during: {dict(killed)}")  # noqa: T201
    assert killed.total() == KILLS


# ---- on bitcoind ----


def test_demo_on_bitcoind_goes_on_with_its_chain(bare: Mpcw, bitcoind: Path) -> None:
    first, second = bare.json("demo", "--bitcoind"), bare.json("demo", "--bitcoind")
    assert second["height"] == first["height"] + 103
    assert second["balance"] > first["balance"]
    url = bare.json("wallet", "show", "-w", "demo-bitcoind")["chain_url"]
    port = int(url.rpartition(":")[2])
    assert bare.fails("wallet", "balance")["code"] == 8
    hint = bare.ok("demo", "--bitcoind").err
    assert f"mpcw regtest --dir {bare.home / 'bitcoind'} --port {port}" in hint
    with bare.start("regtest", "--dir", bare.home / "bitcoind", "--port", port, "--json") as node:
        assert node.stdout
        lines = [node.stdout.readline() for _ in range(5)]
        assert json.loads("".join(lines))["url"] == url
        paid = bare.json("send", f"{STRANGER}=50000", "--yes", "--fee-rate", "2")
        assert paid["broadcast"] is True
        # a node that runs already is used
        assert bare.json("demo", "--bitcoind")["height"] > second["height"]
        node.send_signal(signal.SIGINT)
        assert node.wait(60) == 0


def test_regtest_says_how_to_use_it_and_keeps_nothing(bare: Mpcw, bitcoind: Path) -> None:
    with bare.start("regtest") as node:
        assert node.stderr
        hint = node.stderr.readline()
        assert hint.startswith("next: mpcw wallet create NAME --chain bitcoind --rpc-url http://127.0.0.1:")
        words = hint.split()[2:]
        words[words.index("NAME")] = "throwaway"
        bare.ok(*words[1:] if words[0] == "mpcw" else words)
        assert bare.json("chain", "faucet")["received"] == COINBASE
        node.send_signal(signal.SIGINT)
        assert node.wait(60) == 0
    assert not Path(words[-1]).exists()
    assert bare.fails("wallet", "balance")["code"] == 8


@contextmanager
def regtest(mpcw: Mpcw, *args: object) -> Iterator[tuple[dict[str, str], "subprocess.Popen[str]"]]:
    """Run a node until the block ends, however it ends; lend what scripts get of it."""
    with mpcw.start("regtest", *args, "--json") as node:
        try:
            assert node.stdout
            yield json.loads("".join(node.stdout.readline() for _ in range(5))), node
        finally:
            node.terminate()


def test_wallet_goes_to_another_chain_and_back_from_wherever_its_user_is(
    mpcw: Mpcw, bitcoind: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mpcw.json("wallet", "balance")
    monkeypatch.chdir(tmp_path)
    with regtest(mpcw, "--dir", os.path.relpath(tmp_path / "node", ROOT)) as (value, _):
        assert Path(value["cookie"]).is_absolute()
        to = ["chain", "set", "bitcoind", "--rpc-url", value["url"], "--rpc-cookie"]
        assert mpcw.fails(*to, "nowhere")["code"] == 8
        assert mpcw.json("chain", "info")["backend"] == "embedded"
        assert mpcw.json(*to, "node/regtest/.cookie")["height"] == 0
        monkeypatch.chdir("/")
        assert mpcw.json("chain", "info")["backend"] == "bitcoind"
        assert mpcw.json("chain", "faucet")["received"] == COINBASE
    assert mpcw.fails("wallet", "balance")["code"] == 8
    mpcw.ok("chain", "set", "embedded")
    assert mpcw.json("wallet", "balance") == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_regtest_that_is_ended_leaves_no_directory(bare: Mpcw, bitcoind: Path, number: int) -> None:
    with regtest(bare) as (value, node):
        assert Path(value["datadir"]).is_dir()
        node.send_signal(number)
        assert node.wait(60) == 0
    assert not Path(value["datadir"]).exists()


def test_regtest_without_bitcoind_says_how_to_get_one(bare: Mpcw) -> None:
    error = bare.fails("regtest", "--bitcoind", "/nowhere/bitcoind")
    assert (error["code"], error["name"]) == (3, "not-found")
