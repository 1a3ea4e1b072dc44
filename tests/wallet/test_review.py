"""What a signer refuses: for every rule a PSBT that breaks only this one."""

from dataclasses import replace
from random import Random

import pbk
import pytest

from wallet.account import GAP_LIMIT, Account
from wallet.amounts import FeeRate, Sats
from wallet.attach import attach
from wallet.errors import MalformedError, RefusedError, WalletError
from wallet.fees import FeeCaps
from wallet.own_keys import OwnKeys
from wallet.psbt import (
    KeyOrigin,
    LeafScript,
    Psbt,
    TapKeyOrigin,
    UnsignedTx,
    extract,
    finalize,
    to_v2,
)
from wallet.review import LOCKTIME_SLACK, Review, Rule, review
from wallet.script import dust_threshold, p2tr
from wallet.script_index import Owner
from wallet.sighash import SIGHASH_ALL, SIGHASH_DEFAULT, SighashCache
from wallet.taproot import output_key
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

from .spending import (
    ACCOUNTS,
    OTHER,
    OTHER_TR,
    TR,
    WPKH,
    Coin,
    change,
    derivation,
    payment,
    receive,
    returned,
    sign,
    spend,
    with_input,
    with_output,
)

CAPS = FeeCaps()
HERE = [Coin(WPKH, receive(3), 100_000), Coin(TR, change(4), 200_000)]
FOREIGN, FOREIGN_TR = Coin(OTHER, receive(7), 50_000), Coin(OTHER_TR, receive(7), 50_000)
# fees of 1000 sat throughout
MIXED = spend(HERE, [payment(90_000), returned(209_000, TR, change(5))])
SEGWIT = spend(HERE[:1], [payment(90_000), returned(9_000, WPKH, change(0))])
TAPROOT = spend(HERE[1:], [payment(90_000), returned(109_000, TR, change(0))])
ONE_OF_EACH = pytest.mark.parametrize("psbt", [SEGWIT, TAPROOT], ids=["p2wpkh", "p2tr"])


def refused(rule: Rule | str, psbt: Psbt, **values) -> RefusedError:
    caps = values.pop("caps", CAPS)
    with pytest.raises(RefusedError) as caught:
        review(psbt, ACCOUNTS, caps, **values)
    assert caught.value.rule == rule
    return caught.value


def test_review_tells_what_is_signed_and_what_it_costs():
    seen = review(MIXED, ACCOUNTS, CAPS)
    assert seen.tx == MIXED.tx
    assert seen.prevouts == tuple(coin.out for coin in HERE)
    assert [(i.index, i.account, i.path, i.coin) for i in seen.inputs] == [
        (0, 0, receive(3), HERE[0].out),
        (1, 1, change(4), HERE[1].out),
    ]
    assert [i.sighash_type for i in seen.inputs] == [SIGHASH_ALL, SIGHASH_DEFAULT]
    assert [i.key for i in seen.inputs] == [WPKH.public_key(receive(3)), TR.script(change(4))[2:]]
    assert [o.out for o in seen.outputs] == list(MIXED.tx.outputs)
    assert [o.own for o in seen.outputs] == [None, Owner(1, change(5))]
    assert (seen.fee, seen.sent, seen.returned) == (1000, 90_000, 209_000)
    assert seen.fee_rate == FeeRate.of(1000, 210)  # 10.5 + 68 + 57.5 + 31 + 43 virtual bytes


def test_digests_are_our_own_and_hold_by_the_consensus_library():
    seen = review(MIXED, ACCOUNTS, CAPS)
    tx = extract(finalize(attach(MIXED, seen, {item.index: sign(item) for item in seen.inputs})))
    assert tx.txid == seen.tx.txid
    assert seen.weight - 2 <= tx.weight <= seen.weight
    kernel_tx = pbk.Transaction(bytes(tx))
    outs = [pbk.TransactionOutput(pbk.ScriptPubkey(o.script_pubkey), o.value) for o in seen.prevouts]
    data = pbk.script.PrecomputedTransactionData(kernel_tx, outs)
    flags = pbk.ScriptVerificationFlags.ALL
    for i, out in enumerate(outs):
        assert out.script_pubkey.verify(seen.prevouts[i].value, kernel_tx, data, i, flags)


def test_same_psbt_gives_every_signer_an_equal_review_in_both_versions():
    assert review(Psbt.from_bytes(bytes(MIXED)), ACCOUNTS, CAPS) == review(MIXED, ACCOUNTS, CAPS)
    assert review(to_v2(MIXED), ACCOUNTS, CAPS) == review(MIXED, ACCOUNTS, CAPS)


# --- amounts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1])
def test_lying_witness_utxo_is_refused(index):
    for lie in (1, -1):
        out = HERE[index].out
        with pytest.raises(MalformedError, match="PSBT_IN_WITNESS_UTXO is not the output"):
            with_input(MIXED, index, witness_utxo=replace(out, value=Sats(out.value + lie)))


@pytest.mark.parametrize("index", [0, 1])
def test_previous_transaction_with_another_txid_is_refused(index):
    funding = HERE[index].funding
    inflated = replace(funding, outputs=(funding.outputs[0], replace(funding.outputs[1], value=Sats(10**6))))
    with pytest.raises(MalformedError, match="not the transaction that the input spends from"):
        with_input(MIXED, index, non_witness_utxo=inflated, witness_utxo=inflated.outputs[1])


@pytest.mark.parametrize("index", [0, 1])
def test_previous_transaction_without_the_output_is_refused(index):
    outpoint = OutPoint(HERE[index].funding.txid, 2)
    tx = replace(
        MIXED.tx, inputs=tuple(TxIn(outpoint) if i == index else t for i, t in enumerate(MIXED.tx.inputs))
    )
    with pytest.raises(MalformedError, match="has not the output"):
        Psbt.of(tx, MIXED.inputs, MIXED.outputs)


def test_input_that_is_spent_twice_is_refused():
    with pytest.raises(MalformedError, match="twice"):
        spend([HERE[0], HERE[0]], [payment(150_000)])


@pytest.mark.parametrize("psbt", [SEGWIT, MIXED], ids=["alone", "beside P2TR"])
def test_segwit_amount_without_previous_transaction_is_refused(psbt):
    refused(Rule.AMOUNT_UNPROVEN, with_input(psbt, 0, non_witness_utxo=None))


@ONE_OF_EACH
def test_input_that_does_not_say_what_it_spends_is_refused(psbt):
    refused(Rule.AMOUNT_UNPROVEN, with_input(psbt, 0, non_witness_utxo=None, witness_utxo=None))


def test_own_taproot_amount_may_come_without_previous_transaction_as_its_digest_commits_to_it():
    bare = with_input(MIXED, 1, non_witness_utxo=None)
    assert review(bare, ACCOUNTS, CAPS) == review(MIXED, ACCOUNTS, CAPS)
    lie = replace(HERE[1].out, value=Sats(HERE[1].value + 500))
    lied = review(with_input(bare, 1, witness_utxo=lie), ACCOUNTS, CAPS)
    assert lied.fee == 1500
    assert lied.inputs[1].sighash != review(MIXED, ACCOUNTS, CAPS).inputs[1].sighash


@pytest.mark.parametrize("theirs", [FOREIGN, FOREIGN_TR], ids=["p2wpkh", "p2tr"])
def test_foreign_amount_without_previous_transaction_is_refused(theirs):
    psbt = spend([HERE[1], theirs], [payment(249_000)])
    allowed = frozenset({theirs.outpoint})
    assert review(psbt, ACCOUNTS, CAPS, foreign=allowed).fee == 1000
    refused(Rule.AMOUNT_UNPROVEN, with_input(psbt, 1, non_witness_utxo=None), foreign=allowed)


# --- whose inputs ------------------------------------------------------------------------------------------


def test_foreign_input_is_refused_unless_it_was_named():
    psbt = spend([*HERE, FOREIGN], [payment(140_000), returned(209_000, TR, change(5))])
    refused(Rule.FOREIGN_INPUT, psbt)
    refused(Rule.FOREIGN_INPUT, psbt, foreign=frozenset({OutPoint(FOREIGN.outpoint.txid, 0)}))
    seen = review(psbt, ACCOUNTS, CAPS, foreign=frozenset({FOREIGN.outpoint}))
    assert [item.index for item in seen.inputs] == [0, 1]
    assert seen.prevouts[2] == FOREIGN.out
    assert seen.fee == 1000


def test_what_leaves_the_wallet_does_not_count_payments_of_others():
    theirs = frozenset({FOREIGN.outpoint})
    psbt = spend([HERE[0], FOREIGN], [payment(20_000), payment(49_000), returned(80_000, WPKH, change(0))])
    assert review(psbt, ACCOUNTS, CAPS, foreign=theirs).sent == 20_000
    gain = spend([HERE[0], FOREIGN], [payment(9_000), returned(140_000, WPKH, change(0))])
    assert review(gain, ACCOUNTS, CAPS, foreign=theirs).sent == 0


def test_own_input_without_derivation_counts_as_foreign():
    refused(Rule.FOREIGN_INPUT, with_input(MIXED, 0, bip32_derivation={}))
    refused(Rule.FOREIGN_INPUT, with_input(MIXED, 1, tap_bip32_derivation={}))


@pytest.mark.parametrize(
    "path", [(0, 3, 0), (3,), (2, 3), (0, 3 | 1 << 31), (1 << 31, 3), (84 | 1 << 31, 0, 3)]
)
def test_path_that_is_not_branch_and_index_counts_as_foreign(path):
    named = {WPKH.public_key(receive(3)): KeyOrigin(WPKH.key.fingerprint, path)}
    refused(Rule.FOREIGN_INPUT, with_input(SEGWIT, 0, bip32_derivation=named))


def test_transaction_of_foreign_inputs_alone_has_nothing_to_sign():
    refused(Rule.NOTHING_TO_SIGN, spend([FOREIGN], [payment(49_000)]), foreign=frozenset({FOREIGN.outpoint}))


@pytest.mark.parametrize("coin", [Coin(OTHER, receive(3), 100_000), Coin(OTHER_TR, receive(3), 100_000)])
def test_foreign_coin_with_our_derivation_is_refused(coin):
    """A key of ours on a script of others: our fingerprint, path and key do not make it ours."""
    own: Account = WPKH if coin.owner is OTHER else TR
    psbt = with_input(spend([coin], [payment(99_000)]), 0, bip32_derivation={}, tap_bip32_derivation={})
    refused(
        Rule.DERIVATION,
        with_input(psbt, 0, **derivation(own, receive(3))),
        foreign=frozenset({coin.outpoint}),
    )


@pytest.mark.parametrize("own", [WPKH, TR])
def test_own_coin_with_the_derivation_of_another_path_is_refused(own):
    psbt = spend([Coin(own, receive(3), 100_000)], [payment(99_000)])
    refused(Rule.DERIVATION, with_input(psbt, 0, **derivation(own, receive(4))))
    refused(Rule.DERIVATION, with_input(psbt, 0, **derivation(own, change(3))))


def test_own_coin_under_the_name_of_another_key_is_refused():
    origin = KeyOrigin(WPKH.key.fingerprint, (0, 3))
    refused(Rule.DERIVATION, with_input(SEGWIT, 0, bip32_derivation={OTHER.public_key(receive(3)): origin}))
    origin = KeyOrigin(TR.key.fingerprint, (1, 4))
    stranger = OTHER.public_key(receive(3))[1:]
    refused(Rule.DERIVATION, with_input(TAPROOT, 0, tap_bip32_derivation={stranger: TapKeyOrigin(origin)}))
    refused(Rule.DERIVATION, with_input(TAPROOT, 0, tap_internal_key=stranger))


def test_input_that_names_two_keys_of_ours_is_refused():
    both = derivation(WPKH, receive(3))["bip32_derivation"] | derivation(WPKH, receive(4))["bip32_derivation"]
    refused(Rule.DERIVATION, with_input(SEGWIT, 0, bip32_derivation=both))


def test_keys_of_others_beside_ours_do_no_harm():
    both = (
        derivation(WPKH, receive(3))["bip32_derivation"] | derivation(OTHER, receive(3))["bip32_derivation"]
    )
    assert review(with_input(SEGWIT, 0, bip32_derivation=both), ACCOUNTS, CAPS) == review(
        SEGWIT, ACCOUNTS, CAPS
    )


@pytest.mark.parametrize(
    "script",
    [
        b"\x76\xa9\x14" + bytes(20) + b"\x88\xac",
        b"\xa9\x14" + bytes(20) + b"\x87",
        b"\x00\x20" + bytes(32),
        b"\x51",
    ],
    ids=["p2pkh", "p2sh", "p2wsh", "anyone"],
)
def test_input_of_another_script_is_refused_even_if_foreign(script):
    funding = Transaction((TxIn(OutPoint(Txid(bytes(32)), 0)),), (TxOut(Sats(100_000), script),))
    coin = OutPoint(funding.txid, 0)
    inputs = (*MIXED.tx.inputs, TxIn(coin))
    tx = Transaction(inputs, MIXED.tx.outputs)
    fields = replace(HERE[0].fields, non_witness_utxo=funding, witness_utxo=None)
    psbt = Psbt.of(tx, [*MIXED.inputs, fields], MIXED.outputs)
    refused(Rule.INPUT_SCRIPT, psbt, foreign=frozenset({coin}))


# --- how inputs are signed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("psbt", "allowed"),
    [(SEGWIT, {SIGHASH_ALL}), (TAPROOT, {SIGHASH_DEFAULT, SIGHASH_ALL})],
    ids=["p2wpkh", "p2tr"],
)
def test_only_signatures_of_the_whole_transaction_are_made(psbt, allowed):
    for kind in [*range(256), 0x100, 0x101, 0x80000001, 0xFFFFFFFF]:
        asked = with_input(psbt, 0, sighash_type=kind)
        if kind in allowed:
            assert review(asked, ACCOUNTS, CAPS).inputs[0].sighash_type == kind
        else:
            refused(Rule.SIGHASH_TYPE, asked)


def test_digest_has_the_type_that_was_asked_for():
    seen = review(with_input(TAPROOT, 0, sighash_type=SIGHASH_ALL), ACCOUNTS, CAPS)
    digests = SighashCache(TAPROOT.tx, seen.prevouts)
    assert seen.inputs[0].sighash == digests.taproot_key_path(0, SIGHASH_ALL)


LEAF = TapKeyOrigin(KeyOrigin(TR.key.fingerprint, (1, 4)), (bytes(32),))


@pytest.mark.parametrize(
    "fields",
    [
        {"tap_merkle_root": bytes(32)},
        {"tap_leaf_scripts": {b"\xc0" + TR.public_key(change(4))[1:]: LeafScript(b"\x51")}},
        {"tap_script_sigs": {TR.public_key(change(4))[1:] + bytes(32): bytes(64)}},
        {"tap_bip32_derivation": {TR.public_key(change(4))[1:]: LEAF}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_script_tree_on_an_input_of_ours_is_refused(fields):
    refused(Rule.SCRIPT_PATH, with_input(TAPROOT, 0, **fields))


def test_output_key_with_a_script_tree_is_not_ours():
    """The internal key is ours, the output key commits to a script as well: BIP-86 has none."""
    script = p2tr(output_key(TR.public_key(change(4))[1:], bytes(32)))
    funding = Transaction((TxIn(OutPoint(Txid(bytes(32)), 0)),), (TxOut(Sats(200_000), script),))
    tx = replace(TAPROOT.tx, inputs=(TxIn(OutPoint(funding.txid, 0)),))
    fields = replace(HERE[1].fields, non_witness_utxo=funding, witness_utxo=None)
    refused(Rule.DERIVATION, Psbt.of(tx, [fields], TAPROOT.outputs))


@ONE_OF_EACH
@pytest.mark.parametrize("name", ["redeem_script", "witness_script"])
def test_script_of_another_kind_on_an_input_of_ours_is_refused(psbt, name):
    refused(Rule.INPUT_FIELDS, with_input(psbt, 0, **{name: b"\x51"}))


@ONE_OF_EACH
@pytest.mark.parametrize("fields", [{"final_script_witness": (b"\x01",)}, {"final_script_sig": b""}])
def test_finished_input_of_ours_is_refused(psbt, fields):
    refused(Rule.FINISHED, with_input(psbt, 0, **fields))


# --- outputs -----------------------------------------------------------------------------------------------


def change_of(owner: Account, path, value: int = 109_000, **fields) -> Review:
    psbt = spend(HERE[1:], [payment(90_000), returned(value, owner, path)])
    return review(with_output(psbt, 1, **fields), ACCOUNTS, CAPS, next_change=(7, 30))


@pytest.mark.parametrize(("owner", "next_index"), [(WPKH, 7), (TR, 30)])
def test_change_counts_as_ours_up_to_the_gap_limit(owner, next_index):
    last = change(next_index + GAP_LIMIT - 1)
    assert change_of(owner, last).outputs[1].own == Owner(ACCOUNTS.index(owner), last)
    beyond = change_of(owner, change(next_index + GAP_LIMIT))
    assert beyond.outputs[1].own is None
    assert (beyond.sent, beyond.returned) == (199_000, 0)


def test_change_index_of_an_account_that_was_not_told_starts_at_zero():
    for index, own in ((GAP_LIMIT - 1, Owner(1, change(GAP_LIMIT - 1))), (GAP_LIMIT, None)):
        psbt = spend(HERE[1:], [payment(90_000), returned(109_000, TR, change(index))])
        assert review(psbt, ACCOUNTS, CAPS, next_change=(100,)).outputs[1].own == own


def test_receiving_address_of_ours_counts_as_payment():
    assert change_of(TR, receive(0)).outputs[1].own is None


@pytest.mark.parametrize(
    "fields",
    [
        derivation(OTHER_TR, change(1)),  # a stranger's
        derivation(TR, change(2)),  # ours, of another address
        {"tap_bip32_derivation": {}, "tap_internal_key": None},
        {"tap_bip32_derivation": {TR.public_key(change(1))[1:]: TapKeyOrigin(KeyOrigin(bytes(4), (1, 1)))}},
        {"tap_bip32_derivation": derivation(TR, change(1))["tap_bip32_derivation"]
         | derivation(TR, change(2))["tap_bip32_derivation"]},
    ],
    ids=["foreign", "other index", "none", "other fingerprint", "two"],
)  # fmt: skip
def test_change_whose_derivation_does_not_lead_to_its_script_counts_as_payment(fields):
    assert change_of(TR, change(1)).outputs[1].own is not None
    assert change_of(TR, change(1), **fields).outputs[1].own is None


@pytest.mark.parametrize(("own", "other"), [(TR, OTHER_TR), (WPKH, OTHER)])
def test_substituted_change_script_counts_as_payment(own, other):
    """Our fingerprint, path and even key on an output that pays somebody else."""
    assert change_of(other, change(1), **derivation(own, change(1))).outputs[1].own is None


def test_dust_is_refused():
    for index in (0, 1):
        least = dust_threshold(MIXED.tx.outputs[index].script_pubkey)
        outputs = [payment(298_000), returned(298_000, TR, change(5))]
        outputs[index] = replace(outputs[index][0], value=least), outputs[index][1]
        assert review(spend(HERE, outputs), ACCOUNTS, FeeCaps(relative=1000)).fee > 0
        outputs[index] = replace(outputs[index][0], value=Sats(least - 1)), outputs[index][1]
        refused(Rule.DUST, spend(HERE, outputs))


def test_output_that_nodes_do_not_relay_is_refused():
    refused(Rule.OUTPUT_SCRIPT, spend(HERE, [payment(299_000, b"\x51")]))


def test_value_on_data_is_refused():
    data = b"\x6a\x04data"
    assert review(spend(HERE, [payment(299_000), payment(0, data)]), ACCOUNTS, CAPS).fee == 1000
    refused(Rule.BURN, spend(HERE, [payment(298_999), payment(1, data)]))


# --- the transaction ---------------------------------------------------------------------------------------


def test_negative_fee_is_refused():
    assert review(spend(HERE, [payment(300_000)]), ACCOUNTS, CAPS).fee == 0
    refused(Rule.FEE_NEGATIVE, spend(HERE, [payment(300_001)]))


@pytest.mark.parametrize(
    ("caps", "rule"),
    [
        (FeeCaps(absolute=Sats(999)), "fee-absolute"),
        (FeeCaps(relative=1), "fee-relative"),
        (FeeCaps(rate=FeeRate.parse("4")), "fee-rate"),
    ],
)
def test_fee_above_a_cap_is_refused(caps, rule):
    refused(rule, MIXED, caps=caps)


def test_relative_cap_is_of_the_payments_or_else_of_what_comes_back():
    assert review(MIXED, ACCOUNTS, FeeCaps(relative=2)).sent == 90_000
    refused(
        "fee-relative",
        spend(HERE, [payment(40_000), returned(259_000, TR, change(5))]),
        caps=FeeCaps(relative=2),
    )
    assert review(spend(HERE, [returned(297_100, TR, change(5))]), ACCOUNTS, FeeCaps(relative=1)).sent == 0


def test_everything_for_the_fee_is_refused():
    refused("fee-relative", spend(HERE[:1], [payment(0, b"\x6a\x00")]))


@pytest.mark.parametrize("version", [-1, 0, 3, 2**31 - 1])
def test_other_versions_of_transactions_are_refused(version):
    refused(Rule.VERSION, spend(HERE, [payment(299_000)], version=version))
    assert review(spend(HERE, [payment(299_000)], version=1), ACCOUNTS, CAPS)


def test_transaction_above_the_standard_weight_is_refused():
    # an output of 31 bytes weighs 124 units, and 322 is the rest: 10 bytes, marker and flag, the input
    outputs = [payment(294)] * 3223
    coin = Coin(WPKH, receive(0), 294 * 3224)
    assert review(spend([coin], outputs), ACCOUNTS, CAPS).weight <= 400_000
    refused(Rule.WEIGHT, spend([coin], [payment(294)] * 3224))


def test_lock_time_that_is_not_reached_is_refused():
    tip = 1000
    at = spend(HERE, [payment(299_000)], locktime=tip + LOCKTIME_SLACK)
    assert review(at, ACCOUNTS, CAPS, tip=tip).tx.locktime == 1006
    late = spend(HERE, [payment(299_000)], locktime=tip + LOCKTIME_SLACK + 1)
    refused(Rule.LOCKTIME, late, tip=tip)
    assert review(late, ACCOUNTS, CAPS).tx.locktime == 1007


def test_lock_time_in_seconds_is_refused():
    assert review(spend(HERE, [payment(299_000)], locktime=499_999_999), ACCOUNTS, CAPS)
    refused(Rule.LOCKTIME, spend(HERE, [payment(299_000)], locktime=500_000_000))


@pytest.mark.parametrize("sequence", [0, 1, 144, 1 << 22, (1 << 31) - 1])
def test_relative_lock_time_is_refused(sequence):
    for index in (0, 1):
        inputs = list(MIXED.tx.inputs)
        inputs[index] = replace(inputs[index], sequence=sequence)
        unsigned = UnsignedTx(tuple(inputs), MIXED.tx.outputs)
        refused(Rule.SEQUENCE, replace(MIXED, unsigned=unsigned))
        inputs[index] = replace(inputs[index], sequence=1 << 31)
        unsigned = UnsignedTx(tuple(inputs), MIXED.tx.outputs)
        assert review(replace(MIXED, unsigned=unsigned), ACCOUNTS, CAPS)


def test_psbt_without_outputs_is_refused():
    empty = Psbt(UnsignedTx(MIXED.tx.inputs, ()), MIXED.inputs, ())
    with pytest.raises(MalformedError, match="no inputs or no outputs"):
        review(empty, ACCOUNTS, CAPS)


# --- together ----------------------------------------------------------------------------------------------


def test_flipped_bytes_of_a_psbt_are_refused_or_reviewed_as_what_they_are():
    """No flip crashes a signer or yields a digest that is not of proven coins with a fee within caps."""
    rng = Random(4)
    good, accepted = bytes(MIXED), 0
    for _ in range(600):
        place = rng.randrange(len(good))
        flipped = good[:place] + bytes([good[place] ^ 1 << rng.randrange(8)]) + good[place + 1 :]
        try:
            psbt = Psbt.from_bytes(flipped)
            seen = review(psbt, ACCOUNTS, CAPS)
        except WalletError:
            continue
        accepted += 1
        assert seen.prevouts == tuple(coin.out for coin in HERE)
        assert 0 <= seen.fee <= CAPS.absolute
        digests = SighashCache(psbt.tx, seen.prevouts)
        assert [item.sighash for item in seen.inputs] == [
            digests.segwit_v0(0, HERE[0].out.script_pubkey[2:]),
            digests.taproot_key_path(1),
        ]
    assert 0 < accepted < 200


def test_many_claims_of_our_keys_cost_no_derivation(monkeypatch):
    origin = KeyOrigin(WPKH.key.fingerprint, (1, 0))
    keys = {OTHER.public_key(receive(i)): origin for i in range(200)}
    psbt = with_output(SEGWIT, 1, bip32_derivation=keys)
    derived = []
    monkeypatch.setattr(
        OwnKeys, "derive", lambda self, owner, real=OwnKeys.derive: derived.append(owner) or real(self, owner)
    )
    assert review(psbt, ACCOUNTS, CAPS).outputs[1].own is None
    assert derived == [Owner(0, receive(3))]
