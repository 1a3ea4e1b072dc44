"""bitcoind as a chain backend, through its JSON-RPC (Bitcoin Core 26 or later, and what descends from it)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from wallet.amounts import FeeRate
from wallet.chain.answer import Answer
from wallet.chain.base import Block, Changes, MempoolEntry, Verdict, Watch
from wallet.chain.endpoint import Endpoint, start_command
from wallet.chain.node_history import transactions_since
from wallet.chain.node_wallet import NodeWallet
from wallet.chain.rpc import (
    NO_LIMIT,
    RPC_INVALID_ADDRESS_OR_KEY,
    RPC_VERIFY_ALREADY_IN_UTXO_SET,
    RPC_VERIFY_ERROR,
    RPC_VERIFY_REJECTED,
    Call,
    RpcClient,
    RpcError,
    printable,
)
from wallet.errors import ChainError, ChainRefusedError, NetworkMismatchError
from wallet.network import REGTEST, Network
from wallet.tx import Transaction, Txid, show_txid

MIN_VERSION: Final = 260000
MAX_TARGET: Final = 1008  # blocks (Bitcoin Core, policy/fees.h)

_ATTEMPTS: Final = 10
_MISSING: Final = frozenset({"missing-inputs", "bad-txns-inputs-missingorspent"})
_LOW_FEE: Final = frozenset({"min relay fee not met", "mempool min fee not met"})


class Bitcoind:
    """A node; it fulfils wallet.chain.base.ChainBackend, and RegtestBackend on regtest.

    Args:
        endpoint: where the node listens, and the network that it should serve.
        timeout: seconds for a call that should be quick.

    Raises:
        NetworkMismatchError: the node is of another network.
        ChainError: it cannot be reached, is too old, or is still downloading blocks.
    """

    name = "bitcoind"

    def __init__(self, endpoint: Endpoint, timeout: float = 60) -> None:
        self._rpc = RpcClient(endpoint, timeout=timeout)
        self._network = endpoint.network
        self._wallet: NodeWallet | None = None
        self._check_node()

    @property
    def network(self) -> Network:
        """The network, checked when the backend was opened."""
        return self._network

    def tip(self) -> Block:
        """Return the last block of the active chain."""
        return self._header(self._best()).block

    def watch(self, wallet: str, branches: Sequence[Watch], birth: int) -> None:
        """Watch scripts through a watch-only wallet of the node, and look for them from the birth on.

        Args:
            wallet: name of the node's wallet.
            branches: a later call may have a larger end.
            birth: Unix seconds.

        Raises:
            ChainError: the node refuses it, or has deleted blocks that are needed.
        """
        if self._wallet is None or self._wallet.name != wallet:
            self._wallet = NodeWallet(self._rpc, wallet)
        self._wallet.watch(branches, birth)

    def rescan(self, from_height: int) -> None:
        """Look at all blocks again from a height on for what is watched."""
        if self._wallet is not None:
            self._wallet.rescan(from_height)

    def changes(self, since: bytes | None) -> Changes:
        """Return what happened after a block."""
        for _ in range(_ATTEMPTS):
            tip = self.tip()
            fork = None if since is None else self._fork(since)
            seen = () if self._wallet is None else transactions_since(self._wallet, fork)
            # what a new block confirms in between would be neither in the mempool nor below the tip; where
            # the chain forks in between, the fork that was found may no longer be on it
            if self._best() == tip.hash:
                return Changes(fork, tip, seen)
        raise ChainError("bitcoind's chain changes faster than it can be read", "try again")

    def confirmations(self, txid: Txid) -> int | None:
        """Return how deep a watched transaction is: 0 in the mempool, None if it is unknown."""
        if self._wallet is None:
            return None
        try:
            depth = self._wallet.call("gettransaction", show_txid(txid))["confirmations"].integer()
        except RpcError as e:
            if e.code != RPC_INVALID_ADDRESS_OR_KEY:
                raise
            return None
        if depth > 0:
            return depth
        # one that was replaced has a negative depth
        return None if self.mempool_entry(txid) is None else 0

    def test(self, package: Sequence[Transaction]) -> tuple[Verdict, ...]:
        """Ask the mempool about transactions, parents first, without sending them."""
        # the last parameter: this wallet has limits of its own on fees
        answers = list(self._rpc.call("testmempoolaccept", [bytes(tx).hex() for tx in package], 0))
        if len(answers) != len(package):
            raise ChainError("bitcoind's answer to testmempoolaccept is of another package")
        return tuple(_verdict(tx, answer) for tx, answer in zip(package, answers, strict=True))

    def broadcast(self, package: Sequence[Transaction]) -> None:
        """Send transactions, parents first; one that is known already is no error.

        Raises:
            ChainRefusedError: one was refused. What came before it may have been taken.
        """
        left: list[tuple[Transaction, str]] = []
        for tx in package:
            reason = self._send(tx)
            # too low a fee may be made up for by a child, which until then has no parent
            if reason in _LOW_FEE or (left and reason in _MISSING):
                left.append((tx, reason))
            elif reason is not None:
                raise ChainRefusedError(reason)
        if len(left) > 1:
            self._send_package([tx for tx, _ in left])
        elif left:
            raise ChainRefusedError(left[0][1], "raise its fee, or send it with a child that pays for it")

    def fee_rate(self, blocks: int) -> FeeRate | None:
        """Return the rate that should confirm within so many blocks; None when the node has seen too few."""
        target = min(max(blocks, 1), MAX_TARGET)
        rate = self._rpc.call("estimatesmartfee", target, "economical").get("feerate")
        return None if rate is None else rate.fee_rate()

    def min_fee_rate(self) -> FeeRate:
        """Return the lowest rate that the mempool takes now."""
        info = self._rpc.call("getmempoolinfo")
        return max(info["mempoolminfee"].fee_rate(), info["minrelaytxfee"].fee_rate())

    def mempool_entry(self, txid: Txid) -> MempoolEntry | None:
        """Return what the mempool knows of a transaction; None if it is not there."""
        try:
            entry = self._rpc.call("getmempoolentry", show_txid(txid))
        except RpcError as e:
            if e.code != RPC_INVALID_ADDRESS_OR_KEY:
                raise
            return None
        fees = entry["fees"]
        return MempoolEntry(
            vsize=entry["vsize"].count(),
            fee=fees["base"].sats(),
            ancestor_vsize=entry["ancestorsize"].count(),
            ancestor_fee=fees["ancestor"].sats(),
            descendant_count=entry["descendantcount"].count(),
            descendant_fee=fees["descendant"].sats(),
        )

    def scan_progress(self) -> Decimal | None:
        """Return how much of a rescan is done, 0..1; None when there is none. Another thread may ask."""
        return None if self._wallet is None else self._wallet.progress()

    def mine(self, blocks: int, script_pubkey: bytes) -> tuple[Block, ...]:
        """Mine blocks on regtest with what the mempool has, and pay their coinbase to a script.

        Raises:
            ChainError: the network is another.
        """
        if self._network != REGTEST:
            raise ChainError(f"blocks are mined on demand on regtest only, not on {self._network}")
        to = f"raw({script_pubkey.hex()})"
        hashes = [h.hash() for h in self._rpc.call("generatetodescriptor", blocks, to, timeout=NO_LIMIT)]
        headers = self._rpc.batch([_header_call(block) for block in hashes])
        return tuple(_read_header(block, h).block for block, h in zip(hashes, headers, strict=True))

    def close(self) -> None:
        """Do nothing: no connection outlives its call, and the node goes on watching."""

    def _check_node(self) -> None:
        info = self._rpc.call("getblockchaininfo")
        chain = info["chain"].text()
        genesis = self._rpc.call("getblockhash", 0).text()
        if (chain, genesis) != (self._network.core_name, self._network.genesis):
            raise NetworkMismatchError(
                f"bitcoind is of the network {chain!r}, and the wallet of {self._network}",
                f"start the node of {self._network}: {start_command(self._network)}",
            )
        version = self._rpc.call("getnetworkinfo")["version"].integer()
        if version < MIN_VERSION:
            raise ChainError(f"bitcoind is of version {version // 10_000}", "install version 26 or later")
        # a regtest node says so as well while its last block is a day old
        if self._network != REGTEST and info["initialblockdownload"].boolean():
            blocks, headers = info["blocks"].integer(), info["headers"].integer()
            raise ChainError(
                f"bitcoind is still downloading blocks: it has {blocks} of {headers}",
                "wait until it has them all; bitcoin-cli getblockchaininfo shows how far it is",
            )

    def _best(self) -> bytes:
        return self._rpc.call("getbestblockhash").hash()

    def _header(self, block: bytes) -> "_Header":
        return _read_header(block, self._rpc.batch([_header_call(block)])[0])

    def _fork(self, since: bytes) -> Block | None:
        """Return the last block of the active chain at or before a block; None if that is unknown."""
        previous: bytes | None = since
        while previous is not None:
            try:
                header = self._header(previous)
            except RpcError as e:
                if e.code != RPC_INVALID_ADDRESS_OR_KEY:
                    raise
                return None
            if header.active:
                return header.block
            previous = header.previous
        return None

    def _send(self, tx: Transaction) -> str | None:
        """Send a transaction and return why it was refused; None if the node has it now or had it before."""
        try:
            # the last parameter: this wallet has limits of its own on fees
            self._rpc.call("sendrawtransaction", bytes(tx).hex(), 0)
        except RpcError as e:
            if e.code == RPC_VERIFY_ALREADY_IN_UTXO_SET:
                return None
            if e.code not in (RPC_VERIFY_ERROR, RPC_VERIFY_REJECTED):
                raise
            # sendrawtransaction has words of its own for some reasons
            reason = self.test([tx])[0].reason or e.reason
            return None if self._is_confirmed(tx.txid) else reason
        return None

    def _is_confirmed(self, txid: Txid) -> bool:
        """Tell whether a block has a watched transaction, whose outputs may all be spent."""
        return (self.confirmations(txid) or 0) > 0

    def _send_package(self, package: Sequence[Transaction]) -> None:
        """Send parents with the child that pays for them.

        Raises:
            ChainRefusedError: it does not pay enough, or one of them breaks another rule.
        """
        answer = self._rpc.call("submitpackage", [bytes(tx).hex() for tx in package])
        message = answer["package_msg"].text()
        if message == "success":
            return
        results = answer["tx-results"]
        errors = [results[key].get("error") for key in results.names()]
        reasons = [error.text() for error in errors if error is not None]
        raise ChainRefusedError(printable(next(iter(reasons), message)), "raise the fee of the child")


class _Header(NamedTuple):
    """A block, whether the active chain has it, and the hash of the one before it."""

    block: Block
    active: bool
    previous: bytes | None


def _header_call(block: bytes) -> Call:
    return Call("getblockheader", (show_txid(Txid(block)),))


def _read_header(block: bytes, answer: Answer | RpcError) -> _Header:
    if isinstance(answer, RpcError):
        raise answer
    previous = answer.get("previousblockhash")
    return _Header(
        block=Block(answer["height"].integer(), block, answer["time"].integer()),
        active=answer["confirmations"].integer() >= 0,
        previous=None if previous is None else previous.hash(),
    )


def _verdict(tx: Transaction, answer: Answer) -> Verdict:
    if answer["txid"].hash() != tx.txid:
        raise ChainError("bitcoind's answer to testmempoolaccept is of another transaction")
    allowed = answer.get("allowed")
    if allowed is not None and allowed.boolean():
        return Verdict(tx.txid, None, answer["vsize"].integer(), answer["fees"]["base"].sats())
    # without a verdict of its own it was not looked at, as something is wrong with the package or a parent
    reason = answer.get("reject-reason") or answer.get("package-error")
    return Verdict(tx.txid, "package-not-validated" if reason is None else printable(reason.text()))
