"""A wallet inside bitcoind that has descriptors and no keys: how a node is told what to watch."""

import re
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from wallet.chain.answer import Answer, Json
from wallet.chain.base import Watch
from wallet.chain.rpc import (
    NO_LIMIT,
    RPC_WALLET_ALREADY_LOADED,
    RPC_WALLET_NOT_FOUND,
    Call,
    RpcClient,
    RpcError,
)
from wallet.errors import ChainError, MalformedError

# The node's label on the first address that is watched. It survives the death of either side, so that a
# rescan that was cut short is made up for.
SCAN_PENDING: Final = "mpcw: rescan not finished"
SCAN_DONE: Final = "mpcw"

CLOCK_WINDOW: Final = 2 * 3600  # seconds that the time of a block may be off (Bitcoin Core, TIMESTAMP_WINDOW)
MEDIAN_SPAN: Final = 11  # blocks whose times the median is of (BIP-113)

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_POLL_SECONDS: Final = 0.1


class NodeWallet:
    """A watch-only wallet of a node; made, or loaded, when it is opened.

    Args:
        node: the node.
        name: of the wallet; the node makes a directory of this name.

    Raises:
        MalformedError: the name has characters that a directory should not have.
        ChainError: the node has a wallet of this name with private keys.
    """

    def __init__(self, node: RpcClient, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise MalformedError(
                f"{name!r} is no name for a wallet of a node", "use letters, digits, - and _, at most 64"
            )
        self.name = name
        self._node = node
        self._rpc = node.of_wallet(name)
        self._open()

    def call(self, method: str, *params: Json, timeout: float | None = None) -> Answer:
        """Call a method of the wallet, which is loaded first if somebody has unloaded it."""
        try:
            return self._rpc.call(method, *params, timeout=timeout)
        except RpcError as e:
            if e.code != RPC_WALLET_NOT_FOUND:
                raise
        self._open()
        return self._rpc.call(method, *params, timeout=timeout)

    def batch(self, calls: Sequence[Call]) -> list[Answer | RpcError]:
        """Make many calls of the wallet."""
        return self._rpc.batch(calls)

    def watch(self, branches: Sequence[Watch], birth: int) -> None:
        """Import what the wallet does not have yet, and look for it from the birth on.

        A rescan takes as long as it takes; progress() tells another thread how far it is. One that was cut
        short is done again at the next call.

        Args:
            branches: what to watch.
            birth: Unix seconds.

        Raises:
            ChainError: a descriptor is refused, or the node has deleted blocks that are needed.
        """
        missing = self._missing(branches)
        if missing or self._marked(SCAN_PENDING):
            self._wait_for_scan()
        pending = self._marked(SCAN_PENDING)
        if not missing and not pending:
            return
        start = self._first_height(birth)
        self._check_blocks(start)
        if missing:
            self._mark(self._first_address(missing[0]), SCAN_PENDING)
            self._import(missing, birth)
        if pending:
            self._scan(start)
        for address in self._marked(SCAN_PENDING):
            self._mark(address, SCAN_DONE)

    def rescan(self, from_height: int) -> None:
        """Look at all blocks again from a height on.

        Raises:
            ChainError: the node has deleted blocks that are needed.
        """
        self._wait_for_scan()
        self._check_blocks(from_height)
        self._scan(from_height)

    def progress(self) -> Decimal | None:
        """Return how much of a rescan is done, 0..1; None when there is none going on."""
        scanning = self.call("getwalletinfo")["scanning"]
        return None if scanning.value is False else scanning["progress"].number()

    def _open(self) -> None:
        try:
            self._node.named("loadwallet", {"filename": self.name, "load_on_startup": True})
        except RpcError as e:
            if e.code == RPC_WALLET_NOT_FOUND:
                self._create()
            elif e.code != RPC_WALLET_ALREADY_LOADED:
                raise
        info = self._rpc.call("getwalletinfo")
        if info["private_keys_enabled"].boolean() or not info["descriptors"].boolean():
            raise ChainError(
                f"bitcoind has another wallet {self.name!r}, which is not a watch-only descriptor wallet",
                "rename that one, or this",
            )

    def _create(self) -> None:
        self._node.named(
            "createwallet",
            {
                "wallet_name": self.name,
                "disable_private_keys": True,
                "blank": True,
                "descriptors": True,
                "load_on_startup": True,
            },
        )

    def _missing(self, branches: Sequence[Watch]) -> list[Watch]:
        """Return the branches that the wallet does not watch as far as they should be."""
        ends = {}
        for entry in self.call("listdescriptors")["descriptors"]:
            bounds = entry.get("range")
            ends[entry["desc"].text()] = [b.integer() for b in bounds][1] + 1 if bounds else 1
        missing = []
        for branch in branches:
            # the node's way to write it, which the list above has
            descriptor = self._node.call("getdescriptorinfo", branch.descriptor)["descriptor"].text()
            if ends.get(descriptor, 0) < branch.end:
                missing.append(branch)
        return missing

    def _import(self, branches: Sequence[Watch], birth: int) -> None:
        requests: list[Json] = [
            {
                "desc": branch.descriptor,
                # the node must not hand out addresses: it does not know which ones have been given away
                "active": False,
                "internal": branch.internal,
                "range": [0, branch.end - 1],
                "timestamp": birth,
            }
            for branch in branches
        ]
        for branch, result in zip(
            branches, self.call("importdescriptors", requests, timeout=NO_LIMIT), strict=True
        ):
            if not result["success"].boolean():
                error = result["error"]
                reason = RpcError(
                    "importdescriptors", error["code"].integer(), error["message"].text()
                ).reason
                raise ChainError(f"bitcoind does not watch {branch.descriptor}: {reason}")

    def _first_height(self, birth: int) -> int:
        """Return a height such that no block below it was made after the birth."""
        low, high = 0, self._node.call("getblockcount").integer() + 1
        # Medians of times never decrease with the height; the times themselves may.
        while low < high:
            middle = (low + high) // 2
            block = self._node.call("getblockhash", middle).text()
            median = self._node.call("getblockheader", block)["mediantime"].integer()
            low, high = (low, middle) if median >= birth - CLOCK_WINDOW else (middle + 1, high)
        # The first block after the birth and the 10 that follow it have such times: so has their median.
        return max(0, low - MEDIAN_SPAN)

    def _check_blocks(self, start: int) -> None:
        info = self._node.call("getblockchaininfo")
        lowest = info["pruneheight"].integer() if info["pruned"].boolean() else 0
        if start < lowest:
            raise ChainError(
                f"bitcoind is pruned: it lacks the blocks {start} to {lowest - 1}, which are needed",
                "use another node, or start it with -prune=0 -reindex: it downloads all blocks again",
            )

    def _scan(self, start: int) -> None:
        tip = self._node.call("getblockcount").integer()
        self.call("rescanblockchain", min(start, tip), timeout=NO_LIMIT)

    def _wait_for_scan(self) -> None:
        """Wait for a rescan that an earlier call has left going on: the node does one at a time."""
        while self.progress() is not None:
            time.sleep(_POLL_SECONDS)

    def _first_address(self, branch: Watch) -> str:
        (address,) = self._node.call("deriveaddresses", branch.descriptor, [0, 0])
        return address.text()

    def _marked(self, label: str) -> list[str]:
        if not any(known.text() == label for known in self.call("listlabels")):
            return []
        return self.call("getaddressesbylabel", label).names()

    def _mark(self, address: str, label: str) -> None:
        self.call("setlabel", address, label)
