"""The screen that is shown before anything is signed, and the question below it."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from cosigner.cli import show
from cosigner.cli.command import Invocation
from cosigner.cli.show import Line
from cosigner.local import LocalWallet
from cosigner.segwit_key import SEGWIT
from protocol.errors import UsageError
from protocol.ids import PartyId
from wallet import address
from wallet.account import Account
from wallet.errors import MalformedError
from wallet.network import Network
from wallet.psbt import Psbt
from wallet.review import Review, ReviewedOutput
from wallet.script import ScriptType, script_type
from wallet.script_index import Owner
from wallet.tx import Transaction, TxOut, show_txid

# BIP-141: witness versions without rules of their own are there for later soft forks
_UNPROTECTED: Final = "warning: anybody can spend an output of this kind today"


def describe(wallet: LocalWallet, psbt: Psbt, seen: Review) -> dict[str, Any]:
    """Return what a transaction does for scripts."""
    return {
        "txid": show_txid(psbt.tx.txid),
        "sent": seen.sent,
        "fee": seen.fee,
        "fee_rate_sat_per_kvb": seen.fee_rate.sat_per_kvb,
        "inputs": [
            {
                "coin": str(psbt.tx.inputs[item.index].prevout),
                "value": item.coin.value,
                "account": wallet.accounts[item.account].name,
                "path": str(item.path),
            }
            for item in seen.inputs
        ],
        "outputs": [_output(wallet, out.out, out.own) for out in seen.outputs],
        "locktime": psbt.tx.locktime,
        "replaceable": psbt.tx.signals_rbf,
    }


def outputs(wallet: LocalWallet, tx: Transaction) -> list[dict[str, Any]]:
    """Return the outputs of a transaction that was sent or seen, for scripts; see describe()."""
    owned = [(out, wallet.owner_of(out.script_pubkey)) for out in tx.outputs]
    return [_output(wallet, out, owner) for out, owner in owned]


def _output(wallet: LocalWallet, out: TxOut, owner: Owner | None) -> dict[str, Any]:
    return {
        "address": address_or_none(out.script_pubkey, wallet.plan.network),
        "script": out.script_pubkey.hex(),
        "value": out.value,
        "account": None if owner is None else wallet.accounts[owner.account].name,
        "path": None if owner is None else str(owner.path),
    }


def address_or_none(script: bytes, network: Network) -> str | None:
    """Return the address of an output script, None if it has none."""
    try:
        return address.encode(script, network)
    except MalformedError:
        return None


def screen(
    wallet: LocalWallet, psbt: Psbt, seen: Review, signers: tuple[PartyId, ...], replaces: bool = False
) -> list[Line]:
    """Return a transaction as its user reads it before it is signed.

    Args:
        wallet: whose it is.
        psbt: the transaction.
        seen: what the wallet's own review found; nothing is shown that was not checked.
        signers: who is to sign.
        replaces: whether it takes the place of a transaction that was signed before.
    """
    plan = wallet.plan
    rows: list[tuple[str, str]] = []
    for out in sorted(seen.outputs, key=lambda out: out.own is not None):
        whose, *more = _whose(out, plan.network, wallet.accounts)
        rows += [("change" if out.own else "pay", show.amount(out.out.value)), ("", whose)]
        rows += [("", line) for line in more]
    share = f"{show.percent(seen.fee, seen.sent)} of it, " if seen.sent else ""
    of_account = Counter(wallet.accounts[item.account].name for item in seen.inputs)
    coins = " and ".join(show.count(n, f"{name} coin") for name, n in sorted(of_account.items()))
    names = ", ".join(f"party {party}" for party in signers)
    rows += [
        ("fee", f"{show.sats(seen.fee)}, {share}{seen.fee_rate}"),
        ("spends", f"{coins}, {show.sats(sum(item.coin.value for item in seen.inputs))}"),
        ("signed by", f"{names} (any {plan.t} of {plan.n})"),
        ("uses", _presignatures(of_account[SEGWIT], replaces)),
        ("transaction", show_txid(psbt.tx.txid)),
        ("", "may be replaced (RBF)" if psbt.tx.signals_rbf else "cannot be replaced"),
    ]
    return show.facts(*rows)


def _presignatures(count: int, replaces: bool) -> str:
    """Say what SegWit inputs cost; each signature, also of a replacement, takes one of its own."""
    if not count:
        return ""
    what = show.count(count, "new presignature" if replaces else "presignature")
    return what + (": those of what it replaces are used up" if replaces else "")


def _whose(out: ReviewedOutput, network: Network, accounts: Sequence[Account]) -> list[str]:
    text = address_or_none(out.out.script_pubkey, network)
    if text is None:
        return [f"script {out.out.script_pubkey.hex()}"]
    if out.own is not None:
        name = accounts[out.own.account].name
        return [text, f"ours at {out.own.path} of the {name} account, re-derived"]
    unprotected = script_type(out.out.script_pubkey) in (ScriptType.WITNESS_UNKNOWN, ScriptType.P2A)
    return [*show.spaced(text), *([_UNPROTECTED] if unprotected else [])]


def ask(call: Invocation, question: str, yes: bool) -> bool:
    """Return whether the user agrees.

    Args:
        call: the command's invocation.
        question: what is about to happen.
        yes: whether the user has agreed on the command line.

    Raises:
        UsageError: there is nobody to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty() or call.out.as_json:
        raise UsageError("there is no terminal to ask at: say --yes to go on without a question")
    return call.out.ask(question)
