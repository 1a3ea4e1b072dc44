"""The shares of a wallet's keys are refreshed, and people and scripts are told what that means."""

import re

from ecdsa_cggmp.aux_info import AuxSecret
from tests.cosigner.cli.conftest import STRANGER, Mpcw


def test_refresh_is_shown_asked_for_and_told(both: Mpcw) -> None:
    before = both.json("key", "show")
    refused = both("key", "refresh")
    assert refused.code == 2
    assert "no terminal to ask at: say --yes" in refused.err
    assert re.search(
        "^keys +taproot and segwit; they stay, and so do all addresses$", refused.err, re.MULTILINE
    )
    assert re.search("^shares now +of epoch 0, deleted at the end$", refused.err, re.MULTILINE)
    assert re.search("^paillier keys +new$", refused.err, re.MULTILINE)
    assert both.json("key", "show") == before
    done = both.ok("key", "refresh", "--yes", "--no-aux")
    assert done.out == "The parties of main have shares of epoch 1; those of epoch 0 are deleted.\n"
    assert re.search("^paillier keys +stay$", done.err, re.MULTILINE)
    assert "parties 0-2    new shares of all keys confirmed" in done.err
    assert "epoch 0 to 1" in done.err
    assert "Destroy copies of the parties' files from before" in done.err
    assert "next: mpcw serve" in done.err
    after = both.json("key", "show")
    assert [it["epoch"] for it in after] == [1, 1]
    for old, new in zip(before, after, strict=True):
        assert old["public_shares"] != new["public_shares"]
        assert {**old, "epoch": 1, "public_shares": new["public_shares"]} == new


def test_refreshed_wallet_pays_from_both_accounts(both: Mpcw) -> None:
    value = both.json("key", "refresh", "--yes", "--no-aux")
    accounts = ["taproot", "segwit"]
    epochs = {"epoch_before": 0, "epoch": 1}
    assert value == {"accounts": accounts, "parties": 3, **epochs, "new_aux": False}
    assert both.json("key", "refresh", "--yes", "--no-aux")["epoch_before"] == 1
    sent = both.json("send", f"{STRANGER}=60btc", "--fee-rate", "2", "--yes", "--wait", "--signers", "1,2")
    assert sent["txid"]


def test_presignatures_are_said_to_be_void_after_a_refresh(both: Mpcw) -> None:
    assert "There were never any presignatures." in both.ok("presig", "status").out
    both.ok("key", "refresh", "--yes", "--no-aux")
    shown = both.ok("presig", "status")
    assert "The shares were refreshed (epoch 1): presignatures of before are void." in shown.out
    assert "next: mpcw serve" in shown.err
    value = both.json("presig", "status")
    assert (value["epoch"], value["stocks"]) == (1, [])


def test_wallet_without_segwit_is_refreshed_without_a_word_of_presignatures(mpcw: Mpcw) -> None:
    done = mpcw.ok("key", "refresh", "--yes")
    assert "resignature" not in done.err + done.out
    assert "aillier" not in done.err + done.out
    assert "next: mpcw key show" in done.err
    assert mpcw.json("send", f"{STRANGER}=1000000", "--yes")["txid"]


def test_paillier_keys_are_new_too_unless_the_user_keeps_them(both: Mpcw) -> None:
    for _ in range(3):
        AuxSecret.search()  # the primes that the wallet has already
    done = both.ok("key", "refresh", "--yes")
    assert re.search("^paillier keys +new$", done.err, re.MULTILINE)
    assert "parties 0-2    primes of the auxiliary info ready" in done.err
    assert both.json("presig", "refill", "--count", 1, "--measure")["made"] == 1


def test_primes_come_from_the_stock(both: Mpcw) -> None:
    for _ in range(3):
        AuxSecret.search()
    both.ok("primes", "make", "-n", 3)
    done = both.ok("key", "refresh", "--yes")
    assert done.err.count("primes taken out of the stock") == 3
