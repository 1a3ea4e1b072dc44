import pytest

from cosigner.caps import CapsChange, caps_of, change_caps
from cosigner.errors import PolicyDenied
from cosigner.local import LocalWallet
from protocol.errors import UsageError
from protocol.ids import PartyId
from storage.errors import LockedError, WrongPassphraseError
from tests.cosigner.wallets import fund, passphrase, payment, unlock
from wallet.amounts import FeeRate, Sats
from wallet.errors import MalformedError
from wallet.fees import FeeCaps

ONE = PartyId(1)


def test_change_leaves_what_it_does_not_name() -> None:
    caps = FeeCaps(Sats(1), 2, FeeRate(3))
    assert not CapsChange()
    assert CapsChange().of(caps) == caps
    assert CapsChange(absolute=Sats(0)).of(caps) == FeeCaps(Sats(0), 2, FeeRate(3))
    assert CapsChange(relative=0).of(caps) == FeeCaps(Sats(1), 0, FeeRate(3))
    assert CapsChange(rate=FeeRate(0)).of(caps) == FeeCaps(Sats(1), 2, FeeRate(0))
    assert all(map(bool, (CapsChange(Sats(0)), CapsChange(relative=0), CapsChange(rate=FeeRate(0)))))
    with pytest.raises(MalformedError):
        CapsChange(relative=-1).of(caps)


def test_party_goes_by_its_changed_caps_and_others_by_theirs(wallet: LocalWallet) -> None:
    fund(wallet, 70_000)
    assert change_caps(wallet, ONE, passphrase(1), CapsChange(Sats(100))).absolute == 100
    assert [caps_of(wallet, PartyId(i)).caps == wallet.plan.caps for i in range(3)] == [True, False, True]
    unlock(wallet, 0, 1)
    draft = wallet.draft_send(payment(40_000))
    with pytest.raises(PolicyDenied) as caught:
        wallet.sign(draft.psbt)
    assert set(caught.value.refusals) == {1}


def test_party_that_is_unlocked_keeps_its_caps(wallet: LocalWallet) -> None:
    unlock(wallet, 1)
    with pytest.raises(UsageError, match="until it is sealed"):
        change_caps(wallet, ONE, passphrase(1), CapsChange(Sats(100)))
    assert caps_of(wallet, ONE).caps == wallet.plan.caps


def test_caps_are_changed_by_nobody_without_the_passphrase(wallet: LocalWallet) -> None:
    with pytest.raises(WrongPassphraseError):
        change_caps(wallet, ONE, passphrase(0), CapsChange(Sats(100)))
    assert caps_of(wallet, ONE).changed == ()


def test_each_change_is_written_down(wallet: LocalWallet, monkeypatch: pytest.MonkeyPatch) -> None:
    for now in (1000, 2000):
        monkeypatch.setattr("cosigner.caps.unix_now", lambda now=now: now)
        change_caps(wallet, ONE, passphrase(1), CapsChange(Sats(now)))
    found = caps_of(wallet, ONE)
    assert (found.caps.absolute, found.changed) == (2000, (1000, 2000))


def test_caps_of_served_parties_wait_for_the_end_of_the_server(client: LocalWallet) -> None:
    for ask in (
        lambda: caps_of(client, PartyId(0)),
        lambda: change_caps(client, PartyId(0), passphrase(0), CapsChange(Sats(100))),
    ):
        with pytest.raises(LockedError, match="mpcw serve") as caught:
            ask()
        assert "stop it first" in caught.value.hint


def test_own_review_goes_by_the_caps_of_the_wallet(wallet: LocalWallet) -> None:
    caps = FeeCaps(Sats(5), 6, FeeRate(7000))
    wallet.set_caps(caps)
    assert wallet.plan.caps == caps
    assert caps_of(wallet, ONE).caps == FeeCaps()
    wallet.close()
    with LocalWallet.open(wallet.home) as again:
        assert again.plan.caps == caps
