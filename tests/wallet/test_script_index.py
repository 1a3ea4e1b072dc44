"""The script index: what it knows, and how use extends it."""

from tests.wallet.fakes import ACCOUNTS, SEGWIT, TAPROOT, change, script
from wallet.account import GAP_LIMIT, Branch, KeyPath
from wallet.script_index import Owner, ScriptIndex


def test_each_script_has_its_account_and_path():
    index = ScriptIndex(ACCOUNTS)
    index.cover({}, set())
    assert index.find(script(TAPROOT, 3)) == Owner(0, KeyPath(Branch.RECEIVE, 3))
    assert index.find(change(SEGWIT, 19)) == Owner(1, KeyPath(Branch.CHANGE, 19))
    assert index.find(script(TAPROOT, GAP_LIMIT)) is None
    assert index.find(b"\x6a") is None
    assert set(index.ends.values()) == {GAP_LIMIT}


def test_the_gap_follows_what_was_handed_out():
    index = ScriptIndex(ACCOUNTS)
    index.cover({(1, Branch.RECEIVE): 7}, set())
    assert index.ends[1, Branch.RECEIVE] == 7 + GAP_LIMIT
    assert index.ends[0, Branch.RECEIVE] == GAP_LIMIT


def test_the_gap_follows_use_from_one_gap_to_the_next():
    index = ScriptIndex(ACCOUNTS)
    index.cover({}, {script(TAPROOT, 19), script(TAPROOT, 38), script(TAPROOT, 59)})
    assert index.ends[0, Branch.RECEIVE] == 39 + GAP_LIMIT  # 59 is out of reach


def test_use_of_a_script_that_is_known_already_extends_the_gap():
    index = ScriptIndex(ACCOUNTS)
    index.cover({}, set())
    index.cover({}, {script(TAPROOT, 5)})
    assert index.ends[0, Branch.RECEIVE] == 6 + GAP_LIMIT


def test_the_index_never_shrinks():
    index = ScriptIndex(ACCOUNTS)
    index.cover({(0, Branch.CHANGE): 50}, set())
    index.cover({}, set())
    assert index.ends[0, Branch.CHANGE] == 50 + GAP_LIMIT


def test_another_gap():
    index = ScriptIndex(ACCOUNTS, gap=2)
    index.cover({}, {script(TAPROOT, 2)})
    assert index.find(script(TAPROOT, 2)) is None
    assert set(index.ends.values()) == {2}
