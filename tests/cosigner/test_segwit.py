"""SegWit inputs of a wallet on disk: signed with presignatures, alone and beside Taproot inputs."""

import os
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import WalletPlan
from cosigner.segwit_keygen import SegwitKeygenParty
from cosigner.settings import WatchSettings
from ecdsa_cggmp.key_share import PublicShare
from presig_pool.errors import PoolExhausted
from protocol.errors import UnattributedAbort, UsageError
from protocol.ids import PartyId
from storage.errors import CorruptError, StorageError
from storage.parties import PartyStore
from storage.signing_log import SignedEntry
from tests.cosigner.group import consensus_accepts
from tests.cosigner.test_local import child
from tests.cosigner.test_spending import FakeChain, attach
from tests.cosigner.wallets import create, fund, passphrase, payment, pool, stock_up, unlock
from tests.ecdsa_cggmp.network import dealt
from wallet.account import Branch
from wallet.amounts import FeeRate
from wallet.build import Draft
from wallet.errors import MalformedError, UnknownError
from wallet.fees import to_vsize
from wallet.history import Status
from wallet.psbt import Psbt, extract
from wallet.tx import Transaction


def ready(wallet: LocalWallet, party: int, *signers: int) -> int:
    assert wallet.keys.segwit is not None
    stock = wallet.keys.segwit.stock([PartyId(i) for i in signers])
    return pool(wallet, party).statistics(stock, 0).ready


def sign(wallet: LocalWallet, draft: Draft) -> Transaction:
    tx = extract(wallet.sign(draft.psbt).psbt)
    assert consensus_accepts(draft.psbt, tx)
    return tx


@pytest.fixture
def stocked(mixed: LocalWallet) -> LocalWallet:
    """A wallet whose parties 0 and 2 are unlocked and have presignatures, with coins of both accounts."""
    unlock(mixed, 0, 2)
    stock_up(mixed, (0, 2), 12)
    fund(mixed, 40_000, 50_000, 60_000, 70_000, accounts=(0, 1))
    return mixed


@pytest.mark.parametrize("accounts", [(1,), (0, 1)])
def test_transaction_is_signed_with_a_presignature_for_each_segwit_input(
    mixed: LocalWallet, accounts: tuple[int, ...]
) -> None:
    unlock(mixed, 0, 2)
    stock_up(mixed, (0, 2), 5)
    fund(mixed, 40_000, 50_000, 60_000, 70_000, accounts=accounts)
    sign(mixed, mixed.draft_send(payment(200_000)))
    segwit = 4 // len(accounts)
    assert [ready(mixed, i, 0, 2) for i in (0, 2)] == [5 - segwit] * 2
    for party in (0, 2):
        entries = mixed.parties.own.stores[PartyId(party)].signatures()
        assert [len(entry.sighashes) for entry in entries] == [4 - segwit, segwit][-len(accounts) :]


def test_short_pool_is_told_and_nothing_is_signed(mixed: LocalWallet) -> None:
    unlock(mixed, 0, 2)
    stock_up(mixed, (0, 2), 1)
    fund(mixed, 40_000, 50_000, accounts=(1,))
    draft = mixed.draft_send(payment(80_000))
    with pytest.raises(PoolExhausted) as caught:
        mixed.sign(draft.psbt)
    assert (caught.value.wanted, caught.value.ready) == (2, 1)
    assert mixed.parties.own.stores[PartyId(0)].signatures() == ()
    assert ready(mixed, 0, 0, 2) == 1


def test_first_t_of_the_chosen_signers_sign_segwit_inputs(mixed: LocalWallet) -> None:
    unlock(mixed, 0, 1, 2)
    stock_up(mixed, (1, 2), 1)
    stock_up(mixed, (0, 2), 1)
    fund(mixed, 40_000, accounts=(1,))
    draft = mixed.draft_send(payment(20_000))
    with pytest.raises(PoolExhausted):
        mixed.sign(draft.psbt)  # by 0 and 1
    signed = mixed.sign(draft.psbt, [PartyId(2), PartyId(1)])
    assert set(signed.summaries) == {1, 2}
    assert (ready(mixed, 1, 1, 2), ready(mixed, 2, 0, 2)) == (0, 1)


def test_presignatures_end_with_the_process_and_what_was_signed_stays(
    home: Home, stocked: LocalWallet
) -> None:
    draft = stocked.draft_send(payment(200_000))
    sign(stocked, draft)
    waiting = stocked.draft_send(payment(190_000))
    stocked.close()
    with LocalWallet.open(home) as again:
        unlock(again, 0, 2)
        assert ready(again, 0, 0, 2) == 0
        with pytest.raises(PoolExhausted):
            again.sign(waiting.psbt)
        assert len(again.signed_by(PartyId(0))) == 2


# ---- wallets ----


def test_plan_of_one_signer_has_no_segwit_account(home: Home) -> None:
    for n in (1, 2):
        with pytest.raises(MalformedError, match="two parties"):
            WalletPlan(n=n, t=1)
        with create(home, f"w{n}", plan=WalletPlan(n=n, t=1, segwit=False)) as wallet:
            assert len(wallet.accounts) == 1
            with pytest.raises(UsageError, match="no such account"):
                wallet.keys.key_of(1)


def test_address_of_the_segwit_account_is_verified_by_the_parties(
    mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlock(mixed, 0, 1)
    texts = [mixed.new_address(account=account).text for account in (0, 1)]
    assert [text[:6] for text in texts] == ["bcrt1p", "bcrt1q"]
    for text in texts:
        assert mixed.address_verify(text) == (0, 1)
    assert mixed.parties.own.parties[PartyId(0)].script(1, 0, 0) != mixed.parties.own.parties[
        PartyId(0)
    ].script(0, 0, 0)
    monkeypatch.setattr(mixed.parties.own.parties[PartyId(1)], "script", lambda *_: b"another")
    with pytest.raises(UnattributedAbort) as caught:
        mixed.address_verify(texts[1])
    assert caught.value.suspects == {1}
    with pytest.raises(UnknownError):
        mixed.address_verify("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")


def swapped(home: Home, change: Callable[[WatchSettings, LocalWallet], WatchSettings]) -> None:
    """Have somebody change the settings in the file of a wallet, and its accounts with them."""
    with LocalWallet.open(home) as wallet:
        settings = change(wallet.settings, wallet)
        wallet._store.set_plan(settings.text())
        wallet._store._db.execute("DELETE FROM accounts")
        for account in settings.keys.accounts:
            wallet._store.add_account(account)


def other_share(settings: WatchSettings, _: LocalWallet) -> WatchSettings:
    other = PublicShare.of(dealt(3, 2)[0])
    return WatchSettings.of(settings.plan, settings.recovery_data, other)


def other_chain_code(settings: WatchSettings, _: LocalWallet) -> WatchSettings:
    assert settings.segwit is not None
    other = PublicShare(settings.segwit.sharing, settings.segwit.party, bytes(32))
    return WatchSettings.of(settings.plan, settings.recovery_data, other)


def no_share(settings: WatchSettings, _: LocalWallet) -> WatchSettings:
    plan = WalletPlan.parse(settings.plan.text().replace('"segwit": true', '"segwit": false'))
    return WatchSettings.of(plan, settings.recovery_data, None)


@pytest.mark.parametrize("change", [other_share, other_chain_code, no_share])
def test_settings_with_another_segwit_key_are_not_believed_by_the_parties(
    home: Home, mixed: LocalWallet, change: Callable[[WatchSettings, LocalWallet], WatchSettings]
) -> None:
    mixed.close()
    swapped(home, change)
    with LocalWallet.open(home) as wallet:
        for party in range(3):
            with pytest.raises(CorruptError, match="another key"):
                unlock(wallet, party)
        assert wallet.unlocked == ()


@pytest.mark.parametrize("share", ["null", "other", "torn", "other party"])
def test_settings_that_do_not_fit_their_accounts_are_refused(
    home: Home, mixed: LocalWallet, share: str
) -> None:
    settings = mixed.settings
    assert settings.segwit is not None
    text, own = settings.text(), bytes(settings.segwit).hex()
    other = bytes(other_share(settings, mixed).segwit or b"").hex()
    changed = {
        "null": text.replace(f'"{own}"', "null"),
        "other": text.replace(own, other),
        "torn": text.replace(own, own[:-2]),
        "other party": text.replace(own, own[:-66] + "09" + own[-64:]),
    }[share]
    assert changed != text
    mixed._store.set_plan(changed)
    mixed.close()
    with pytest.raises(CorruptError, match="settings"):
        LocalWallet.open(home)


def test_share_of_the_segwit_key_of_another_party_or_wallet_is_refused(
    home: Home, mixed: LocalWallet
) -> None:
    mixed.close()
    with LocalWallet.open(home) as wallet:
        one, two = (wallet.folder.party(PartyId(i)) for i in (1, 2))
        two.write_bytes(one.read_bytes())
        with pytest.raises(CorruptError, match="party"):
            wallet.unlock(PartyId(2), passphrase(1))


@pytest.mark.parametrize("count", [0, 2])
def test_store_of_a_party_with_no_or_two_segwit_keys_is_refused(
    mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    others = [PublicShare.of(dealt(3, 2)[0]) for _ in range(count)]
    with monkeypatch.context() as patch:
        patch.setattr(PartyStore, "ecdsa_shares", lambda _: others)
        with pytest.raises(CorruptError, match="not one SegWit key"):
            unlock(mixed, 0)
    unlock(mixed, 0)


def test_store_with_the_segwit_share_of_another_party_is_refused(
    mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mixed.settings.segwit is not None
    of_another = replace(mixed.settings.segwit, party=PartyId(2))
    monkeypatch.setattr(PartyStore, "ecdsa_shares", lambda _: [of_another])
    with pytest.raises(CorruptError, match="not of party 0"):
        unlock(mixed, 0)


def test_plan_with_a_segwit_account_that_the_settings_lack_is_refused(home: Home, mixed: LocalWallet) -> None:
    settings = mixed.settings
    less = WatchSettings.of(settings.plan, settings.recovery_data, None)
    mixed.close()
    swapped(home, lambda _settings, _wallet: less)
    with pytest.raises(CorruptError, match="do not fit its accounts"):
        LocalWallet.open(home)


@pytest.mark.parametrize(("n", "t"), [(4, 2), (2, 2), (3, 3)])
def test_keys_of_other_parties_or_another_threshold_make_no_wallet(
    mixed: LocalWallet, n: int, t: int
) -> None:
    settings, other = mixed.settings, PublicShare.of(dealt(n, t)[0])
    with pytest.raises(UsageError, match="same parties and threshold"):
        WatchSettings.of(settings.plan, settings.recovery_data, other)


def test_wallet_has_a_key_for_each_account_and_no_other(mixed: LocalWallet) -> None:
    assert (mixed.keys.key_of(0), mixed.keys.key_of(1)) == (mixed.keys.taproot, mixed.keys.segwit)
    for account in (-1, 2):
        with pytest.raises(UsageError, match="no such account"):
            mixed.keys.key_of(account)


def test_vouchers_that_do_not_hold_make_no_wallet(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    really = SegwitKeygenParty.vouch

    def vouch(party: SegwitKeygenParty) -> bytes:
        return bytes(64) if party._terms.me == 1 else really(party)

    monkeypatch.setattr(SegwitKeygenParty, "vouch", vouch)
    with pytest.raises(UnattributedAbort) as caught:
        create(home, plan=WalletPlan(n=2, t=2))
    assert caught.value.suspects == {1}
    assert home.wallets() == ()
    assert os.listdir(home.path / "wallets") == [".lock"]


# ---- replacements, sizes and rates ----


@pytest.mark.parametrize("accounts", [(1,), (0, 1)])
@pytest.mark.parametrize("kind", ["bump", "cancel"])
def test_replacement_takes_presignatures_of_its_own(
    mixed: LocalWallet, kind: str, accounts: tuple[int, ...]
) -> None:
    unlock(mixed, 0, 2)
    stock_up(mixed, (0, 2), 8)
    fund(mixed, 40_000, 50_000, 60_000, accounts=accounts)
    attach(mixed, FakeChain())
    first = sign(mixed, mixed.draft_send(payment(120_000)))
    mixed.broadcast(first)
    used = 8 - ready(mixed, 0, 0, 2)
    make = mixed.draft_bump if kind == "bump" else mixed.draft_cancel
    second = sign(mixed, make(first.txid, FeeRate(9000)))
    mixed.broadcast(second)
    assert ready(mixed, 0, 0, 2) == 8 - 2 * used
    assert {txin.prevout for txin in first.inputs} <= {txin.prevout for txin in second.inputs}
    assert mixed.ledger().entry(first.txid).status is Status.REPLACED
    answers = [entry.answer for entry in mixed.parties.own.stores[PartyId(0)].signatures()]
    assert len(set(answers)) == len(answers) == 2 * len(accounts)


def test_segwit_change_is_spent_and_replaced(mixed: LocalWallet) -> None:
    unlock(mixed, 0, 2)
    stock_up(mixed, (0, 2), 6)
    fund(mixed, 90_000, accounts=(1,))
    attach(mixed, FakeChain())
    first = sign(mixed, mixed.draft_send(payment(20_000)))
    mixed.broadcast(first)
    (change,) = mixed.addresses(Branch.CHANGE, account=1)
    assert change.text.startswith("bcrt1q")
    second = sign(mixed, mixed.draft_send(payment(30_000)))
    mixed.broadcast(second)
    assert [txin.prevout.txid for txin in second.inputs] == [first.txid]
    mixed.broadcast(sign(mixed, mixed.draft_bump(second.txid, FeeRate(12_000))))
    assert mixed.ledger().entry(second.txid).status is Status.REPLACED
    assert mixed.ledger().entry(first.txid).status is Status.MEMPOOL


@pytest.mark.parametrize("seed", range(6))
def test_signed_transaction_pays_the_rate_that_its_draft_promised(mixed: LocalWallet, seed: int) -> None:
    rng = random.Random(seed)
    unlock(mixed, 0, 2)
    accounts = rng.choice([(1,), (0, 1), (1, 1, 0), (0, 0, 1)])
    values = [rng.randrange(60_000, 200_000) for _ in range(rng.randint(3, 8))]
    fund(mixed, *values, accounts=accounts)
    stock_up(mixed, (0, 2), len(values))
    rate = rng.randrange(1_000, 8_000)
    draft = mixed.draft_send(payment(sum(values) // rng.randint(2, 5), rate))
    tx = sign(mixed, draft)
    segwit = sum(len(txin.witness) == 2 for txin in tx.inputs)
    # a DER signature with low s has 70 to 72 bytes with its type, seldom fewer
    assert 0 <= draft.vsize - tx.vsize <= to_vsize(3 * segwit)
    assert draft.fee * 1000 >= rate * tx.vsize
    assert len(tx.outputs) == 1 or draft.fee * 1000 <= rate * draft.vsize + 1000
    assert mixed.review(draft.psbt).fee == draft.fee


# ---- crashes, disks, threads ----


def consumed(wallet: LocalWallet, party: int) -> list[bytes]:
    rows = wallet.parties.own.stores[PartyId(party)]._db.rows(
        "SELECT request, share FROM consumptions ORDER BY rowid"
    )
    return [bytes(request + share) for request, share in rows]


def logged(wallet: LocalWallet, party: int) -> list[bytes]:
    assert wallet.keys.segwit is not None
    key, found = wallet.keys.segwit.public_key, []
    for entry in wallet.parties.own.stores[PartyId(party)].signatures():
        if entry.key == key:
            found += [entry.session + entry.answer[i : i + 32] for i in range(0, len(entry.answer), 32)]
    return found


@pytest.mark.parametrize("moment", ["before", "after"])
def test_kill_in_the_middle_of_a_signature_leaves_log_and_presignatures_as_one(
    home: Home, mixed: LocalWallet, moment: str
) -> None:
    mixed.close()
    really = PartyStore.record

    def run() -> None:
        with LocalWallet.open(home) as wallet:
            unlock(wallet, 0, 2)
            stock_up(wallet, (0, 2), 4)
            fund(wallet, 40_000, 50_000, 60_000, accounts=(0, 1))
            killed = PartyId(2)

            def record(store: PartyStore, entry: SignedEntry) -> None:
                last = store.party == killed and entry.key == wallet.keys.key_of(1).public_key
                if last and moment == "before":
                    os.kill(os.getpid(), signal.SIGKILL)
                really(store, entry)
                if last:  # and the transaction has not ended
                    os.kill(os.getpid(), signal.SIGKILL)

            PartyStore.record = record  # type: ignore[method-assign]
            wallet.sign(wallet.draft_send(payment(140_000)).psbt)

    assert os.WIFSIGNALED(child(run))
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 0, 2)
        assert len(consumed(wallet, 0)) == 1
        assert consumed(wallet, 0) == logged(wallet, 0)
        assert consumed(wallet, 2) == logged(wallet, 2) == []
        assert [len(wallet.parties.own.stores[PartyId(i)].signatures()) for i in (0, 2)] == [2, 1]
        assert [ready(wallet, i, 0, 2) for i in (0, 2)] == [0, 0]
        stock_up(wallet, (0, 2), 4)
        sign(wallet, wallet.draft_send(payment(130_000)))


def test_full_disk_of_a_signer_lets_no_share_out_and_the_next_transaction_is_signed(
    stocked: LocalWallet,
) -> None:
    draft = stocked.draft_send(payment(200_000))
    db = stocked.parties.own.stores[PartyId(2)]._db
    really = PartyStore.record

    def record(store: PartyStore, entry: SignedEntry) -> None:
        if store.party == 2 and entry.key == stocked.keys.key_of(1).public_key:
            (pages,) = db.rows("PRAGMA page_count")[0]
            db.execute(f"PRAGMA max_page_count = {pages}")
            entry = replace(entry, answer=bytes(1 << 20))  # does not fit into what is left
        really(store, entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartyStore, "record", record)
        with pytest.raises(StorageError, match="full"):
            stocked.sign(draft.psbt)
    db.execute("PRAGMA max_page_count = 1000000")
    assert logged(stocked, 2) == consumed(stocked, 2) == []
    assert ready(stocked, 2, 0, 2) == 12 - 2  # void: a share may have been computed
    assert len(consumed(stocked, 0)) == 2
    sign(stocked, draft)
    assert consumed(stocked, 2) == logged(stocked, 2) != []
    stocked.parties.own.stores[PartyId(2)]._check()


def test_threads_that_sign_with_one_wallet_use_no_presignature_twice(mixed: LocalWallet) -> None:
    unlock(mixed, 0, 2)
    stock_up(mixed, (0, 2), 40)
    fund(mixed, *([50_000] * 8), accounts=(1, 1, 0, 1))
    drafts = [mixed.draft_send(payment(70_000 + i)) for i in range(8)]  # of the same coins
    failed: list[BaseException] = []

    def work(draft: Draft) -> None:
        try:
            sign(mixed, draft)
        except BaseException as e:
            failed.append(e)

    threads = [Thread(target=work, args=(draft,)) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert failed == []
    used = 40 - ready(mixed, 0, 0, 2)
    assert used >= 8
    for party in (0, 2):
        assert sorted(consumed(mixed, party)) == sorted(logged(mixed, party))
        assert len(set(consumed(mixed, party))) == used
        mixed.parties.own.stores[PartyId(party)]._check()


# ---- PSBTs ----


def test_mixed_transaction_travels_as_a_psbt_and_is_shown_after_it_was_signed(stocked: LocalWallet) -> None:
    draft = stocked.draft_send(payment(200_000))
    text, seen = draft.psbt.base64(), stocked.review(draft.psbt)
    stocked.drop_draft(draft.tx.txid)
    psbt = Psbt.from_base64(text)
    stocked.keep_draft(psbt)
    signed = stocked.sign(stocked.draft(draft.tx.txid)).psbt
    assert stocked.draft(draft.tx.txid) == signed
    again = stocked.review(Psbt.from_base64(signed.base64()))
    assert (again.inputs, again.fee, again.sent) == (seen.inputs, seen.fee, seen.sent)
    assert [len(fields.final_script_witness or ()) for fields in signed.inputs] == [
        1 + item.account for item in seen.inputs
    ]
