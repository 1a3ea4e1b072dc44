"""Both accounts of a wallet: named wherever a path alone would say too little."""

import json
import re
from pathlib import Path

from tests.cosigner.cli.conftest import COINBASE, STRANGER, Mpcw
from wallet.chain.regtest_node import RegtestNode
from wallet.chain.rpc import RpcClient


def test_new_addresses_are_of_the_account_that_is_asked_for(both: Mpcw) -> None:
    assert re.fullmatch("bcrt1p[0-9a-z]{58}\n", both.ok("address", "new").out)
    assert re.fullmatch("bcrt1p[0-9a-z]{58}\n", both.ok("address", "new", "--account", "taproot").out)
    assert re.fullmatch("bcrt1q[0-9a-z]{38}\n", both.ok("address", "new", "--account", "segwit").out)
    error = both.fails("address", "new", "--account", "legacy")
    assert (error["code"], error["hint"]) == (3, "this wallet has the accounts taproot and segwit")


def test_wallet_without_segwit_says_which_account_it_has(mpcw: Mpcw) -> None:
    error = mpcw.fails("address", "new", "--account", "segwit")
    assert (error["code"], error["hint"]) == (3, "this wallet has the account taproot")


def test_addresses_are_listed_by_account(both: Mpcw) -> None:
    assert [(it["account"], it["path"]) for it in both.json("address", "list")] == [
        ("taproot", "0/0"),
        ("segwit", "0/0"),
    ]
    assert [it["account"] for it in both.json("address", "list", "--account", "segwit")] == ["segwit"]
    address = both.json("address", "list", "--account", "segwit")[0]["address"]
    assert both.json("address", "show", address)["account"] == "segwit"
    assert both.json("address", "verify", address)["parties"] == [0, 1]


def test_gap_is_warned_of_in_each_account(both: Mpcw) -> None:
    for _ in range(20):
        assert "ahead" not in both.ok("address", "new", "--account", "segwit").err
    assert "looks only 20 unused addresses ahead" in both.ok("address", "new", "--account", "segwit").err
    assert "ahead" not in both.ok("address", "new").err


def test_balance_is_shown_for_each_account(both: Mpcw) -> None:
    value = both.json("wallet", "balance")
    assert [(it["name"], it["confirmed"], it["total"]) for it in value["accounts"]] == [
        ("taproot", COINBASE, COINBASE),
        ("segwit", COINBASE, COINBASE),
    ]
    assert value["total"] == 2 * COINBASE
    shown = both.ok("wallet", "balance").out
    assert re.search(
        r"^of it segwit +5\u2009000\u2009000\u2009000 sat +50\.00000000 BTC$", shown, re.MULTILINE
    )


def test_balance_of_one_account_is_shown_once(mpcw: Mpcw) -> None:
    assert "of it" not in mpcw.ok("wallet", "balance").out
    assert [it["name"] for it in mpcw.json("wallet", "balance")["accounts"]] == ["taproot"]


def test_screen_before_signing_names_the_account_of_each_coin(both: Mpcw) -> None:
    shown = both.ok("send", f"{STRANGER}=60btc", "--fee-rate", "2", "--dry-run").out
    assert re.search("^spends +1 segwit coin and 1 taproot coin, ", shown, re.MULTILINE)
    assert re.search(r"ours at 1/0 of the (taproot|segwit) account, re-derived", shown)


def test_coins_are_listed_with_their_account(both: Mpcw) -> None:
    assert {it["account"]: it["kind"] for it in both.json("coin", "list")} == {
        "taproot": "p2tr",
        "segwit": "p2wpkh",
    }


def test_descriptors_are_of_both_accounts(both: Mpcw) -> None:
    taproot, segwit = both.json("wallet", "export")
    assert re.fullmatch(r"tr\(\[[0-9a-f]{8}\]tpub\w+/<0;1>/\*\)#\w{8}", taproot)
    assert re.fullmatch(r"wpkh\(\[[0-9a-f]{8}\]tpub\w+/<0;1>/\*\)#\w{8}", segwit)
    imported = both.json("wallet", "export", "--format", "importdescriptors")
    kinds = [(it["desc"].split("(")[0], it["internal"], it["active"]) for it in imported]
    assert kinds == [("tr", False, True), ("tr", True, True), ("wpkh", False, True), ("wpkh", True, True)]


def test_node_that_imports_the_export_hands_out_our_addresses(both: Mpcw, node: RegtestNode) -> None:
    rpc = RpcClient(node.endpoint)
    rpc.named("createwallet", {"wallet_name": "cli", "disable_private_keys": True, "blank": True})
    theirs = rpc.of_wallet("cli")
    requests = both.json("wallet", "export", "--format", "importdescriptors")
    assert all(result["success"].boolean() for result in theirs.call("importdescriptors", requests))
    for account, kind in (("taproot", "bech32m"), ("segwit", "bech32")):
        used = both.json("address", "list", "--account", account)[0]["address"]
        assert theirs.call("getnewaddress", "", kind).text() == used
        new = both.json("address", "new", "--account", account)["address"]
        assert theirs.call("getnewaddress", "", kind).text() == new


def test_label_of_a_transaction_names_the_accounts_that_it_concerns(both: Mpcw, tmp_path: Path) -> None:
    coins = {it["account"]: it["coin"].split(":")[0] for it in both.json("coin", "list")}
    paid = both.json("send", f"{STRANGER}=60btc", "--fee-rate", "2", "--yes", "--wait")["txid"]
    for txid in (*coins.values(), paid):
        both.ok("tx", "label", txid, "x")
    file = tmp_path / "labels.jsonl"
    both.ok("wallet", "export-labels", file)
    records = [json.loads(line) for line in file.read_text().splitlines()]
    origins: dict[str, set[str]] = {}
    for record in records:
        if record["type"] == "tx":
            origins.setdefault(record["ref"], set()).add(record["origin"].split("(")[0])
    assert origins == {coins["taproot"]: {"tr"}, coins["segwit"]: {"wpkh"}, paid: {"tr", "wpkh"}}
    both.ok("tx", "label", paid, "")
    assert both.json("wallet", "import-labels", file)["refused"] == []
    assert both.json("tx", "show", paid)["label"] == "x"
