"""What is wrong is said with a name, an exit code and what to do; nothing is lost."""

import resource
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from storage import directory
from tests.cosigner.cli.conftest import STRANGER, Mpcw

MAINNET = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
SIGNET = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"
NO_COIN = "11" * 32 + ":0"
NO_TX = "11" * 32

# arguments, exit code, name, words of the message, words of the hint
Case = tuple[list[object], int, str, str, str]

CASES: dict[str, Case] = {
    "mainnet address": (["send", f"{MAINNET}=5000", "--yes"], 2, "wrong-network", "mainnet", ""),
    "signet address": (["send", f"{SIGNET}=5000", "--yes"], 2, "wrong-network", "signet", ""),
    "address with a typing error": (["send", f"{STRANGER[:-1]}q=5000", "--yes"], 2, "malformed", "", ""),
    "no address": (["send", "alice=5000", "--yes"], 2, "malformed", "", ""),
    "no amount": (["send", STRANGER, "--yes"], 2, "usage", "ADDRESS=AMOUNT", ""),
    "dust": (["send", f"{STRANGER}=100", "--yes"], 4, "refused", "100 sat is dust", "at least 294 sat"),
    "too little money": (
        ["send", f"{STRANGER}=101btc", "--yes"],
        5,
        "insufficient-funds",
        "can be spent",
        "",
    ),
    "fee above its cap": (
        ["send", f"{STRANGER}=1000", "--yes", "--fee-rate", "100"],
        4,
        "refused",
        "fee",
        "",
    ),
    "fee rate above its cap": (
        ["send", f"{STRANGER}=50btc", "--yes", "--fee-rate", "501"],
        4,
        "refused",
        "",
        "",
    ),
    "fee rate below that of the mempool": (
        ["send", f"{STRANGER}=1btc", "--yes", "--fee-rate", "0.01"],
        4,
        "refused",
        "the mempool takes nothing below",
        "raise",
    ),
    "unknown coin": (
        ["send", f"{STRANGER}=1000", "--yes", "--coin", NO_COIN],
        3,
        "not-found",
        NO_COIN,
        "",
    ),
    "freezing an unknown coin": (["coin", "freeze", NO_COIN], 3, "not-found", NO_COIN, ""),
    "malformed coin": (["coin", "freeze", "abc"], 2, "malformed", "", ""),
    "unknown transaction": (["tx", "show", NO_TX], 3, "not-found", NO_TX, "mpcw wallet history"),
    "unknown draft": (["tx", "sign", NO_TX, "--yes"], 3, "not-found", NO_TX, ""),
    "malformed transaction id": (["tx", "show", "xyz"], 2, "malformed", "", ""),
    "bump of an unknown transaction": (["tx", "bump", NO_TX, "--yes"], 3, "not-found", NO_TX, ""),
    "unknown wallet": (["wallet", "balance", "-w", "other"], 3, "not-found", "'other'", "main"),
    "impossible wallet name": (["wallet", "balance", "-w", "../x"], 2, "malformed", "", "letters"),
    "wallet that exists": (["wallet", "create", "main"], 4, "wallet-exists", "main", "another name"),
    "threshold above n": (["wallet", "create", "x", "-n", 2, "-t", 3], 2, "malformed", "3 of 2", ""),
    "embedded signet": (["wallet", "create", "x", "--network", "signet"], 2, "malformed", "", "bitcoind"),
    "unknown network": (["wallet", "create", "x", "--network", "liquid"], 3, "not-found", "liquid", "signet"),
    "stranger's address": (["address", "show", STRANGER], 3, "not-found", STRANGER, ""),
    "unknown party": (["send", f"{STRANGER}=1000", "--yes", "--signers", "0,3"], 2, "usage", "0..2", ""),
    "negative party": (["send", f"{STRANGER}=1000", "--yes", "--signers", "-1,0"], 2, "usage", "0..2", ""),
    "signers that are none": (["send", f"{STRANGER}=1000", "--yes", "--signers", "a"], 2, "usage", "", ""),
    "only coins that are not named": (
        ["send", f"{STRANGER}=1000", "--yes", "--only"],
        2,
        "usage",
        "--only spends no coin but those of --coin",
        "",
    ),
    "too few signers": (["send", f"{STRANGER}=1000", "--yes", "--signers", "1"], 6, "", "2 parties", ""),
    "PSBT that is no base64": (["psbt", "decode", "payment"], 3, "not-found", "no file payment", "cHNidP"),
    "PSBT that is none": (["psbt", "decode", "cHNidP8B"], 2, "malformed", "", ""),
    "PSBT file that is not there": (["psbt", "decode", "x.psbt"], 3, "not-found", "x.psbt", ""),
    "PSBT version": (["psbt", "convert", "cHNidP8B", "--to", 1], 2, "usage", "0 or 2", ""),
    "labels that are not there": (["wallet", "import-labels", "/x/y"], 3, "no-such-file", "/x/y", ""),
    "passphrase file of nobody": (
        ["address", "verify", STRANGER, "--passphrase-file", "9=x"],
        3,
        "not-found",
        "",
        "",
    ),
    "passphrase file of no party": (
        ["send", f"{STRANGER}=100000", "--fee-rate", 2, "--yes", "--passphrase-file", "3=x"],
        2,
        "usage",
        "'3=x' is not PARTY=PATH with a party 0..2",
        "",
    ),
    "no terminal": (["send", f"{STRANGER}=100000"], 2, "usage", "--yes", ""),
} | {
    f"amount {amount!r}": (["send", f"{STRANGER}={amount}", "--yes"], 2, "malformed", "", "")
    for amount in ("", "0.5", "-1", "1e3", "1,000", "1.234567891btc", "٣", "21000001btc", "0x10", "nan")
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named_and_nothing_is_lost(case: str, mpcw: Mpcw, unharmed: Callable[[], None]) -> None:
    args, code, name, message, hint = CASES[case]
    error = mpcw.fails(*args)
    assert (error["code"], error["name"]) == (code, name or error["name"]), error
    assert message in error["message"], error
    assert hint in error["hint"], error
    shown = mpcw(*args)
    assert shown.code == code
    assert shown.out == ""
    assert f"error ({error['name']}): " in shown.err


def test_too_few_signers_are_refused_without_a_passphrase(mpcw: Mpcw) -> None:
    args = ["send", f"{STRANGER}=1000000", "--fee-rate", "2", "--yes", "--signers", "1"]
    error = mpcw.fails(*args, "--passphrase-file", "1=/nowhere")
    assert (error["code"], error["name"]) == (6, "not-enough-signers")


def test_wrong_passphrase_keeps_the_draft_and_says_how_to_go_on(mpcw: Mpcw) -> None:
    before = mpcw.json("wallet", "balance")
    args = ["send", f"{STRANGER}=1000000", "--fee-rate", "2", "--yes"]
    wrong = ["--passphrase-file", f"1={mpcw.passphrase_file(0)}"]
    error = mpcw.fails(*args, *wrong)
    assert (error["code"], error["name"]) == (10, "wrong-passphrase")
    assert error["message"].startswith("party 1: ")
    (draft,) = mpcw.json("tx", "list")
    assert draft["txid"] == error["draft"]
    assert mpcw.json("wallet", "balance") == before
    shown = mpcw("tx", "sign", error["draft"], "--yes", *wrong)
    assert shown.code == 10
    shown = mpcw(*args, *wrong)
    drafts = {item["txid"] for item in mpcw.json("tx", "list")} - {error["draft"]}
    assert all(f"mpcw tx sign {txid}\n" in shown.err for txid in drafts)
    mpcw.ok("tx", "sign", error["draft"], "--yes")
    mpcw.ok("tx", "broadcast", error["draft"])
    assert mpcw.json("tx", "show", error["draft"])["status"] == "mempool"


def test_psbt_that_does_not_pay_from_this_wallet_is_refused(mpcw: Mpcw) -> None:
    mpcw.ok("wallet", "create", "other", "--no-segwit")
    text = mpcw.json("send", f"{STRANGER}=1000000", "--dry-run", "-w", "main")["psbt"]
    for command in (["psbt", "import", text], ["psbt", "sign", text, "--yes"]):
        error = mpcw.fails(*command, "-w", "other")
        assert (error["code"], error["rule"]) == (4, "foreign-input")


def damage(path: Path) -> bytes:
    """Spoil a database in the middle, and return what it was."""
    good = path.read_bytes()
    path.write_bytes(good[:4096] + bytes(len(good) - 4096))
    return good


@pytest.mark.parametrize("file", ["wallet.db", "parties/0/party.db"])
def test_corrupt_database_is_refused_and_left_alone(
    file: str, mpcw: Mpcw, unharmed: Callable[[], None]
) -> None:
    path = mpcw.home / "wallets" / "main" / file
    address = mpcw.json("address", "list")[0]["address"]
    good = damage(path)
    bad = path.read_bytes()
    error = mpcw.fails("address", "verify", address)
    assert (error["code"], error["name"]) == (11, "corrupt")
    assert "backup" in error["hint"]
    assert path.read_bytes() == bad
    path.write_bytes(good)
    mpcw.ok("address", "verify", address)


def test_wallet_in_use_is_not_opened_twice(
    mpcw: Mpcw, unharmed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "LOCK_WAIT", 0.0)
    with LocalWallet.open(Home(mpcw.home)):
        error = mpcw.fails("wallet", "balance")
    assert (error["code"], error["name"]) == (11, "in-use")
    assert error["hint"]


def test_bitcoind_that_is_down_is_told(mpcw: Mpcw, unharmed: Callable[[], None], tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    cookie = tmp_path / "cookie"
    args = ["--chain", "bitcoind", "--rpc-url", url, "--rpc-cookie", cookie, "--no-segwit"]
    mpcw.ok("wallet", "create", "node", *args)
    assert mpcw.fails("wallet", "balance", "-w", "node")["message"].startswith("bitcoind does not run")
    cookie.write_text("__cookie__:x")
    error = mpcw.fails("wallet", "balance", "-w", "node")
    assert (error["code"], error["name"]) == (8, "chain")
    assert "bitcoind" in error["hint"]
    # what needs no chain goes on
    mpcw.ok("address", "new", "-w", "node")
    assert mpcw.fails("send", f"{STRANGER}=1000", "--yes", "-w", "node")["code"] == 8
    shutil.rmtree(mpcw.home / "wallets" / "node")


@pytest.mark.parametrize("limit", [0, 4096])
def test_full_disk_loses_nothing(
    limit: int, mpcw: Mpcw, unharmed: Callable[[], None], tmp_path: Path
) -> None:
    addresses = mpcw.json("address", "list")
    psbt = mpcw.json("send", f"{STRANGER}=1000000", "--dry-run")["psbt"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        new = mpcw("address", "new", "--json")
        export = mpcw("psbt", "convert", psbt, "-o", tmp_path / "x", "--json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert new.error["code"] == 11
    if limit == 0:
        assert (export.error["code"], export.error["name"]) == (11, "disk-full")
    assert mpcw.json("address", "list") == addresses
    mpcw.ok("address", "new")


def test_full_disk_stops_a_payment_before_it_is_signed(mpcw: Mpcw, unharmed: Callable[[], None]) -> None:
    done = mpcw.process("send", f"{STRANGER}=1000000", "--yes", "--json", file_limit=4096)
    assert done.error["code"] in (8, 11), done
