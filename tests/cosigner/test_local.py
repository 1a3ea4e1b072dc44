import os
import random
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest

from cosigner.errors import NotEnoughSignersError, WalletExistsError
from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import WalletPlan
from cosigner.steps import Deed, Step, silent
from cosigner.taproot_key import taproot_account
from frost_bip340.key_share import ThresholdInfo
from frost_bip340.recovery import participant_recover
from protocol.errors import UnattributedAbort, UsageError
from protocol.ids import PartyId
from storage.errors import CorruptError, SealedError, StorageError, WrongPassphraseError
from storage.parties import PartyStore
from tests.cosigner.tiny import deal_aux, forget_moduli
from tests.cosigner.wallets import PLAN, create, passphrase, unlock
from tests.seeds import new_seed
from wallet.account import Account, Branch
from wallet.errors import MalformedError, NetworkMismatchError, UnknownError
from wallet.network import Network


def test_wallet_that_was_made_opens_as_it_was(home: Home) -> None:
    with create(home) as made:
        descriptors, first = made.descriptors(), made.new_address("rent")
    with LocalWallet.open(home) as opened:
        assert (opened.name, opened.plan, opened.descriptors()) == ("main", PLAN, descriptors)
        assert opened.addresses() == (first,)
        assert opened.unlocked == ()


def test_every_party_holds_its_own_share_and_nobody_else_s(home: Home) -> None:
    create(home).close()
    for i in range(3):
        with PartyStore.open(home.wallet().party(PartyId(i))) as store:
            with pytest.raises(SealedError):
                store.host_key()
            with pytest.raises(WrongPassphraseError):
                store.unseal(passphrase(i + 1))
            store.unseal(passphrase(i))
            (public,) = store.shares()
            assert public.party == i
            recovered = participant_recover(store.host_key(), store.recovery_data())
            assert recovered.share.pubshare == store.share(public.key).pubshare


def test_no_file_of_a_wallet_has_a_secret_in_the_clear(home: Home) -> None:
    create(home).close()
    secrets = []
    for i in range(3):
        with PartyStore.open(home.wallet().party(PartyId(i))) as store:
            store.unseal(passphrase(i))
            (public,) = store.shares()
            secrets += [store.host_key().declassify(), store.share(public.key).secshare.declassify()]
    files = [path.read_bytes() for path in home.path.rglob("*") if path.is_file()]
    assert len(files) == 5  # wallet.db, three times party.db, the lock
    for secret in secrets:
        assert not any(
            form in data for data in files for form in (secret, secret[::-1], secret.hex().encode())
        )


def test_one_passphrase_for_each_party_is_needed(home: Home) -> None:
    with pytest.raises(UsageError, match="parties 0"):
        LocalWallet.create(home, "main", PLAN, {PartyId(i): passphrase(i) for i in range(2)})
    assert home.wallets() == ()


def test_second_wallet_of_a_name_is_refused_and_the_first_one_stays(home: Home) -> None:
    with create(home) as first:
        descriptors = first.descriptors()
    with pytest.raises(WalletExistsError):
        create(home)
    with LocalWallet.open(home) as opened:
        assert opened.descriptors() == descriptors


def test_wrong_passphrase_unlocks_nothing_and_the_right_one_does_after(wallet: LocalWallet) -> None:
    with pytest.raises(WrongPassphraseError):
        wallet.unlock(PartyId(1), passphrase(0))
    assert wallet.unlocked == ()
    unlock(wallet, 1)
    unlock(wallet, 1)
    assert wallet.unlocked == (1,)


def test_party_that_there_is_not_is_named(wallet: LocalWallet) -> None:
    with pytest.raises(UnknownError, match="no party 3"):
        wallet.unlock(PartyId(3), passphrase(3))


def test_parties_are_sealed_again_when_the_wallet_is_closed(home: Home) -> None:
    wallet = create(home)
    unlock(wallet, 0, 1)
    wallet.close()
    wallet.close()
    assert wallet.unlocked == ()
    with PartyStore.open(home.wallet().party(PartyId(0))) as store:
        assert store.is_sealed


# ---- addresses ----


def test_addresses_are_handed_out_once_also_to_the_next_process(home: Home) -> None:
    with create(home) as wallet:
        seen = [wallet.new_address().text for _ in range(3)]
    with LocalWallet.open(home) as wallet:
        seen += [wallet.new_address().text for _ in range(3)]
        assert len(set(seen)) == 6
        assert [a.text for a in wallet.addresses()] == seen
        assert wallet.addresses(Branch.CHANGE) == ()


def test_address_is_verified_by_all_unlocked_parties(wallet: LocalWallet) -> None:
    text = wallet.new_address().text
    with pytest.raises(NotEnoughSignersError):
        wallet.address_verify(text)
    unlock(wallet, 2)
    with pytest.raises(NotEnoughSignersError, match="2 parties"):
        wallet.address_verify(text)
    unlock(wallet, 0)
    assert wallet.address_verify(text) == (0, 2)
    unlock(wallet, 1)
    assert wallet.address_verify(text) == (0, 1, 2)


def test_address_that_a_party_derives_otherwise_is_not_verified(
    wallet: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = wallet.new_address().text
    unlock(wallet, 0, 1)
    monkeypatch.setattr(wallet.parties.own.parties[PartyId(1)], "script", lambda *_: b"another")
    with pytest.raises(UnattributedAbort) as caught:
        wallet.address_verify(text)
    assert caught.value.suspects == {1}


def test_foreign_address_is_not_verified(wallet: LocalWallet) -> None:
    unlock(wallet, 0, 1)
    with pytest.raises(UnknownError):
        wallet.address_verify("bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6")
    with pytest.raises(NetworkMismatchError):
        wallet.address_verify("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0")
    with pytest.raises(MalformedError):
        wallet.address_verify("bcrt1q")


# ---- damage and kills ----


def test_store_of_another_party_in_its_place_is_refused(home: Home) -> None:
    create(home).close()
    one, two = (home.wallet().party(PartyId(i)) for i in (1, 2))
    two.write_bytes(one.read_bytes())
    with LocalWallet.open(home) as wallet, pytest.raises(CorruptError, match="party"):
        wallet.unlock(PartyId(2), passphrase(1))


def test_wallet_file_of_another_wallet_is_not_believed_by_the_parties(home: Home) -> None:
    create(home, "one").close()
    create(home, "two").close()
    home.wallet("one").database.write_bytes(home.wallet("two").database.read_bytes())
    with LocalWallet.open(home, "one") as wallet, pytest.raises(CorruptError, match="another key"):
        wallet.unlock(PartyId(0), passphrase(0))


def test_damaged_settings_are_refused(home: Home) -> None:
    with create(home) as wallet:
        wallet._store.set_plan("{}")
    with pytest.raises(CorruptError, match="settings"):
        LocalWallet.open(home)


def test_settings_that_do_not_fit_the_rest_are_refused(home: Home) -> None:
    with create(home) as wallet:
        wallet._store.add_account(replace(wallet.accounts[0], name="another"))
    with pytest.raises(CorruptError, match="do not fit its key"):
        LocalWallet.open(home)


@pytest.mark.parametrize(("n", "t"), [(3, 1), (2, 2)])
def test_settings_of_another_threshold_than_the_key_s_are_refused(home: Home, n: int, t: int) -> None:
    with create(home) as wallet:
        plan = replace(wallet.plan, n=n, t=t)
        wallet._store.set_plan(replace(wallet.settings, plan=plan).text())
        wallet._store._db.execute("UPDATE settings SET parties = ?, threshold = ?", n, t)
    with pytest.raises(CorruptError, match="do not fit its key"):
        LocalWallet.open(home)


def test_parties_that_show_another_account_than_the_coordinator_make_no_wallet(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(info: ThresholdInfo, chain_code: bytes, network: Network, birth: int) -> Account:
        return taproot_account(info, bytes(32), network, birth)

    monkeypatch.setattr("cosigner.creation.taproot_account", older)
    with pytest.raises(UnattributedAbort, match="the parties' account"):
        create(home)
    assert home.wallets() == ()


def child(run: Callable[[], object]) -> int:
    """Run a function in a process of its own and return its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            run()
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1]


def kill_at(step: int) -> Callable[[Step], None]:
    seen = iter(range(1000))

    def progress(_: Step) -> None:
        if next(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return progress


STEPS = 3 + 1 + 3 + 3 + 1 + 3 + 1 + 1  # of a creation with three parties and one account
PAIR = WalletPlan(n=2, t=2)
PAIR_STEPS = (2 + 1 + 2 + 2 + 1 + 2 + 1) + (2 + 2 + 2 + 2 + 1) + 1  # with two parties and both accounts


def test_kill_at_any_step_of_a_creation_leaves_no_wallet_and_the_next_one_is_made(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal_aux(monkeypatch)
    for step in range(PAIR_STEPS - 1):
        killed = child(lambda step=step: create(home, plan=PAIR, progress=kill_at(step)))  # type: ignore[misc]
        assert os.WIFSIGNALED(killed), step
        assert home.wallets() == (), step
        forget_moduli(home)
    steps: list[Step] = []
    with create(home, plan=PAIR, progress=steps.append) as wallet:
        assert [step.deed for step in steps].count(Deed.STORING_CONFIRMED) == 4
        assert len(steps) == PAIR_STEPS
        unlock(wallet, 0, 1)
        for account in (0, 1):
            assert wallet.address_verify(wallet.new_address(account=account).text) == (0, 1)
    assert sorted(os.listdir(home.path / "wallets")) == [".lock", "main"]


def test_wallet_is_whole_when_it_is_told_to_be_in_place(home: Home) -> None:
    assert os.WIFSIGNALED(child(lambda: create(home, progress=kill_at(STEPS - 1))))
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 0, 1, 2)


def test_kill_at_a_random_moment_leaves_none_or_a_whole_wallet(home: Home) -> None:
    rng = random.Random(new_seed())
    for i in range(6):
        delay = rng.uniform(0.0, 0.15)
        name = f"w{i}"

        def run(delay: float = delay, name: str = name) -> None:
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, delay)
            create(home, name)
            signal.pause()

        assert os.WIFSIGNALED(child(run))
        if name in home.wallets():
            with LocalWallet.open(home, name) as wallet:
                unlock(wallet, 0, 1, 2)
        else:
            create(home, name).close()


def test_full_disk_leaves_no_wallet(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(PartyStore, "put_share", fail)
    with pytest.raises(StorageError):
        create(home)
    assert home.wallets() == ()
    assert os.listdir(home.path / "wallets") == [".lock"]


def test_steps_of_a_creation_end_with_the_wallet_in_place(home: Home) -> None:
    steps: list[Step] = []
    create(home, progress=steps.append).close()
    assert len(steps) == STEPS
    assert steps[-1].deed is Deed.WALLET_READY
    silent(steps[0])
    assert str(steps[-1]) == "coordinator: wallet in place (main)"
    assert steps[0].who == "party 0"


def test_parties_of_a_new_wallet_are_unlocked_and_of_an_opened_one_sealed(home: Home) -> None:
    with create(home) as made:
        assert made.unlocked == (0, 1, 2)
        assert made.address_verify(made.new_address().text) == (0, 1, 2)
    with LocalWallet.open(home) as opened:
        assert opened.unlocked == ()
