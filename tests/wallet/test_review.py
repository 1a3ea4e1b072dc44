"""What a signer believes, and what it refuses of inputs: for every rule a PSBT that breaks only this one."""

from dataclasses import replace
from random import Random

import bdkpython as bdk
import pytest

from wallet.account import Account, Branch
from wallet.amounts import FeeRate, Sats
from wallet.attach import attach
from wallet.build import Payment, bump, cancel, send, send_all
from wallet.descriptor import Descriptor
from wallet.errors import MalformedError, WalletError
from wallet.own_keys import OwnKeys
from wallet.psbt import (
    KeyOrigin,
    LeafScript,
    Psbt,
    PsbtInput,
    TapKeyOrigin,
    extract,
    finalize,
    to_v2,
)
from wallet.review import Rule, review
from wallet.script import p2tr
from wallet.script_index import Owner
from wallet.sighash import SIGHASH_ALL, SIGHASH_DEFAULT, SighashCache
from wallet.taproot import output_key
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

from .fakes import ACCOUNTS, SEGWIT, TAPROOT, in_mempool
from .funded import TIP, basis, funding
from .own_psbts import (
    CAPS,
    FOREIGN,
    FOREIGN_TR,
    HERE,
    MIXED,
    ONE_OF_EACH,
    OTHER,
    OTHER_TR,
    SEGWIT_PSBT,
    TAPROOT_PSBT,
    Coin,
    change,
    derivation,
    payment,
    receive,
    refused,
    returned,
    sign,
    spend,
    with_input,
    with_output,
)
from .signer import consensus_accepts
from .signer import sign as sign_draft


def test_review_tells_what_is_signed_and_what_it_costs():
    seen = review(MIXED, ACCOUNTS, CAPS)
    assert seen.tx == MIXED.tx
    assert seen.prevouts == tuple(coin.out for coin in HERE)
    assert [(i.index, i.account, i.path, i.coin) for i in seen.inputs] == [
        (0, 1, receive(3), HERE[0].out),
        (1, 0, change(4), HERE[1].out),
    ]
    assert [i.sighash_type for i in seen.inputs] == [SIGHASH_ALL, SIGHASH_DEFAULT]
    assert [i.key for i in seen.inputs] == [SEGWIT.public_key(receive(3)), TAPROOT.script(change(4))[2:]]
    assert [o.out for o in seen.outputs] == list(MIXED.tx.outputs)
    assert [o.own for o in seen.outputs] == [None, Owner(0, change(5))]
    assert (seen.fee, seen.sent, seen.returned) == (1000, 90_000, 209_000)
    assert seen.fee_rate == FeeRate.of(1000, 210)  # 10.5 + 68 + 57.5 + 31 + 43 virtual bytes


def test_digests_are_our_own_and_hold_by_the_consensus_library():
    seen = review(MIXED, ACCOUNTS, CAPS)
    tx = extract(finalize(attach(MIXED, seen, {item.index: sign(item) for item in seen.inputs})))
    assert tx.txid == seen.tx.txid
    assert seen.weight - 2 <= tx.weight <= seen.weight
    assert consensus_accepts(tx, seen.prevouts)


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


@pytest.mark.parametrize("psbt", [SEGWIT_PSBT, MIXED], ids=["alone", "beside P2TR"])
def test_segwit_amount_without_previous_transaction_is_refused(psbt):
    refused(Rule.AMOUNT_UNPROVEN, with_input(psbt, 0, non_witness_utxo=None))


@ONE_OF_EACH
def test_input_that_does_not_say_what_it_spends_is_refused(psbt):
    refused(Rule.AMOUNT_UNPROVEN, with_input(psbt, 0, non_witness_utxo=None, witness_utxo=None))


def test_own_taproot_amounts_may_come_without_previous_transactions_as_all_digests_commit_to_them():
    coins = [HERE[1], Coin(TAPROOT, receive(0), 100_000)]
    full = spend(coins, [payment(90_000), returned(209_000, TAPROOT, change(5))])
    bare = with_input(with_input(full, 0, non_witness_utxo=None), 1, non_witness_utxo=None)
    true = review(bare, ACCOUNTS, CAPS)
    assert true == review(full, ACCOUNTS, CAPS)
    for index, coin in enumerate(coins):
        lie = replace(coin.out, value=Sats(coin.value + 500))
        lied = review(with_input(bare, index, witness_utxo=lie), ACCOUNTS, CAPS)
        assert lied.fee == 1500
        assert [a.sighash == b.sighash for a, b in zip(lied.inputs, true.inputs, strict=True)] == [
            False,
            False,
        ]


def two_coins_of_one_transaction(index: int = 1) -> Psbt:
    """Two P2WPKH coins of ours, the first of which alone brings the transaction; the other says its index."""
    paths = [receive(0), receive(1)]
    outs = tuple(TxOut(Sats(100_000 + i), SEGWIT.script(path)) for i, path in enumerate(paths))
    parent = Transaction((TxIn(OutPoint(Txid(bytes(32)), 0)),), outs)
    inputs = [PsbtInput(None, out, **derivation(SEGWIT, path)) for out, path in zip(outs, paths, strict=True)]
    txins = tuple(TxIn(OutPoint(parent.txid, i)) for i in (0, index))
    out, fields = payment(199_001)
    return with_input(Psbt.of(Transaction(txins, (out,)), inputs, [fields]), 0, non_witness_utxo=parent)


def test_amount_may_be_proven_by_another_input_that_spends_from_the_same_transaction():
    once = two_coins_of_one_transaction()
    twice = with_input(once, 1, non_witness_utxo=once.inputs[0].non_witness_utxo)
    assert review(once, ACCOUNTS, CAPS) == review(twice, ACCOUNTS, CAPS)


def test_amount_that_the_proof_at_another_input_contradicts_is_refused():
    once = two_coins_of_one_transaction()
    for lie in (replace(once.spent(1), value=Sats(100_500)), once.spent(0)):
        refused(Rule.AMOUNT_UNPROVEN, with_input(once, 1, witness_utxo=lie))
    refused(Rule.AMOUNT_UNPROVEN, two_coins_of_one_transaction(index=2))


def test_own_taproot_amount_beside_segwit_must_be_proven():
    """The coin may be a stranger's, who signs it himself: our P2WPKH signature would be good for that."""
    refused(Rule.AMOUNT_UNPROVEN, with_input(MIXED, 1, non_witness_utxo=None))
    strangers = Coin(OTHER_TR, receive(0), 10**6)
    psbt = spend([HERE[0], strangers], [payment(90_000), returned(209_000, TAPROOT, change(5))])
    lie = replace(HERE[1].fields, non_witness_utxo=None)
    refused(Rule.AMOUNT_UNPROVEN, replace(psbt, inputs=(psbt.inputs[0], lie)))


@pytest.mark.parametrize("theirs", [FOREIGN, FOREIGN_TR], ids=["p2wpkh", "p2tr"])
def test_foreign_amount_without_previous_transaction_is_refused(theirs):
    psbt = spend([HERE[1], theirs], [payment(249_000)])
    allowed = frozenset({theirs.outpoint})
    assert review(psbt, ACCOUNTS, CAPS, foreign=allowed).fee == 1000
    refused(Rule.AMOUNT_UNPROVEN, with_input(psbt, 1, non_witness_utxo=None), foreign=allowed)


# --- whose inputs ------------------------------------------------------------------------------------------


def test_foreign_input_is_refused_unless_it_was_named():
    psbt = spend([*HERE, FOREIGN], [payment(140_000), returned(209_000, TAPROOT, change(5))])
    refused(Rule.FOREIGN_INPUT, psbt)
    refused(Rule.FOREIGN_INPUT, psbt, foreign=frozenset({OutPoint(FOREIGN.outpoint.txid, 0)}))
    seen = review(psbt, ACCOUNTS, CAPS, foreign=frozenset({FOREIGN.outpoint}))
    assert [item.index for item in seen.inputs] == [0, 1]
    assert seen.prevouts[2] == FOREIGN.out
    assert seen.fee == 1000


def test_what_leaves_the_wallet_does_not_count_payments_of_others():
    theirs = frozenset({FOREIGN.outpoint})
    psbt = spend([HERE[0], FOREIGN], [payment(20_000), payment(49_000), returned(80_000, SEGWIT, change(0))])
    assert review(psbt, ACCOUNTS, CAPS, foreign=theirs).sent == 20_000
    gain = spend([HERE[0], FOREIGN], [payment(9_000), returned(140_000, SEGWIT, change(0))])
    assert review(gain, ACCOUNTS, CAPS, foreign=theirs).sent == 0


def test_own_input_without_derivation_counts_as_foreign():
    refused(Rule.FOREIGN_INPUT, with_input(MIXED, 0, bip32_derivation={}))
    refused(Rule.FOREIGN_INPUT, with_input(MIXED, 1, tap_bip32_derivation={}))


@pytest.mark.parametrize(
    "path", [(0, 3, 0), (3,), (2, 3), (0, 3 | 1 << 31), (1 << 31, 3), (84 | 1 << 31, 0, 3)]
)
def test_path_that_is_not_branch_and_index_counts_as_foreign(path):
    named = {SEGWIT.public_key(receive(3)): KeyOrigin(SEGWIT.key.fingerprint, path)}
    refused(Rule.FOREIGN_INPUT, with_input(SEGWIT_PSBT, 0, bip32_derivation=named))


def test_transaction_of_foreign_inputs_alone_has_nothing_to_sign():
    refused(Rule.NOTHING_TO_SIGN, spend([FOREIGN], [payment(49_000)]), foreign=frozenset({FOREIGN.outpoint}))


@pytest.mark.parametrize("coin", [Coin(OTHER, receive(3), 100_000), Coin(OTHER_TR, receive(3), 100_000)])
def test_foreign_coin_with_our_derivation_is_refused(coin):
    """A key of ours on a script of others: our fingerprint, path and key do not make it ours."""
    own: Account = SEGWIT if coin.owner is OTHER else TAPROOT
    psbt = with_input(spend([coin], [payment(99_000)]), 0, bip32_derivation={}, tap_bip32_derivation={})
    refused(
        Rule.DERIVATION,
        with_input(psbt, 0, **derivation(own, receive(3))),
        foreign=frozenset({coin.outpoint}),
    )


@pytest.mark.parametrize("own", [SEGWIT, TAPROOT])
def test_own_coin_with_the_derivation_of_another_path_is_refused(own):
    psbt = spend([Coin(own, receive(3), 100_000)], [payment(99_000)])
    refused(Rule.DERIVATION, with_input(psbt, 0, **derivation(own, receive(4))))
    refused(Rule.DERIVATION, with_input(psbt, 0, **derivation(own, change(3))))


def test_own_coin_under_the_name_of_another_key_is_refused():
    origin = KeyOrigin(SEGWIT.key.fingerprint, (0, 3))
    refused(
        Rule.DERIVATION, with_input(SEGWIT_PSBT, 0, bip32_derivation={OTHER.public_key(receive(3)): origin})
    )
    origin = KeyOrigin(TAPROOT.key.fingerprint, (1, 4))
    stranger = OTHER.public_key(receive(3))[1:]
    refused(
        Rule.DERIVATION, with_input(TAPROOT_PSBT, 0, tap_bip32_derivation={stranger: TapKeyOrigin(origin)})
    )
    refused(Rule.DERIVATION, with_input(TAPROOT_PSBT, 0, tap_internal_key=stranger))


def test_input_that_names_two_keys_of_ours_is_refused():
    for i in range(4, 12):  # in some of these the true key comes first
        keys = (derivation(SEGWIT, receive(index))["bip32_derivation"] for index in (3, i))
        refused(Rule.DERIVATION, with_input(SEGWIT_PSBT, 0, bip32_derivation=next(keys) | next(keys)))


def test_keys_of_others_beside_ours_do_no_harm():
    both = (
        derivation(SEGWIT, receive(3))["bip32_derivation"] | derivation(OTHER, receive(3))["bip32_derivation"]
    )
    assert review(with_input(SEGWIT_PSBT, 0, bip32_derivation=both), ACCOUNTS, CAPS) == review(
        SEGWIT_PSBT, ACCOUNTS, CAPS
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
    [(SEGWIT_PSBT, {SIGHASH_ALL}), (TAPROOT_PSBT, {SIGHASH_DEFAULT, SIGHASH_ALL})],
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
    seen = review(with_input(TAPROOT_PSBT, 0, sighash_type=SIGHASH_ALL), ACCOUNTS, CAPS)
    digests = SighashCache(TAPROOT_PSBT.tx, seen.prevouts)
    assert seen.inputs[0].sighash == digests.taproot_key_path(0, SIGHASH_ALL)


LEAF = TapKeyOrigin(KeyOrigin(TAPROOT.key.fingerprint, (1, 4)), (bytes(32),))


@pytest.mark.parametrize(
    "fields",
    [
        {"tap_merkle_root": bytes(32)},
        {"tap_leaf_scripts": {b"\xc0" + TAPROOT.public_key(change(4))[1:]: LeafScript(b"\x51")}},
        {"tap_script_sigs": {TAPROOT.public_key(change(4))[1:] + bytes(32): bytes(64)}},
        {"tap_bip32_derivation": {TAPROOT.public_key(change(4))[1:]: LEAF}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_script_tree_on_an_input_of_ours_is_refused(fields):
    refused(Rule.SCRIPT_PATH, with_input(TAPROOT_PSBT, 0, **fields))


def test_output_key_with_a_script_tree_is_not_ours():
    """The internal key is ours, the output key commits to a script as well: BIP-86 has none."""
    script = p2tr(output_key(TAPROOT.public_key(change(4))[1:], bytes(32)))
    funding = Transaction((TxIn(OutPoint(Txid(bytes(32)), 0)),), (TxOut(Sats(200_000), script),))
    tx = replace(TAPROOT_PSBT.tx, inputs=(TxIn(OutPoint(funding.txid, 0)),))
    fields = replace(HERE[1].fields, non_witness_utxo=funding, witness_utxo=None)
    refused(Rule.DERIVATION, Psbt.of(tx, [fields], TAPROOT_PSBT.outputs))


@ONE_OF_EACH
@pytest.mark.parametrize("name", ["redeem_script", "witness_script"])
def test_script_of_another_kind_on_an_input_of_ours_is_refused(psbt, name):
    refused(Rule.INPUT_FIELDS, with_input(psbt, 0, **{name: b"\x51"}))


@ONE_OF_EACH
@pytest.mark.parametrize("fields", [{"final_script_witness": (b"\x01",)}, {"final_script_sig": b""}])
def test_finished_input_of_ours_is_refused(psbt, fields):
    refused(Rule.FINISHED, with_input(psbt, 0, **fields))


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
    origin = KeyOrigin(SEGWIT.key.fingerprint, (1, 0))
    keys = {OTHER.public_key(receive(i)): origin for i in range(200)}
    psbt = with_output(SEGWIT_PSBT, 1, bip32_derivation=keys)
    derived = []
    monkeypatch.setattr(
        OwnKeys, "derive", lambda self, owner, real=OwnKeys.derive: derived.append(owner) or real(self, owner)
    )
    assert review(psbt, ACCOUNTS, CAPS).outputs[1].own is None
    assert derived == [Owner(1, receive(3))]


@pytest.mark.parametrize("own", [SEGWIT, TAPROOT])
def test_psbts_of_bdk_are_accepted(own):
    """BDK watches our descriptor; for P2TR it leaves the previous transactions out."""
    descriptor = bdk.Descriptor(Descriptor.of(own).text(), bdk.NetworkKind.TEST)
    persister = bdk.Persister.new_in_memory()
    wallet = bdk.Wallet.create_from_two_path_descriptor(descriptor, bdk.Network.REGTEST, persister)
    coins = [Coin(own, receive(i), 100_000 + i) for i in range(3)]
    fundings = [bdk.Transaction(bytes(coin.funding)) for coin in coins]
    wallet.apply_unconfirmed_txs([bdk.UnconfirmedTx(tx=tx, last_seen=1_700_000_000) for tx in fundings])
    builder = bdk.TxBuilder().add_recipient(
        bdk.Script(OTHER.script(receive(0))), bdk.Amount.from_sat(150_000)
    )
    draft = builder.fee_rate(bdk.FeeRate.from_sat_per_vb(3)).finish(wallet)

    psbt = Psbt.from_base64(draft.serialize())
    seen = review(psbt, ACCOUNTS, CAPS)
    assert (seen.fee, seen.sent) == (draft.fee(), 150_000)
    assert [o.own for o in seen.outputs if o.own] == [Owner(ACCOUNTS.index(own), change(0))]
    signed = attach(psbt, seen, {item.index: sign(item) for item in seen.inputs})
    result = bdk.Psbt(signed.base64()).finalize()
    assert result.errors is None
    assert result.psbt.extract_tx().serialize() == bytes(extract(finalize(signed)))


def test_drafts_of_our_own_builder_are_accepted():
    stored = [*funding(300_000, 200_000), *funding(250_000, account=SEGWIT)]
    everything = basis(stored)
    payee = TxOut(Sats(400_000), OTHER.script(receive(0)))
    sent = send(everything, Payment((payee,), FeeRate(2000)))
    all_sent = send_all(everything, payee.script_pubkey, FeeRate(2000))
    later = basis([*stored, in_mempool(sign_draft(sent), own=True)], handed_out={(0, Branch.CHANGE): 1})
    replacements = [bump(later, sent.tx.txid, FeeRate(9000)), cancel(later, sent.tx.txid, FeeRate(9000))]
    for draft in (sent, all_sent, *replacements):
        seen = review(draft.psbt, ACCOUNTS, CAPS, tip=TIP)
        assert (seen.fee, seen.fee_rate, seen.sent) == (draft.fee, draft.rate, draft.amount)
        assert [o.own for o in seen.outputs if o.own] == ([draft.change.owner] if draft.change else [])
        assert [item.coin for item in seen.inputs] == [coin.out for coin in draft.inputs]
