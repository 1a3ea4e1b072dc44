"""A transaction to review and sign: from chosen coins and outputs to a PSBT with all that signers need."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from wallet.account import Account, Branch, KeyPath
from wallet.amounts import FeeRate, Sats
from wallet.coins import Coin
from wallet.errors import RefusedError
from wallet.fees import to_vsize, transaction_weight
from wallet.psbt import KeyOrigin, Psbt, PsbtInput, PsbtOutput, TapKeyOrigin
from wallet.script import ScriptType, dust_threshold, is_dust, p2tr, p2wpkh
from wallet.script_index import Owner
from wallet.spending.basis import Basis
from wallet.tx import SEQUENCE_NO_RBF, SEQUENCE_RBF, Transaction, Txid, TxIn, TxOut

# Bytes of previous transactions, of the 4 MB that a PSBT may have: the rest of the largest one is below 1 MB.
MAX_PROOFS: Final = 3_000_000

# what has the length of a change output before its index is reserved
CHANGE_SCRIPT: Final = {ScriptType.P2WPKH: p2wpkh(bytes(20)), ScriptType.P2TR: p2tr(bytes(32))}


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction that is decided but for the path of new change and the order of things.

    Args:
        coins: what it spends.
        recipients: who gets what.
        change: satoshi that come back to the wallet; 0 for none.
        account: index of the account that gets the change.
        change_owner: where the change goes; None for a new address.
        rbf: whether it may be replaced.
        replaces: the transaction in whose place it is to come.
    """

    coins: tuple[Coin, ...]
    recipients: tuple[TxOut, ...]
    change: Sats
    account: int
    change_owner: Owner | None = None
    rbf: bool = True
    replaces: Txid | None = None

    @property
    def amount(self) -> Sats:
        """Satoshi that recipients get; where there are none, those that come back."""
        return Sats(sum(out.value for out in self.recipients)) if self.recipients else self.change

    @property
    def fee(self) -> Sats:
        """Satoshi."""
        paid = sum(out.value for out in self.recipients) + self.change
        return Sats(sum(coin.value for coin in self.coins) - paid)


@dataclass(frozen=True, slots=True)
class Change:
    """The output that comes back.

    Args:
        owner: its account and path.
        value: satoshi.
        position: index of the output.
    """

    owner: Owner
    value: Sats
    position: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction to review and sign.

    Args:
        psbt: version 0, with all that signers need.
        inputs: the coins that it spends, in the order of its inputs.
        recipients: who gets what, in the order of its outputs.
        change: what comes back.
        fee: satoshi.
        vsize: virtual bytes when it is signed, at most.
        replaces: the transaction in whose place it is to come.
    """

    psbt: Psbt
    inputs: tuple[Coin, ...]
    recipients: tuple[TxOut, ...]
    change: Change | None
    fee: Sats
    vsize: int
    replaces: Txid | None = None

    @property
    def tx(self) -> Transaction:
        """The unsigned transaction."""
        return self.psbt.tx

    @property
    def amount(self) -> Sats:
        """Satoshi that recipients get."""
        return Sats(sum(out.value for out in self.recipients))

    @property
    def rate(self) -> FeeRate:
        """The fee rate; when it is signed it may be a little above."""
        return FeeRate.of(self.fee, self.vsize)


def vsize(coins: Sequence[Coin], outputs: Sequence[bytes]) -> int:
    """Return the most virtual bytes of a signed transaction that spends coins to scripts."""
    return to_vsize(transaction_weight([coin.kind for coin in coins], outputs))


def planned_vsize(basis: Basis, plan: Plan) -> int:
    """Return the most virtual bytes of a planned transaction when it is signed."""
    change = [CHANGE_SCRIPT[basis.accounts[plan.account].kind]] if plan.change else []
    return vsize(plan.coins, [*(out.script_pubkey for out in plan.recipients), *change])


def check_dust(out: TxOut) -> None:
    """Refuse an output that nodes do not relay.

    Raises:
        RefusedError: "dust"; names the threshold.
    """
    if is_dust(out):
        raise RefusedError(
            "dust",
            f"an output of {out.value} sat is dust",
            f"send at least {dust_threshold(out.script_pubkey)} sat to this address",
        )


def finish(basis: Basis, plan: Plan) -> Draft:
    """Check the final numbers, reserve the address of new change, and write the PSBT.

    Raises:
        RefusedError: "dust", a fee cap, or "psbt-size": the previous transactions are too large together.
    """
    size = planned_vsize(basis, plan)
    for out in plan.recipients:
        check_dust(out)
    basis.caps.check(plan.fee, plan.amount, size)
    proofs = _proofs(basis, plan.coins)

    change = _place_change(basis, plan) if plan.change else None
    coins = basis.rng.sample(plan.coins, len(plan.coins))
    psbt = _psbt(basis, plan, coins, change, proofs)
    return Draft(psbt, tuple(coins), plan.recipients, change, plan.fee, size, plan.replaces)


def _place_change(basis: Basis, plan: Plan) -> Change:
    owner = plan.change_owner
    if owner is None:
        index = basis.reserve(plan.account, Branch.CHANGE)
        owner = Owner(plan.account, KeyPath(Branch.CHANGE, index))
    return Change(owner, plan.change, basis.rng.randrange(len(plan.recipients) + 1))


def _psbt(
    basis: Basis,
    plan: Plan,
    coins: Sequence[Coin],
    change: Change | None,
    proofs: Mapping[Txid, Transaction],
) -> Psbt:
    outputs = list(plan.recipients)
    owners = [basis.ledger.index.find(out.script_pubkey) for out in outputs]
    if change is not None:
        script = basis.accounts[change.owner.account].script(change.owner.path)
        outputs.insert(change.position, TxOut(change.value, script))
        owners.insert(change.position, change.owner)
    sequence = SEQUENCE_RBF if plan.rbf else SEQUENCE_NO_RBF
    inputs = tuple(TxIn(coin.outpoint, sequence) for coin in coins)
    tx = Transaction(inputs, tuple(outputs), _locktime(basis.ledger.tip, basis.rng))
    return Psbt.of(
        tx,
        [
            PsbtInput(proof, coin.out, **origin_fields(basis.accounts, coin.owner))
            for coin, proof in zip(coins, _brought(coins, proofs), strict=True)
        ],
        [PsbtOutput(**origin_fields(basis.accounts, owner)) if owner else PsbtOutput() for owner in owners],
    )


def _locktime(tip: int, rng: random.Random) -> int:
    """Return a height that makes it useless to mine the last block again for its fees.

    Now and then it is older, so that transactions that were signed late do not stand out (Bitcoin Core,
    DiscourageFeeSniping).
    """
    back = rng.randrange(100) if rng.randrange(10) == 0 else 0
    return max(0, tip - back)


def _proofs(basis: Basis, coins: Sequence[Coin]) -> Mapping[Txid, Transaction]:
    """Return the previous transactions, which prove the amounts to every signer (CVE-2020-14199).

    Their witnesses prove nothing more, and may be almost all of a block (Bitcoin Core leaves them out too).
    Where all coins are P2TR each signature commits to all amounts (BIP-341): no proof is needed if there is
    no room.
    """
    txids = {coin.outpoint.txid for coin in coins}
    proofs = {txid: _stripped(basis.ledger.entry(txid).tx) for txid in txids}
    size = sum(len(bytes(tx)) for tx in proofs.values())
    if size <= MAX_PROOFS:
        return proofs
    if all(coin.kind is ScriptType.P2TR for coin in coins):
        return {}
    raise RefusedError(
        "psbt-size",
        f"the {len(proofs)} transactions that the coins are of have {size} bytes, and signers are shown"
        f" {MAX_PROOFS} at most",
        "pay less at once, which takes fewer coins; or name some of the coins, and spend the others later",
    )


def _brought(coins: Sequence[Coin], proofs: Mapping[Txid, Transaction]) -> list[Transaction | None]:
    """Return the previous transaction that each input brings: each its own, as other programs want it.

    If there is no room for that, the first of those that spend from the same one brings it.
    """
    sizes = {txid: len(bytes(tx)) for txid, tx in proofs.items()}
    if sum(sizes.get(coin.outpoint.txid, 0) for coin in coins) <= MAX_PROOFS:
        return [proofs.get(coin.outpoint.txid) for coin in coins]
    left = dict(proofs)
    return [left.pop(coin.outpoint.txid, None) for coin in coins]


def _stripped(tx: Transaction) -> Transaction:
    return tx.with_witnesses(((),) * len(tx.inputs))


class OriginFields(TypedDict, total=False):
    """The fields of an input or output that tell where its key comes from (BIP-174, BIP-371)."""

    bip32_derivation: Mapping[bytes, KeyOrigin]
    tap_internal_key: bytes
    tap_bip32_derivation: Mapping[bytes, TapKeyOrigin]


def origin_fields(accounts: Sequence[Account], owner: Owner) -> OriginFields:
    """Return what tells a signer which of its keys an input or output is of."""
    account = accounts[owner.account]
    key = account.public_key(owner.path)
    origin = KeyOrigin(account.key.fingerprint, owner.path.steps)
    if account.kind is ScriptType.P2WPKH:
        return {"bip32_derivation": {key: origin}}
    return {"tap_internal_key": key[1:], "tap_bip32_derivation": {key[1:]: TapKeyOrigin(origin)}}
