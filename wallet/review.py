"""What a signer checks in a PSBT before it signs: whatever the PSBT does not prove is refused.

A PSBT comes from a coordinator that is not trusted (BIP-174, Signer). Psbt itself refuses a previous
transaction that is not the one an input spends from, a witness_utxo that contradicts it, and an input that
appears twice. The rules of Rule are checked here; FeeCaps adds "fee-absolute", "fee-relative" and "fee-rate".
The digests that are signed are computed here and come from nowhere else.

Amounts. A P2WPKH signature commits to the amount of its own input only (BIP-143), so that two sessions that
lie about one input each yield a transaction whose fee nobody has seen (CVE-2020-14199). Every input therefore
brings the transaction that it spends from, or another input does that spends from the same. The exception is
P2TR inputs of ours where all inputs of the transaction are P2TR: then each signature of ours commits to the
amounts and scripts of all inputs (BIP-341, sha_amounts and sha_scriptpubkeys) and is worthless unless all are
true, and the fee with them. A P2WPKH input of ours beside them would be signed whatever they are in truth,
even coins of others. A foreign input proves its amount in any case.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wallet.account import GAP_LIMIT, Account, Branch, KeyPath
from wallet.amounts import FeeRate, Sats
from wallet.errors import RefusedError
from wallet.fees import FeeCaps, to_vsize, transaction_weight
from wallet.own_keys import Claim, OwnKeys
from wallet.psbt import Psbt, PsbtInput, PsbtOutput
from wallet.script import ScriptType, dust_threshold, is_dust, script_type
from wallet.script_index import Owner
from wallet.sighash import SIGHASH_ALL, SIGHASH_DEFAULT, SighashCache
from wallet.tx import MAX_STANDARD_WEIGHT, OutPoint, Transaction, TxOut

LOCKTIME_SLACK: Final = 6  # blocks; nodes see a block at different times

_TIME_LOCKTIMES: Final = 500_000_000  # lock times from here on are Unix seconds (BIP-113)
_NO_RELATIVE_LOCK: Final = 1 << 31  # BIP-68, disable flag
_VERSIONS: Final = (1, 2)
# the types that are signed; the first is the default
_SIGNED_TYPES: Final = {
    ScriptType.P2WPKH: (SIGHASH_ALL,),
    ScriptType.P2TR: (SIGHASH_DEFAULT, SIGHASH_ALL),
}


class Rule(StrEnum):
    """Names of the rules, as RefusedError.rule has them; stable for scripts."""

    AMOUNT_UNPROVEN = "amount-unproven"  # an input does not bring the transaction that it spends from
    INPUT_SCRIPT = "input-script"  # an input spends neither P2WPKH nor P2TR
    FOREIGN_INPUT = "foreign-input"  # an input is not ours and was not named as foreign
    DERIVATION = "derivation"  # an input says to be ours, but our own derivation gives another key or script
    SCRIPT_PATH = "script-path"  # an input of ours has a script tree: we sign for the key path of BIP-86
    INPUT_FIELDS = "input-fields"  # an input of ours has the redeem or witness script of another kind
    FINISHED = "finished"  # an input of ours is final already
    NOTHING_TO_SIGN = "nothing-to-sign"  # no input is ours
    SIGHASH_TYPE = "sighash-type"  # other than ALL, or DEFAULT in Taproot
    VERSION = "tx-version"  # other than 1 and 2
    WEIGHT = "weight"  # above what nodes relay
    LOCKTIME = "locktime"  # a time, or a height that is not reached: it would be kept back
    SEQUENCE = "sequence"  # a relative lock time (BIP-68): it would be kept back
    OUTPUT_SCRIPT = "output-script"  # a script that nodes do not relay
    DUST = "dust"  # an output that nodes refuse as too small
    BURN = "burn"  # a value on an output of data, which nobody can spend
    FEE_NEGATIVE = "fee-negative"  # the outputs are worth more than the inputs


@dataclass(frozen=True, slots=True)
class ReviewedInput:
    """An input of ours, and what its signature signs.

    Args:
        index: of the input in the transaction.
        account: index among the accounts.
        path: below the account's key.
        coin: what is spent.
        key: what the signature holds under: for P2WPKH the public key, 33 bytes; for P2TR the x-only output
            key, 32 bytes.
        sighash: 32 bytes.
        sighash_type: ALL for P2WPKH, DEFAULT or ALL for P2TR.
    """

    index: int
    account: int
    path: KeyPath
    coin: TxOut
    key: bytes
    sighash: bytes
    sighash_type: int


@dataclass(frozen=True, slots=True)
class ReviewedOutput:
    """An output.

    Args:
        out: amount and script.
        own: of which change address of ours it is; None if it counts as a payment to others.
    """

    out: TxOut
    own: Owner | None


@dataclass(frozen=True, slots=True)
class Review:
    """A transaction that may be signed as far as it alone can tell; policy and approvals come on top.

    Args:
        tx: without signatures.
        prevouts: what each input spends, ours and foreign.
        inputs: those that are ours, in their order.
        outputs: all.
        weight: the most that the signed transaction can weigh.
    """

    tx: Transaction
    prevouts: tuple[TxOut, ...]
    inputs: tuple[ReviewedInput, ...]
    outputs: tuple[ReviewedOutput, ...]
    weight: int

    @property
    def fee(self) -> Sats:
        """Satoshi that the inputs bring over the outputs."""
        return Sats(sum(out.value for out in self.prevouts) - sum(out.value for out in self.tx.outputs))

    @property
    def fee_rate(self) -> FeeRate:
        """The fee over the virtual bytes of the signed transaction."""
        return FeeRate.of(self.fee, to_vsize(self.weight))

    @property
    def sent(self) -> Sats:
        """Satoshi that leave the wallet, without a fee that it pays alone."""
        payments = sum(item.out.value for item in self.outputs if item.own is None)
        # foreign inputs may pay for a part of the payments
        return Sats(max(0, min(payments, sum(item.coin.value for item in self.inputs) - self.returned)))

    @property
    def returned(self) -> Sats:
        """Satoshi that come back as change."""
        return Sats(sum(item.out.value for item in self.outputs if item.own is not None))


def review(
    psbt: Psbt,
    accounts: Sequence[Account],
    caps: FeeCaps,
    *,
    next_change: Sequence[int] = (),
    foreign: AbstractSet[OutPoint] = frozenset(),
    tip: int | None = None,
) -> Review:
    """Check a PSBT and compute what is to be signed; nothing in it is believed.

    Args:
        psbt: what somebody wants signed.
        accounts: the wallet's.
        caps: of the fee.
        next_change: for each account the next index of its change branch as we know it. Change counts as ours
            up to GAP_LIMIT beyond; none means 0.
        foreign: coins of others that may be spent along with ours.
        tip: height of the chain; None if it is not known, so that a height as lock time is not checked.

    Returns:
        What may be signed.

    Raises:
        RefusedError: a rule forbids it; names the rule.
        MalformedError: the transaction still lacks inputs or outputs.
    """
    tx = psbt.tx
    prevouts = tuple(_claimed_coin(psbt, index) for index in range(len(tx.inputs)))
    weight = _expect_standard(tx, prevouts)
    _expect_no_lock(tx, tip)
    keys = OwnKeys(accounts)
    claims = [_claim(psbt, index, coin, keys) for index, coin in enumerate(prevouts)]
    _expect_proven(psbt, prevouts, claims)
    _expect_ours(tx, claims, foreign)
    digests = SighashCache(tx, prevouts)
    inputs = tuple(
        _own_input(index, psbt.inputs[index], claim, keys, digests)
        for index, claim in enumerate(claims)
        if claim is not None
    )
    known = dict(enumerate(next_change))
    outputs = tuple(
        ReviewedOutput(out, _change_owner(fields, out, keys, known))
        for out, fields in zip(tx.outputs, psbt.outputs, strict=True)
    )
    reviewed = Review(tx, prevouts, inputs, outputs, weight)
    _expect_fee(reviewed, caps)
    return reviewed


def _claimed_coin(psbt: Psbt, index: int) -> TxOut:
    """Return what an input says to spend."""
    coin = psbt.spent(index)
    if coin is None:
        raise RefusedError(
            Rule.AMOUNT_UNPROVEN, f"input {index} does not say what it spends", "add its non_witness_utxo"
        )
    return coin


def _expect_standard(tx: Transaction, prevouts: Sequence[TxOut]) -> int:
    """Refuse what nodes do not relay; return the most that the signed transaction can weigh."""
    if tx.version not in _VERSIONS:
        raise RefusedError(Rule.VERSION, f"the transaction has version {tx.version}", "use version 2")
    kinds = [script_type(coin.script_pubkey) for coin in prevouts]
    for index, kind in enumerate(kinds):
        if kind not in _SIGNED_TYPES:
            raise RefusedError(Rule.INPUT_SCRIPT, f"input {index} spends {kind.value}, not p2wpkh or p2tr")
    for index, out in enumerate(tx.outputs):
        _expect_standard_output(index, out)
    weight = transaction_weight(kinds, [out.script_pubkey for out in tx.outputs])
    if weight > MAX_STANDARD_WEIGHT:
        raise RefusedError(
            Rule.WEIGHT,
            f"the transaction weighs up to {weight} units and nodes relay {MAX_STANDARD_WEIGHT}",
            "spend fewer coins at once",
        )
    return weight


def _expect_standard_output(index: int, out: TxOut) -> None:
    kind = script_type(out.script_pubkey)
    if kind is ScriptType.NONSTANDARD:
        raise RefusedError(Rule.OUTPUT_SCRIPT, f"output {index} has a script that nodes do not relay")
    if kind is ScriptType.NULL_DATA and out.value:
        raise RefusedError(Rule.BURN, f"output {index} burns {out.value} sat", "set its value to 0")
    if is_dust(out):
        raise RefusedError(
            Rule.DUST,
            f"output {index} of {out.value} sat is dust",
            f"send at least {dust_threshold(out.script_pubkey)} sat",
        )


def _expect_no_lock(tx: Transaction, tip: int | None) -> None:
    """Refuse what could not be mined now: somebody could keep it back for the day when it can."""
    if tx.locktime >= _TIME_LOCKTIMES:
        raise RefusedError(Rule.LOCKTIME, f"the lock time {tx.locktime} is a time, not a height")
    if tip is not None and tx.locktime > tip + LOCKTIME_SLACK:
        raise RefusedError(
            Rule.LOCKTIME, f"the lock time {tx.locktime} is above the height of the chain, {tip}"
        )
    for index, txin in enumerate(tx.inputs):
        if txin.sequence < _NO_RELATIVE_LOCK:
            raise RefusedError(Rule.SEQUENCE, f"input {index} has a relative lock time")


def _claim(psbt: Psbt, index: int, coin: TxOut, keys: OwnKeys) -> Claim | None:
    """Return which key of ours an input says to spend by; None for a foreign input."""
    claims = keys.claims(psbt.inputs[index], script_type(coin.script_pubkey))
    if len(claims) > 1:
        raise RefusedError(Rule.DERIVATION, f"input {index} names more than one key of ours")
    return claims[0] if claims else None


def _expect_proven(psbt: Psbt, prevouts: Sequence[TxOut], claims: Sequence[Claim | None]) -> None:
    """Refuse an amount that neither a previous transaction proves nor all of our digests commit to."""
    committed = all(script_type(coin.script_pubkey) is ScriptType.P2TR for coin in prevouts)
    # Psbt has checked that each is the transaction of this id
    brought = zip(psbt.tx.inputs, psbt.inputs, strict=True)
    proofs = {
        txin.prevout.txid: fields.non_witness_utxo
        for txin, fields in brought
        if fields.non_witness_utxo is not None
    }
    for index, (txin, claim) in enumerate(zip(psbt.tx.inputs, claims, strict=True)):
        proof = proofs.get(txin.prevout.txid)
        if proof is None and not (committed and claim is not None):
            raise RefusedError(
                Rule.AMOUNT_UNPROVEN,
                f"the amount of input {index} is not proven",
                "add its non_witness_utxo",
            )
        if proof is not None and prevouts[index] not in proof.outputs[txin.prevout.index :][:1]:
            raise RefusedError(
                Rule.AMOUNT_UNPROVEN, f"input {index} says to spend another output than it does"
            )


def _expect_ours(tx: Transaction, claims: Sequence[Claim | None], foreign: AbstractSet[OutPoint]) -> None:
    for index, (txin, claim) in enumerate(zip(tx.inputs, claims, strict=True)):
        if claim is None and txin.prevout not in foreign:
            raise RefusedError(
                Rule.FOREIGN_INPUT,
                f"input {index} is not ours: {txin.prevout}",
                "name it as foreign to allow it",
            )
    if not any(claims):
        raise RefusedError(Rule.NOTHING_TO_SIGN, "no input of the transaction is ours")


def _own_input(
    index: int, fields: PsbtInput, claim: Claim, keys: OwnKeys, digests: SighashCache
) -> ReviewedInput:
    coin, key = digests.prevouts[index], keys.derive(claim.owner)
    kind = script_type(coin.script_pubkey)
    x_only = key.public_key[1:]
    # signatures are filed under the names that the PSBT has for our key
    named = claim.key == (x_only if kind is ScriptType.P2TR else key.public_key)
    if key.script != coin.script_pubkey or not named or fields.tap_internal_key not in (None, x_only):
        raise RefusedError(
            Rule.DERIVATION, f"input {index} is not of our key at {claim.owner.path}, as it says"
        )
    _expect_plain(index, fields)
    sighash_type = _expect_sighash_type(index, fields, kind)
    if kind is ScriptType.P2TR:
        signing_key, sighash = coin.script_pubkey[2:], digests.taproot_key_path(index, sighash_type)
    else:
        key_hash = coin.script_pubkey[2:]
        signing_key, sighash = key.public_key, digests.segwit_v0(index, key_hash, sighash_type)
    owner = claim.owner
    return ReviewedInput(index, owner.account, owner.path, coin, signing_key, sighash, sighash_type)


def _expect_plain(index: int, fields: PsbtInput) -> None:
    """Refuse fields of other ways to spend than by one key."""
    tap_leaves = any(origin.leaf_hashes for origin in fields.tap_bip32_derivation.values())
    if tap_leaves or fields.tap_merkle_root is not None or fields.tap_leaf_scripts or fields.tap_script_sigs:
        raise RefusedError(
            Rule.SCRIPT_PATH, f"input {index} has a script tree, and ours have none", "take its fields out"
        )
    if fields.redeem_script is not None or fields.witness_script is not None:
        raise RefusedError(Rule.INPUT_FIELDS, f"input {index} has a script of another kind of output")
    if fields.is_final:
        raise RefusedError(Rule.FINISHED, f"input {index} is signed and final already")


def _expect_sighash_type(index: int, fields: PsbtInput, kind: ScriptType) -> int:
    types = _SIGNED_TYPES[kind]
    sighash_type = types[0] if fields.sighash_type is None else fields.sighash_type
    if sighash_type not in types:
        raise RefusedError(
            Rule.SIGHASH_TYPE,
            f"input {index} asks for sighash type 0x{sighash_type:02x}",
            "only signatures of the whole transaction are made: ALL, or DEFAULT in Taproot",
        )
    return sighash_type


def _change_owner(
    fields: PsbtOutput, out: TxOut, keys: OwnKeys, next_change: Mapping[int, int]
) -> Owner | None:
    """Return of which change address an output is; None for all that we could not find or spend later."""
    claims = keys.claims(fields, script_type(out.script_pubkey))
    if len(claims) != 1:
        return None
    owner = claims[0].owner
    if owner.path.branch is not Branch.CHANGE:
        return None
    if owner.path.index >= next_change.get(owner.account, 0) + GAP_LIMIT:
        return None
    return owner if keys.derive(owner).script == out.script_pubkey else None


def _expect_fee(reviewed: Review, caps: FeeCaps) -> None:
    if reviewed.fee < 0:
        raise RefusedError(
            Rule.FEE_NEGATIVE, f"the outputs are worth {-reviewed.fee} sat more than the inputs"
        )
    caps.check(reviewed.fee, reviewed.sent or reviewed.returned, to_vsize(reviewed.weight))
