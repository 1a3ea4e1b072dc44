"""What a user decides when a wallet is made; it is stored with the wallet."""

import json
import time
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final, Self

from wallet.amounts import FeeRate, Sats
from wallet.chain.endpoint import Endpoint
from wallet.errors import MalformedError
from wallet.fees import FeeCaps
from wallet.network import REGTEST, Network, network

MAX_LOCAL_PARTIES: Final = 15  # each costs a passphrase, and 256 MiB for a moment when it is unlocked

MIN_SEGWIT_SIGNERS: Final = 2  # CGGMP24 multiplies between parties

_FORMAT: Final = 2
_TAPROOT_ONLY: Final = 1  # the format before there were SegWit accounts


class ChainKind(Enum):
    """The chain backends."""

    EMBEDDED = "embedded"
    BITCOIND = "bitcoind"


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """Where a wallet sees the chain.

    Args:
        kind: the backend.
        url: of bitcoind's JSON-RPC, without credentials; empty for this machine and the network's own port.
        cookie: the file with bitcoind's cookie; None for its default place.
    """

    kind: ChainKind = ChainKind.EMBEDDED
    url: str = ""
    cookie: Path | None = None

    def check(self, net: Network) -> None:
        """Refuse settings that cannot be those of a wallet on a network.

        Raises:
            MalformedError: the URL is malformed or has credentials, or the embedded chain has an address or
                another network than regtest.
            ChainError: the URL is of another machine.
        """
        if self.kind is ChainKind.BITCOIND:
            if self.endpoint(net).user:
                raise MalformedError(
                    "the URL of bitcoind has credentials, which would be stored in the clear",
                    "give the file with bitcoind's cookie",
                )
        elif net != REGTEST:
            raise MalformedError(
                f"the embedded chain is a regtest chain and cannot be that of {net}",
                "use bitcoind as the chain backend",
            )
        elif self.url or self.cookie:
            raise MalformedError("the embedded chain has no URL and no cookie")

    def endpoint(self, net: Network) -> Endpoint:
        """Return where bitcoind listens."""
        return Endpoint.parse(self.url or f"http://127.0.0.1:{net.rpc_port}", net, self.cookie)


@dataclass(frozen=True, slots=True)
class WalletPlan:
    """A wallet to be made.

    Args:
        network: where it lives.
        n: number of parties.
        t: how many of them sign.
        chain: where it sees the chain.
        caps: fees that the coordinator and every party refuse to exceed.
        birth: Unix seconds; no address was used before. Now, unless the key is older.
        segwit: whether it has a SegWit account (threshold ECDSA) beside the Taproot account (FROST).

    Raises:
        MalformedError: t and n do not fit each other or the accounts, or the chain settings do not fit the
            network.
        ChainError: the chain backend would be on another machine.
    """

    network: Network = REGTEST
    n: int = 3
    t: int = 2
    chain: ChainSettings = field(default_factory=ChainSettings)
    caps: FeeCaps = field(default_factory=FeeCaps)
    birth: int = field(default_factory=lambda: int(time.time()))
    segwit: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.t <= self.n <= MAX_LOCAL_PARTIES:
            raise MalformedError(
                f"{self.t} of {self.n} is no wallet: any t of n parties sign, 1 <= t <= n",
                f"a wallet whose parties are in one place has up to {MAX_LOCAL_PARTIES} of them",
            )
        if self.segwit and self.t < MIN_SEGWIT_SIGNERS:
            raise MalformedError(
                "a SegWit key is signed with by two parties or more",
                "raise the threshold, or make the wallet with --no-segwit",
            )
        self.chain.check(self.network)

    def with_caps(self, caps: FeeCaps) -> Self:
        """Return the same with other fee caps."""
        return replace(self, caps=caps)

    def text(self) -> str:
        """Return the form in which it is stored."""
        return json.dumps(
            {
                "format": _FORMAT,
                "network": self.network.name,
                "n": self.n,
                "t": self.t,
                "segwit": self.segwit,
                "birth": self.birth,
                "chain": {
                    "kind": self.chain.kind.value,
                    "url": self.chain.url,
                    "cookie": None if self.chain.cookie is None else str(self.chain.cookie),
                },
                "caps": {
                    "absolute": self.caps.absolute,
                    "relative": self.caps.relative,
                    "rate": self.caps.rate.sat_per_kvb,
                },
            },
            sort_keys=True,
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form in which it is stored.

        Raises:
            MalformedError: it is none.
        """
        try:
            return cls._of(json.loads(text))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as e:
            raise MalformedError("the settings of the wallet are damaged") from e

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Self:
        if data["format"] not in (_FORMAT, _TAPROOT_ONLY):
            raise MalformedError(f"the settings of the wallet have format {data['format']}, not {_FORMAT}")
        segwit = data["format"] == _FORMAT and bool(data["segwit"])
        chain, caps = data["chain"], data["caps"]
        cookie = None if chain["cookie"] is None else Path(chain["cookie"])
        return cls(
            network(data["network"]),
            int(data["n"]),
            int(data["t"]),
            ChainSettings(ChainKind(chain["kind"]), str(chain["url"]), cookie),
            FeeCaps(Sats(int(caps["absolute"])), int(caps["relative"]), FeeRate(int(caps["rate"]))),
            int(data["birth"]),
            segwit,
        )
