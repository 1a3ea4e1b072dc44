"""The chain backend that a wallet's settings name."""

from cosigner.home import Home
from cosigner.plan import ChainKind, WalletPlan
from wallet.chain.base import ChainBackend
from wallet.chain.bitcoind import Bitcoind
from wallet.chain.embedded import open_embedded


def open_chain(plan: WalletPlan, home: Home) -> ChainBackend:
    """Open the backend of a wallet.

    All wallets of a home share one embedded chain: it is the only way for them to pay each other, it is the
    one that a user mines on, and a wallet that is deleted takes no chain with it.

    Args:
        plan: the wallet's settings.
        home: where the embedded chain is.

    Raises:
        ChainError: it cannot be reached, is in use, or is of another network.
    """
    if plan.chain.kind is ChainKind.EMBEDDED:
        return open_embedded(home.regtest, plan.network)
    return Bitcoind(plan.chain.endpoint(plan.network))
