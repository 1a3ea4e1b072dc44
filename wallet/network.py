"""The Bitcoin networks: what their addresses and keys begin with, and where their nodes listen."""

from dataclasses import dataclass
from typing import Final

from wallet.errors import UnknownError


@dataclass(frozen=True, slots=True)
class Network:
    """One network.

    Args:
        name: as users write it.
        core_name: as Bitcoin Core's getblockchaininfo says it.
        hrp: human-readable part of segwit addresses (BIP-173).
        p2pkh: version byte of Base58 addresses of a key hash.
        p2sh: version byte of Base58 addresses of a script hash.
        xpub: version of extended public keys, 4 bytes (BIP-32); test networks share theirs.
        rpc_port: default port of bitcoind's JSON-RPC.
        genesis: hash of the first block as displayed.
    """

    name: str
    core_name: str
    hrp: str
    p2pkh: int
    p2sh: int
    xpub: bytes
    rpc_port: int
    genesis: str

    def __str__(self) -> str:
        return self.name


_XPUB: Final = bytes.fromhex("0488b21e")
_TPUB: Final = bytes.fromhex("043587cf")

MAINNET: Final = Network(
    "mainnet", "main", "bc", 0, 5, _XPUB, 8332,
    "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
)  # fmt: skip
TESTNET4: Final = Network(
    "testnet4", "testnet4", "tb", 111, 196, _TPUB, 48332,
    "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
)  # fmt: skip
SIGNET: Final = Network(
    "signet", "signet", "tb", 111, 196, _TPUB, 38332,
    "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
)  # fmt: skip
REGTEST: Final = Network(
    "regtest", "regtest", "bcrt", 111, 196, _TPUB, 18443,
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
)  # fmt: skip

NETWORKS: Final = {network.name: network for network in (MAINNET, TESTNET4, SIGNET, REGTEST)}


def network(name: str) -> Network:
    """Return the network of a name.

    Raises:
        UnknownError: there is none.
    """
    try:
        return NETWORKS[name]
    except KeyError as e:
        raise UnknownError(f"there is no network {name!r}", "choose one of " + ", ".join(NETWORKS)) from e
