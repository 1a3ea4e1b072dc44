"""A regtest chain in the process: validated by libbitcoinkernel, with a mempool and an index of our own."""

from pathlib import Path

from wallet.chain.base import RegtestBackend
from wallet.network import REGTEST, Network


def open_embedded(directory: Path, network: Network = REGTEST) -> RegtestBackend:
    """Open the embedded chain in a directory, which is made if it does not exist.

    Args:
        directory: of the chain; one process at a time may have it open.
        network: regtest.

    Raises:
        ChainError: the network is another, another process has the directory, or it is damaged.
    """
    # libbitcoinkernel takes 0.2 s to load: a command that needs no chain does not pay for it
    from wallet.chain.embedded.backend import EmbeddedChain  # noqa: PLC0415

    return EmbeddedChain(directory, network)
