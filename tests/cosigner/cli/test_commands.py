"""Every command once on a funded wallet; what scripts get is compared with a snapshot of its shape."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from cosigner.exit_codes import ExitCode
from presig_pool.watermarks import Watermarks
from tests.cosigner.cli.conftest import COINBASE, STRANGER, Mpcw
from tests.cosigner.cli.test_app import ALL

SCHEMAS = Path(__file__).with_name("schemas.json")
# MPCW_UPDATE_SNAPSHOTS=1 writes the snapshot anew: scripts depend on it
UPDATE = bool(os.environ.get("MPCW_UPDATE_SNAPSHOTS"))


def shape(value: Any) -> Any:
    """Names and types of a JSON value; of a list, those of its items."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        found = {json.dumps(shape(item), sort_keys=True) for item in value}
        return [json.loads(text) for text in sorted(found)]
    return "null" if value is None else type(value).__name__


def draft(mpcw: Mpcw) -> str:
    return str(mpcw.json("tx", "create", f"{STRANGER}=100000", "--fee-rate", "2")["txid"])


def psbt(mpcw: Mpcw) -> str:
    return str(mpcw.json("psbt", "export", draft(mpcw))["psbt"])


def signed(mpcw: Mpcw) -> str:
    return str(mpcw.json("psbt", "sign", psbt(mpcw), "--yes")["psbt"])


def first_address(mpcw: Mpcw) -> str:
    return str(mpcw.json("address", "list")[0]["address"])


def first_coin(mpcw: Mpcw) -> str:
    return str(mpcw.json("coin", "list")[0]["coin"])


def labels_file(mpcw: Mpcw) -> Path:
    path = mpcw.home.parent / "labels.jsonl"
    mpcw.ok("wallet", "export-labels", path)
    return path


Arguments = Callable[[Mpcw], list[object]]

# how to call each command so that it goes well
CALLS: dict[str, Arguments] = {
    "send": lambda m: [f"{STRANGER}=1000000", "--yes"],
    "doctor": lambda m: [],
    "exit-codes": lambda m: [],
    "version": lambda m: [],
    "wallet create": lambda m: ["second", "-n", 2, "-t", 2, "--no-segwit"],
    "wallet list": lambda m: [],
    "wallet show": lambda m: [],
    "wallet caps": lambda m: ["--max-fee", "0.02btc"],
    "wallet balance": lambda m: [],
    "wallet history": lambda m: [],
    "wallet rescan": lambda m: ["--from", 1],
    "wallet export": lambda m: ["--format", "json"],
    "wallet export-labels": lambda m: [labels_file(m)],
    "wallet import-labels": lambda m: [labels_file(m)],
    "address new": lambda m: ["--label", "x"],
    "address list": lambda m: [],
    "address show": lambda m: [first_address(m), "--amount", "0.5btc"],
    "address verify": lambda m: [first_address(m)],
    "coin list": lambda m: [],
    "coin freeze": lambda m: [first_coin(m)],
    "coin unfreeze": lambda m: [first_coin(m)],
    "coin label": lambda m: [first_coin(m), "from the miner"],
    "tx create": lambda m: [f"{STRANGER}=100000"],
    "tx list": lambda m: draft(m) and [],
    "tx show": lambda m: [m.send()],
    "tx sign": lambda m: [draft(m), "--yes"],
    "tx broadcast": lambda m: [m.json("tx", "sign", draft(m), "--yes")["txid"]],
    "tx drop": lambda m: [draft(m)],
    "tx bump": lambda m: [m.send(), "--yes", "--fee-rate", 10],
    "tx cpfp": lambda m: [m.send(), "--yes", "--fee-rate", 10],
    "tx cancel": lambda m: [m.send(), "--yes"],
    "tx label": lambda m: [m.send(), "rent"],
    "psbt decode": lambda m: [psbt(m)],
    "psbt sign": lambda m: [psbt(m), "--yes"],
    "psbt combine": lambda m: [p := psbt(m), p],
    "psbt finalize": lambda m: [signed(m)],
    "psbt extract": lambda m: [signed(m)],
    "psbt import": lambda m: [psbt(m)],
    "psbt export": lambda m: [draft(m)],
    "psbt convert": lambda m: [psbt(m), "--to", 2],
    "presig status": lambda m: m.ok("presig", "refill", "--count", 1, "--measure") and [],
    "presig refill": lambda m: ["--count", 2, "--measure"],
    "presig drain": lambda m: [],
    "presig purge": lambda m: [],
    "presig watch": lambda m: ["--seconds", 1],
    "fee estimate": lambda m: ["--blocks", 2],
    "chain info": lambda m: [],
    "chain set": lambda m: ["embedded"],
    "chain mine": lambda m: [2],
    "chain faucet": lambda m: [],
    "key show": lambda m: [],
    "key refresh": lambda m: ["--yes"],
    "passphrase change": lambda m: [1, "--new-passphrase-file", m.passphrase_file(0)],
    "config path": lambda m: [],
    "config show": lambda m: [],
}
# test_demo.py, test_serve.py, test_primes.py
ELSEWHERE = {"demo", "regtest", "serve", "primes make", "primes list", "primes discard"}


def test_every_command_is_called() -> None:
    assert set(CALLS) | ELSEWHERE == set(ALL)


@pytest.fixture
def caller(words: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mpcw:
    """The command line that a command is called on, with small pools."""
    monkeypatch.setattr("cosigner.parties.WATERMARKS", Watermarks(low=1, target=2, max=3, batch=2))
    found = request.getfixturevalue("both" if words.startswith("presig ") else "mpcw")
    assert isinstance(found, Mpcw)
    return found


@pytest.mark.parametrize("words", CALLS)
def test_scripts_get_json_of_a_known_shape(words: str, caller: Mpcw) -> None:
    value = caller.json(*words.split(), *CALLS[words](caller))
    if words == "psbt decode":  # in the words of Bitcoin Core, which leave out what a coin does not have
        value = sorted(value)
    found = shape(value)
    known = json.loads(SCHEMAS.read_text())
    if UPDATE:
        SCHEMAS.write_text(json.dumps({**known, words: found}, indent=1, sort_keys=True) + "\n")
    else:
        assert found == known[words]


@pytest.mark.parametrize("words", CALLS)
def test_people_get_text(words: str, caller: Mpcw) -> None:
    result = caller.ok(*words.split(), *CALLS[words](caller))
    assert result.out
    assert "None" not in result.out
    assert not re.search(r"\[/?[a-z ]+\]", result.out + result.err), "markup"
    for line in result.out.splitlines():
        # a descriptor, a path or a PSBT is not broken
        assert len(line) <= 80 or max(map(len, line.split())) > 40, line


# ---- what they do ----


def test_balance_is_what_the_chain_says(mpcw: Mpcw) -> None:
    balance = mpcw.json("wallet", "balance")
    assert balance["confirmed"] == balance["total"] == 2 * COINBASE
    shown = mpcw.ok("wallet", "balance").out
    assert "100.00000000 BTC" in shown
    assert "10\u2009000\u2009000\u2009000 sat" in shown


def test_history_tells_of_a_payment_and_its_replacement(mpcw: Mpcw) -> None:
    first = mpcw.send()
    second = mpcw.json("tx", "bump", first, "--fee-rate", 10, "--yes")["txid"]
    mpcw.ok("chain", "mine")
    status = {entry["txid"]: entry["status"] for entry in mpcw.json("wallet", "history")}
    assert (status[first], status[second]) == ("replaced", "confirmed")
    assert list(status)[:2] == [second, first]
    assert len(mpcw.json("wallet", "history", "--limit", 1)) == 1
    assert len(mpcw.json("wallet", "history", "--limit", 0)) == 4
    assert mpcw.fails("tx", "bump", second, "--yes")["code"] == 4
    assert mpcw.fails("wallet", "history", "--limit", "-1")["code"] == 2
    assert second in mpcw.ok("tx", "show", first).out


def test_caps_are_changed_by_each_party_and_by_the_wallet_unless_parties_are_named(mpcw: Mpcw) -> None:
    def absolute(*args: object) -> list[int]:
        value = mpcw.json("wallet", "caps", *args)
        return [each["absolute"] for each in (value["wallet"], *(p["caps"] for p in value["parties"]))]

    before = absolute()
    assert absolute("--max-fee", "0.02btc", "--party", 1) == [*before[:2], 2_000_000, before[3]]
    assert absolute("--max-fee", 1, "--max-fee-rate", 9) == [1] * 4
    assert mpcw.fails("send", f"{STRANGER}=100000", "--yes")["rule"] == "fee-absolute"
    assert [len(p["changed"]) for p in mpcw.json("wallet", "caps")["parties"]] == [1, 2, 1]
    assert absolute("--max-fee", 2_000_000, "--max-fee-rate", 500) == [2_000_000] * 4
    mpcw.send()


def test_caps_that_nobody_can_take_are_refused(mpcw: Mpcw) -> None:
    before = mpcw.json("wallet", "caps")
    for args in (["--max-fee", "-1"], ["--party", 1], ["--max-fee", 1, "--party", 3]):
        assert mpcw.fails("wallet", "caps", *args)["code"] == 2
    wrong = f"1={mpcw.passphrase_file(0)}"
    error = mpcw.fails("wallet", "caps", "--max-fee", 1, "--party", 1, "--passphrase-file", wrong)
    assert (error["name"], error["message"][:8]) == ("wrong-passphrase", "party 1:")
    assert mpcw.json("wallet", "caps") == before


def test_new_addresses_are_never_the_same_and_plain_on_stdout(mpcw: Mpcw) -> None:
    result = mpcw.ok("address", "new")
    assert re.fullmatch("bcrt1p[0-9a-z]{58}\n", result.out)
    assert mpcw.ok("address", "new").out != result.out
    assert result.out[:-1] == "".join(result.err.splitlines()[0:2]).replace(" ", "")


def test_qr_codes_never_reach_stdout(mpcw: Mpcw) -> None:
    for args in (["address", "new", "--qr"], ["address", "show", first_address(mpcw), "--qr"]):
        result = mpcw.ok(*args)
        assert "█" in result.err
        assert "█" not in result.out
        assert mpcw.ok(*args, "--json").err == ""


def test_unused_and_change_addresses_are_told_apart(mpcw: Mpcw) -> None:
    new = mpcw.json("address", "new")["address"]
    assert [item["address"] for item in mpcw.json("address", "list", "--unused")] == [new]
    mpcw.send()
    assert mpcw.json("address", "list", "--change")[0]["path"] == "1/0"


def test_reuse_of_an_address_is_warned_of(mpcw: Mpcw) -> None:
    assert "paid more than once" not in mpcw.ok("address", "list").err
    mpcw.ok("chain", "mine", 1, "--to", first_address(mpcw))
    assert f"paid more than once, which links the payments: {first_address(mpcw)}" in (
        mpcw.ok("address", "list").err
    )


def test_gap_is_warned_of(mpcw: Mpcw) -> None:
    for _ in range(20):
        assert "ahead" not in mpcw.ok("address", "new").err
    assert "looks only 20 unused addresses ahead" in mpcw.ok("address", "new").err


def test_payment_uri_asks_for_what_send_pays(mpcw: Mpcw) -> None:
    address = mpcw.json("address", "new", "--label", "tea & cake")["address"]
    uri = mpcw.json("address", "show", address, "--amount", "12345")["uri"]
    paid = mpcw.json("send", uri, "--yes", "--fee-rate", "2")
    assert {"address": address, "value": 12345} in [
        {"address": out["address"], "value": out["value"]} for out in paid["outputs"]
    ]
    error = mpcw.fails("send", f"bitcoin:{address}", "--yes")
    assert (error["code"], "no amount" in error["message"]) == (2, True)
    assert mpcw.fails("send", f"bitcoin:{address}?amount=1&req-magic=1", "--yes")["code"] == 2


def test_frozen_coins_are_not_spent(mpcw: Mpcw) -> None:
    coins = [item["coin"] for item in mpcw.json("coin", "list")]
    mpcw.ok("coin", "freeze", coins[0])
    assert mpcw.json("wallet", "balance")["frozen"] == COINBASE
    assert mpcw.fails("send", f"{STRANGER}=60btc", "--yes")["name"] == "insufficient-funds"
    mpcw.ok("coin", "unfreeze", coins[0])
    assert mpcw.json("send", f"{STRANGER}=60btc", "--dry-run")["sent"] == 60 * 10**8


def test_coins_are_chosen_by_hand(mpcw: Mpcw) -> None:
    one, other = (item["coin"] for item in mpcw.json("coin", "list"))
    for options in (["--coin", one, "--only"], ["--avoid", other]):
        drafted = mpcw.json("send", f"{STRANGER}=1btc", "--dry-run", *options)
        assert [item["coin"] for item in drafted["inputs"]] == [one]
    both = mpcw.json("send", f"{STRANGER}=1btc", "--dry-run", "--coin", one, "--coin", other)
    assert {item["coin"] for item in both["inputs"]} == {one, other}
    assert mpcw.fails("send", f"{STRANGER}=60btc", "--yes", "--coin", one, "--only")["code"] == 5
    assert mpcw.fails("send", f"{STRANGER}=1btc", "--yes", "--min-conf", 1000)["code"] == 5


def test_all_is_sent_without_change(mpcw: Mpcw) -> None:
    paid = mpcw.json("send", "--all", STRANGER, "--yes", "--fee-rate", "2")
    assert [out["value"] for out in paid["outputs"]] == [2 * COINBASE - paid["fee"]]
    assert mpcw.json("wallet", "balance")["total"] == 0
    assert mpcw.fails("send", "--all", f"{STRANGER}=5", "--yes")["code"] == 2


def test_payment_of_everything_is_bumped_by_what_its_output_gives_up(mpcw: Mpcw) -> None:
    paid = mpcw.json("send", "--all", STRANGER, "--yes", "--fee-rate", "2")
    error = mpcw.fails("tx", "bump", paid["txid"], "--yes", "--fee-rate", "5")
    assert (error["name"], "--shrink 0" in error["hint"]) == ("insufficient-funds", True)
    bumped = mpcw.json("tx", "bump", paid["txid"], "--yes", "--fee-rate", "5", "--shrink", 0)
    assert [out["value"] for out in bumped["outputs"]] == [2 * COINBASE - bumped["fee"]]
    assert bumped["fee"] > paid["fee"]
    again = mpcw.fails("tx", "cancel", paid["txid"], "--yes")
    assert bumped["txid"] in again["hint"]


def test_transaction_shows_whom_it_pays(mpcw: Mpcw) -> None:
    txid = mpcw.send(1_000_000)
    shown = mpcw.json("tx", "show", txid.upper())
    (paid,) = [out for out in shown["outputs"] if out["account"] is None]
    (change,) = [out for out in shown["outputs"] if out["account"] is not None]
    assert (paid["address"], paid["value"]) == (STRANGER, 1_000_000)
    assert (change["account"], change["path"]) == ("taproot", "1/0")
    assert shown["fee_rate_sat_per_kvb"] == 2000
    text = mpcw.ok("tx", "show", txid).out
    assert STRANGER in text
    assert "ours at 1/0 of the taproot account" in text


def test_label_of_a_transaction_is_found_however_its_id_is_written(mpcw: Mpcw) -> None:
    txid = mpcw.send()
    assert mpcw.json("tx", "label", txid.upper(), "rent")["txid"] == txid
    assert mpcw.json("tx", "show", txid)["label"] == "rent"
    assert mpcw.json("wallet", "history")[0]["label"] == "rent"


def test_signed_psbt_is_not_signed_again_but_kept_to_be_sent(mpcw: Mpcw, tmp_path: Path) -> None:
    draft, signed = mpcw.json("send", f"{STRANGER}=1000000", "--dry-run")["psbt"], tmp_path / "signed.psbt"
    error = mpcw.fails("psbt", "sign", draft, "--yes", "-o", tmp_path / "none" / "x.psbt")
    assert (error["code"], error["name"]) == (11, "storage")
    shown = mpcw.ok("psbt", "sign", draft, "--yes", "-o", signed)
    assert f"next: mpcw psbt import {signed}" in shown.err
    error = mpcw.fails("psbt", "sign", signed, "--yes")
    assert (error["name"], "signed and final already" in error["message"]) == ("usage", True)
    kept = mpcw.ok("psbt", "import", signed)
    assert "next: mpcw tx broadcast " in kept.err


def test_doctor_tells_that_a_home_cannot_be_written(mpcw: Mpcw) -> None:
    with patch("cosigner.cli.doctor.os.access", return_value=False):
        (home,) = [item for item in mpcw.json("doctor") if item["check"] == "home"]
    assert (home["ok"], "cannot be written" in home["finding"]) == (False, True)


def test_recipients_pay_the_fee_if_told_to(mpcw: Mpcw) -> None:
    paid = mpcw.json("send", f"{STRANGER}=1000000", "--subtract-fee", "--yes", "--fee-rate", "2")
    assert paid["sent"] + paid["fee"] == 1_000_000


def test_dry_run_keeps_nothing(mpcw: Mpcw, unharmed: Callable[[], None]) -> None:
    first = mpcw.json("send", f"{STRANGER}=1000000", "--dry-run")
    change = [out["path"] for out in first["outputs"] if out["path"]]
    assert mpcw.json("send", f"{STRANGER}=1000000", "--dry-run")["psbt"]
    assert change == ["1/0"]
    assert STRANGER[:4] in mpcw.ok("send", f"{STRANGER}=1000000", "--dry-run").out


def test_final_transactions_cannot_be_bumped(mpcw: Mpcw) -> None:
    txid = mpcw.send(1_000_000, "--no-rbf")
    assert mpcw.json("tx", "show", txid)["status"] == "mempool"
    assert mpcw.fails("tx", "bump", txid, "--yes")["code"] == 4


def test_draft_is_signed_and_sent_in_steps(mpcw: Mpcw) -> None:
    txid = draft(mpcw)
    assert mpcw.json("tx", "list")[0]["signed"] is False
    assert mpcw.fails("tx", "broadcast", txid)["code"] == 2
    mpcw.ok("tx", "sign", txid, "--signers", "0,2", "--yes")
    assert mpcw.json("tx", "list")[0]["signed"] is True
    assert "signed" in mpcw.ok("tx", "show", txid).out
    assert mpcw.fails("tx", "sign", txid, "--yes")["code"] == 2
    mpcw.ok("tx", "broadcast", txid)
    assert mpcw.json("tx", "list") == []
    assert mpcw.json("tx", "show", txid)["status"] == "mempool"


def test_coins_that_another_draft_spends_are_warned_of(mpcw: Mpcw) -> None:
    first = draft(mpcw)
    warning = f"the draft {first} spends some of these coins: only one of the two can be sent"
    assert warning in mpcw.ok("send", "--all", STRANGER, "--fee-rate", "2", "--yes").err
    assert warning not in mpcw.ok("tx", "sign", first, "--yes").err


def test_psbt_goes_through_files_and_standard_input(mpcw: Mpcw, tmp_path: Path) -> None:
    text, file = psbt(mpcw), tmp_path / "payment.psbt"
    mpcw.ok("psbt", "convert", text, "-o", file)
    assert file.read_bytes().startswith(b"psbt\xff")
    shown = [mpcw.json("psbt", "decode", source) for source in (file, text)]
    shown += [mpcw.json("psbt", "decode", "-", stdin=data) for data in (file.read_bytes(), text.encode())]
    assert all(item == shown[0] for item in shown)
    final = mpcw.json("psbt", "sign", "-", "--yes", stdin=file.read_bytes())["psbt"]
    assert mpcw.ok("psbt", "extract", final).out.startswith("02000000000101")


def test_psbt_of_another_tool_is_kept_signed_and_sent(mpcw: Mpcw) -> None:
    text = psbt(mpcw)
    txid = mpcw.json("tx", "list")[0]["txid"]
    mpcw.ok("tx", "drop", txid)
    mpcw.ok("psbt", "import", mpcw.json("psbt", "convert", text, "--to", 2)["psbt"])
    mpcw.ok("tx", "sign", txid, "--yes")
    mpcw.ok("tx", "broadcast", txid)


def test_labels_go_there_and_back(mpcw: Mpcw, tmp_path: Path) -> None:
    coin, txid = first_coin(mpcw), mpcw.send(1_000_000, "--min-conf", 1)
    mpcw.ok("coin", "label", coin, "[red]not markup[/red]")
    mpcw.ok("tx", "label", txid, "rent")
    assert "[red]not markup[/red]" in mpcw.ok("wallet", "export-labels", "-").out
    assert {"type": "tx", "ref": txid, "label": "rent"}.items() <= next(
        item for item in mpcw.json("wallet", "export-labels", "-") if item["type"] == "tx"
    ).items()
    file = tmp_path / "labels.jsonl"
    mpcw.ok("wallet", "export-labels", file)
    mpcw.ok("tx", "label", txid, "")
    assert "rent" not in mpcw.ok("wallet", "history").out
    mpcw.ok("wallet", "import-labels", file)
    assert "rent" in mpcw.ok("wallet", "history").out
    assert mpcw.fails("tx", "label", txid, "\x1b[31m")["code"] == 2


def test_markup_of_others_is_shown_as_it_is(mpcw: Mpcw) -> None:
    text = "[bold]x[/bold] [/nonsense] :smile:"
    mpcw.ok("coin", "label", first_coin(mpcw), text)
    assert text in mpcw.ok("coin", "list").out


def test_errors_never_carry_escape_sequences(mpcw: Mpcw) -> None:
    result = mpcw("wallet", "show", "-w", "\x1b[31mred")
    assert result.code == 2
    assert "\x1b" not in result.err


def test_descriptors_are_exported_in_every_form(mpcw: Mpcw) -> None:
    (text,) = mpcw.json("wallet", "export")
    assert mpcw.ok("wallet", "export").out == text + "\n"
    assert re.fullmatch(r"tr\(\[[0-9a-f]{8}\]tpub\w+/<0;1>/\*\)#\w{8}", text)
    imported = mpcw.json("wallet", "export", "--format", "importdescriptors")
    assert [item["internal"] for item in imported] == [False, True]
    assert json.loads(mpcw.ok("wallet", "export", "--format", "importdescriptors").out) == imported
    assert mpcw.fails("wallet", "export", "--format", "xml")["code"] == 2


def test_config_tells_where_each_value_comes_from(mpcw: Mpcw, bare: Mpcw) -> None:
    def sources(*args: str, **variables: str) -> dict[str, tuple[str, str]]:
        value = mpcw(*("config", "show", "--json"), *args, variables=variables).value
        return {item["setting"]: (item["value"], item["from"]) for item in value}

    assert sources()["home"] == (str(mpcw.home), "$MPCW_HOME")
    assert sources()["wallet"] == ("main", "the only one")
    assert sources(MPCW_WALLET="main")["wallet"] == ("main", "$MPCW_WALLET")
    assert sources("-w", "main")["wallet"] == ("main", "command line")
    assert sources("-w", "other")["wallet"][1].endswith("no such wallet")
    assert sources("--home", "/nowhere")["home"] == ("/nowhere", "command line")
    assert sources("--home", "/nowhere")["wallet"][0] == ""
    assert sources()["passphrase file of party 1"][1] == "$MPCW_PASSPHRASE_FILE_1"
    assert mpcw.ok("config", "path").out == f"{mpcw.home}\n"
    assert mpcw.ok("config", "path", "-w", "main").out == f"{mpcw.home}/wallets/main\n"


def test_wallet_must_be_named_if_there_are_several(mpcw: Mpcw) -> None:
    mpcw.ok("wallet", "create", "other", "--no-segwit")
    assert [item["name"] for item in mpcw.json("wallet", "list")] == ["main", "other"]
    error = mpcw.fails("wallet", "balance")
    assert (error["code"], error["hint"]) == (3, "choose one with --wallet or $MPCW_WALLET")
    assert mpcw.json("wallet", "balance", "-w", "other")["total"] == 0


def test_home_may_be_empty(bare: Mpcw) -> None:
    assert bare.json("wallet", "list") == []
    assert "mpcw demo" in bare.ok("wallet", "list").err
    assert bare.fails("wallet", "balance")["code"] == 3
    assert not bare.home.exists()


def test_mainnet_wallets_are_asked_for_twice(bare: Mpcw) -> None:
    args = ["wallet", "create", "real", "--network", "mainnet", "--chain", "bitcoind", "--no-segwit"]
    error = bare.fails(*args)
    assert (error["code"], "--i-understand" in error["message"]) == (2, True)
    assert not bare.home.exists()
    assert bare.json(*args, "--i-understand")["network"] == "mainnet"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reader_that_goes_away_is_no_error(options: list[str], mpcw: Mpcw) -> None:
    with mpcw.start("wallet", "export", *options) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == ExitCode.CLOSED_PIPE
