"""The rig of bitcoind: one node for all tests, which go on with its chain until the subsidy gets small."""

import shutil

from tests.wallet.chain.rig import Rig
from wallet.chain.base import Block
from wallet.chain.bitcoind import Bitcoind
from wallet.chain.regtest_node import RegtestNode
from wallet.chain.rpc import RpcClient
from wallet.script import p2wpkh
from wallet.tx import Transaction, Txid, show_txid

NOBODY = p2wpkh(bytes(20))


MAX_HEIGHT = 600  # the subsidy of regtest halves every 150 blocks


class BitcoindRig(Rig):
    """A node that other tests have used; the wallets of this one are its own."""

    chain: Bitcoind

    def __init__(self, node: RegtestNode) -> None:
        self.node = node
        self.rpc = RpcClient(node.endpoint)
        if self.rpc.call("getblockcount").integer() > MAX_HEIGHT:
            node.stop()
            shutil.rmtree(node.datadir / "regtest")
            node.start()
        super().__init__(Bitcoind(node.endpoint))

    def coinbase(self, block: Block) -> Transaction:
        answer = self.rpc.call("getblock", show_txid(Txid(block.hash)), 2)
        return Transaction.from_hex(next(iter(answer["tx"]))["hex"].text())

    def reorganise(self, depth: int) -> Block:
        height = self.chain.tip().height
        self.rpc.call("invalidateblock", self.rpc.call("getblockhash", height - depth + 1).text())
        for _ in range(depth + 1):
            self.rpc.call("generateblock", f"raw({NOBODY.hex()})", [])
        return self.chain.tip()

    def reopen(self) -> None:
        self.chain.close()
        self.chain = Bitcoind(self.node.endpoint)

    def close(self) -> None:
        self.chain.close()
        for wallet in self.rpc.call("listwallets"):
            self.rpc.named("unloadwallet", {"wallet_name": wallet.text(), "load_on_startup": False})
