"""SegWit inputs: signed with presignatures, alone and beside Taproot inputs."""

import pytest

from cosigner.local import LocalWallet
from presig_pool.errors import PoolExhausted
from protocol.ids import PartyId
from tests.cosigner.group import consensus_accepts
from tests.cosigner.wallets import fund, payment, pool, stock_up, unlock
from wallet.psbt import extract


def ready(wallet: LocalWallet, party: int, *signers: int) -> int:
    assert wallet.keys.segwit is not None
    stock = wallet.keys.segwit.stock([PartyId(i) for i in signers])
    return pool(wallet, party).statistics(stock, 0).ready


@pytest.mark.parametrize("accounts", [(1,), (0, 1)])
def test_transaction_is_signed_with_a_presignature_for_each_segwit_input(
    mixed: LocalWallet, accounts: tuple[int, ...]
) -> None:
    unlock(mixed, 0, 2)
    stock_up(mixed, (0, 2), 5)
    fund(mixed, 40_000, 50_000, 60_000, 70_000, accounts=accounts)
    draft = mixed.draft_send(payment(200_000))
    psbt = mixed.sign(draft.psbt).psbt
    assert consensus_accepts(draft.psbt, extract(psbt))
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
