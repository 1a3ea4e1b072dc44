"""Wallets that own coins, and the claims that hold for every draft."""

import random
from collections.abc import Sequence

from tests.wallet.fakes import ACCOUNTS, TAPROOT, MemoryStore, confirmed, pay, script
from wallet.account import Account
from wallet.amounts import FeeRate
from wallet.build import Basis, Draft
from wallet.fees import FeeCaps
from wallet.ledger import Ledger
from wallet.script_index import ScriptIndex
from wallet.store import StoredTransaction

TIP = 1000
NO_CAPS = FeeCaps(10**15, 10**9, FeeRate(10**9))

_INDEX = ScriptIndex(ACCOUNTS)


def funding(*values: int, account: Account = TAPROOT, height: int = 500) -> list[StoredTransaction]:
    """Return confirmed payments from others, each to an address of its own."""
    return [confirmed(pay((script(account, i), value)), height) for i, value in enumerate(values)]


def basis(stored: Sequence[StoredTransaction], *, seed: int = 1, caps: FeeCaps = NO_CAPS, **fields) -> Basis:
    ledger = Ledger.of(_INDEX, stored, TIP, **fields)
    return Basis(ledger, MemoryStore().reserve_index, caps, random.Random(seed))


def check_sums(draft: Draft, rate: FeeRate) -> None:
    """Claim what holds for every draft at a rate."""
    paid = sum(coin.value for coin in draft.inputs)
    assert paid == sum(out.value for out in draft.tx.outputs) + draft.fee
    assert draft.fee >= rate.fee(draft.vsize)
    assert [txin.prevout for txin in draft.tx.inputs] == [coin.outpoint for coin in draft.inputs]
    outputs = list(draft.tx.outputs)
    if draft.change is not None:
        change = outputs.pop(draft.change.position)
        assert change.value == draft.change.value
        account = ACCOUNTS[draft.change.owner.account]
        assert change.script_pubkey == account.script(draft.change.owner.path)
    assert tuple(outputs) == draft.recipients
