from collections.abc import Sequence
from dataclasses import replace

import pytest

from cosigner.errors import NotEnoughSignersError, PolicyDenied
from cosigner.local import LocalWallet
from protocol.ids import PartyId
from storage.errors import CorruptError, WrongPassphraseError
from storage.parties import PartyStore
from tests.cosigner.group import STRANGER, consensus_accepts
from tests.cosigner.wallets import fund, passphrase, payment, unlock
from wallet.amounts import FeeRate, Sats
from wallet.build import CoinControl, Draft, Payment
from wallet.chain.base import MempoolEntry, Verdict
from wallet.errors import (
    ChainError,
    ChainRefusedError,
    InsufficientFundsError,
    MalformedError,
    RefusedError,
    UnknownError,
)
from wallet.fees import FeeCaps
from wallet.history import Status
from wallet.psbt import extract
from wallet.script import p2wpkh
from wallet.tx import OutPoint, Transaction, Txid, TxOut, show_txid


class FakeChain:
    """A mempool that takes, refuses or loses what it is sent."""

    def __init__(self, reason: str | None = None, broken: bool = False) -> None:
        self.reason, self.broken = reason, broken
        self.sent: list[Transaction] = []

    def test(self, package: Sequence[Transaction]) -> tuple[Verdict, ...]:
        return tuple(
            Verdict(tx.txid, "txn-already-in-mempool" if tx in self.sent else self.reason) for tx in package
        )

    def mempool_entry(self, txid: Txid) -> MempoolEntry | None:
        known = [tx for tx in self.sent if tx.txid == txid]
        return MempoolEntry(150, Sats(300), 150, Sats(300), 1, Sats(300)) if known else None

    def broadcast(self, package: Sequence[Transaction]) -> None:
        if self.broken:
            raise ChainError("gone")
        self.sent += package

    def fee_rate(self, blocks: int) -> FeeRate | None:
        return FeeRate(blocks * 1000)

    def min_fee_rate(self) -> FeeRate:
        return FeeRate(1000)

    def close(self) -> None:
        pass


def attach(wallet: LocalWallet, chain: FakeChain) -> FakeChain:
    wallet.__dict__["chain"] = chain
    return chain


def signed(wallet: LocalWallet, amount: int = 40_000) -> Transaction:
    draft = wallet.draft_send(payment(amount))
    return extract(wallet.sign(draft.psbt).psbt)


# ---- drafts ----


def test_draft_is_kept_until_it_is_dropped(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    draft = wallet.draft_send(payment(40_000))
    assert dict(wallet.drafts()) == {draft.tx.txid: draft.psbt}
    assert wallet.draft(draft.tx.txid) == draft.psbt
    wallet.drop_draft(draft.tx.txid)
    assert not wallet.drafts()
    with pytest.raises(UnknownError):
        wallet.draft(draft.tx.txid)
    with pytest.raises(UnknownError):
        wallet.drop_draft(draft.tx.txid)


@pytest.mark.parametrize("damage", ["other", "none"])
def test_draft_that_somebody_has_changed_is_refused_and_can_be_dropped(
    wallet: LocalWallet, damage: str
) -> None:
    fund(wallet, 70_000)
    drafts = [wallet.draft_send(payment(amount)) for amount in (40_000, 50_000)]
    txid = drafts[0].tx.txid
    wallet._store.put_draft(txid, bytes(drafts[1].psbt) if damage == "other" else b"")
    with pytest.raises(CorruptError, match=show_txid(txid)) as caught:
        wallet.draft(txid)
    assert "drop" in caught.value.hint
    wallet.drop_draft(txid)
    assert list(wallet.drafts()) == [drafts[1].tx.txid]


def test_draft_that_comes_again_unsigned_keeps_its_signatures(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 1)
    unsigned = wallet.draft_send(payment(40_000)).psbt
    signed = wallet.sign(unsigned).psbt
    assert wallet.keep_draft(unsigned) == signed
    assert wallet.draft(unsigned.tx.txid) == signed


def test_draft_takes_the_signatures_of_one_that_comes_signed(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 1)
    unsigned = wallet.draft_send(payment(40_000)).psbt
    signed = wallet.sign(unsigned).psbt
    wallet._store.put_draft(unsigned.tx.txid, bytes(unsigned))
    assert wallet.keep_draft(signed) == signed
    assert wallet.draft(unsigned.tx.txid) == signed


def test_draft_that_comes_with_other_signatures_is_refused_and_the_first_stays(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 1)
    unsigned = wallet.draft_send(payment(40_000)).psbt
    first, second = (wallet.sign(unsigned).psbt for _ in range(2))
    wallet._store.put_draft(unsigned.tx.txid, bytes(first))
    with pytest.raises(MalformedError, match="contradicts the draft") as caught:
        wallet.keep_draft(second)
    assert caught.value.hint.endswith(f"mpcw tx drop {show_txid(unsigned.tx.txid)}")
    assert wallet.draft(unsigned.tx.txid) == first


def test_dry_run_keeps_nothing_and_hands_out_no_address(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    changes = [wallet.draft_send(payment(40_000), dry_run=True).change for _ in range(2)]
    assert not wallet.drafts()
    assert {change.owner.path.index for change in changes if change} == {0}


def test_each_draft_has_change_of_its_own(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    changes = [wallet.draft_send(payment(40_000)).change for _ in range(2)]
    assert {change.owner.path.index for change in changes if change} == {0, 1}


def coins_of(draft: Draft) -> set[OutPoint]:
    return {txin.prevout for txin in draft.tx.inputs}


def test_draft_takes_coins_of_no_other_until_that_is_dropped(wallet: LocalWallet) -> None:
    fund(wallet, 200_000, 200_000)
    first = wallet.draft_send(payment(40_000))
    for dry in (True, False):
        second = wallet.draft_send(payment(40_001), dry_run=dry)
        assert not coins_of(first) & coins_of(second)
        assert wallet.rivals(second.tx) == ()
    wallet.drop_draft(first.tx.txid)
    assert coins_of(wallet.draft_send(payment(40_002))) == coins_of(first)


def test_draft_takes_coins_of_another_where_nothing_else_suffices_and_says_so(wallet: LocalWallet) -> None:
    fund(wallet, 200_000, 200_000)
    first, second = (wallet.draft_send(payment(amount)) for amount in (40_000, 300_000))
    assert coins_of(first) < coins_of(second)
    assert wallet.rivals(second.tx) == (first.tx.txid,)
    assert wallet.rivals(first.tx) == (second.tx.txid,)
    (named,) = coins_of(first)
    third = wallet.draft_send(replace(payment(40_000), control=CoinControl(frozenset({named}))))
    assert coins_of(third) == {named}


def test_draft_that_is_damaged_stops_no_payment(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    wallet._store.put_draft(wallet.draft_send(payment(40_000)).tx.txid, b"")
    draft = wallet.draft_send(payment(50_000))
    assert wallet.rivals(draft.tx) == ()


def test_draft_that_is_refused_leaves_no_gap(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    with pytest.raises(InsufficientFundsError):
        wallet.draft_send(payment(80_000))
    with pytest.raises(RefusedError):
        wallet.draft_send(payment(40_000, rate=100_000))
    draft = wallet.draft_send(payment(40_000))
    assert draft.change is not None
    assert draft.change.owner.path.index == 0


def test_all_coins_are_sent(wallet: LocalWallet) -> None:
    fund(wallet, 70_000, 30_000)
    draft = wallet.draft_send_all(STRANGER, FeeRate(1000))
    assert (len(draft.inputs), draft.amount + draft.fee, draft.change) == (2, 100_000, None)


# ---- signing ----


def test_first_t_unlocked_parties_sign(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    draft = wallet.draft_send(payment(40_000))
    with pytest.raises(NotEnoughSignersError, match="2 parties"):
        wallet.sign(draft.psbt)
    unlock(wallet, 2, 1)
    done = wallet.sign(draft.psbt)
    assert sorted(done.summaries) == [1, 2]
    assert consensus_accepts(draft.psbt, extract(done.psbt))
    assert wallet.draft(draft.tx.txid) == done.psbt


def test_named_parties_sign_if_they_are_unlocked(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    draft = wallet.draft_send(payment(40_000))
    unlock(wallet, 0, 1, 2)
    assert sorted(wallet.sign(draft.psbt, [PartyId(2), PartyId(0)]).summaries) == [0, 2]
    assert sorted(wallet.sign(draft.psbt, [PartyId(i) for i in range(3)]).summaries) == [0, 1, 2]
    with pytest.raises(NotEnoughSignersError, match="party 3 is sealed"):
        wallet.sign(draft.psbt, [PartyId(0), PartyId(3)])
    with pytest.raises(NotEnoughSignersError, match="1 are there"):
        wallet.sign(draft.psbt, [PartyId(0), PartyId(0)])


def test_what_a_party_signed_stands_in_its_own_store(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 1)
    draft = wallet.draft_send(payment(40_000))
    wallet.sign(draft.psbt)
    entries = {party: wallet.signed_by(PartyId(party)) for party in range(3)}
    assert [len(found) for found in entries.values()] == [1, 1, 0]
    assert (entries[0][0].txid, entries[0][0].sent) == (draft.tx.txid, 40_000)
    assert entries[0][0].fee == draft.fee
    with pytest.raises(UnknownError):
        wallet.signed_by(PartyId(3))


def test_party_goes_by_the_caps_in_its_own_store(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    strict = replace(wallet.plan, caps=FeeCaps(Sats(100)))
    with PartyStore.open(wallet._folder.party(PartyId(1))) as store:
        store.unseal(passphrase(1))
        store.put_terms(strict.text())
    unlock(wallet, 0, 1)
    draft = wallet.draft_send(payment(40_000))
    with pytest.raises(PolicyDenied, match="party 1 refuses") as caught:
        wallet.sign(draft.psbt)
    assert set(caught.value.refusals) == {1}
    assert wallet.signed_by(PartyId(0)) == wallet.signed_by(PartyId(1)) == ()


def test_party_recognises_change_that_others_have_signed_long_without_it(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 1)
    wallet._store.raise_index(0, 1, 900)
    draft = wallet.draft_send(payment(40_000))
    for summary in wallet.sign(draft.psbt).summaries.values():
        assert (summary.sent, summary.returned) == (40_000, 30_000 - draft.fee)


def test_changed_passphrase_is_the_one_that_unlocks(wallet: LocalWallet) -> None:
    wallet.change_passphrase(PartyId(1), passphrase(1), passphrase(7))
    with pytest.raises(WrongPassphraseError):
        wallet.unlock(PartyId(1), passphrase(1))
    wallet.unlock(PartyId(1), passphrase(7))
    wallet.change_passphrase(PartyId(1), passphrase(7), passphrase(8))
    assert wallet.unlocked == (1,)


# ---- sending ----


def test_fee_rate_is_that_of_the_backend(wallet: LocalWallet) -> None:
    attach(wallet, FakeChain())
    assert wallet.fee_rate(blocks=4) == FeeRate(4000)


def test_sent_transaction_is_stored_and_its_draft_is_gone(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 1)
    chain, tx = attach(wallet, FakeChain()), signed(wallet)
    wallet.broadcast(tx)
    assert chain.sent == [tx]
    assert not wallet.drafts()
    assert wallet.ledger().entry(tx.txid).status is Status.MEMPOOL
    wallet.broadcast(tx)


def test_transaction_is_stored_before_it_is_sent(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 1)
    attach(wallet, FakeChain(broken=True))
    tx = signed(wallet)
    with pytest.raises(ChainError):
        wallet.broadcast(tx)
    entry = wallet.ledger().entry(tx.txid)
    assert (entry.status, entry.own) == (Status.PENDING, True)
    (stored,) = [each for each in wallet._store.transactions() if each.own]
    assert bytes(stored.tx) == bytes(tx)


def test_refused_transaction_is_not_stored_and_its_draft_stays(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 1)
    chain, tx = attach(wallet, FakeChain("dust")), signed(wallet)
    with pytest.raises(ChainRefusedError) as caught:
        wallet.broadcast(tx)
    assert caught.value.reason == "dust"
    assert chain.sent == []
    assert tx.txid in wallet.drafts()
    assert len(wallet.history()) == 1


@pytest.mark.parametrize("kind", ["bump", "cancel"])
def test_replacement_takes_the_place_of_what_it_replaces(wallet: LocalWallet, kind: str) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 2)
    attach(wallet, FakeChain())
    first = signed(wallet)
    wallet.broadcast(first)
    make = wallet.draft_bump if kind == "bump" else wallet.draft_cancel
    draft = make(first.txid, FeeRate(9000))
    second = extract(wallet.sign(draft.psbt).psbt)
    wallet.broadcast(second)
    ledger = wallet.ledger()
    assert ledger.entry(first.txid).status is Status.REPLACED
    assert ledger.entry(first.txid).replaced_by == second.txid
    assert ledger.entry(second.txid).status is Status.MEMPOOL


def test_draft_that_would_take_back_a_payment_is_not_sent(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    unlock(wallet, 0, 2)
    chain = attach(wallet, FakeChain())
    waiting = wallet.draft_send(Payment((TxOut(Sats(40_000), p2wpkh(bytes(20))),), FeeRate(9000)))
    first = signed(wallet)
    wallet.broadcast(first)
    second = extract(wallet.sign(waiting.psbt).psbt)
    with pytest.raises(RefusedError, match=show_txid(first.txid)) as caught:
        wallet.broadcast(second)
    assert caught.value.rule == "takes-back"
    assert chain.sent == [first]
    assert list(wallet.drafts()) == [second.txid]
    wallet.broadcast(first)
