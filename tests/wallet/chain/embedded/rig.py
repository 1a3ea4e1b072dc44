"""The rig of the embedded chain."""

from pathlib import Path

from tests.wallet.chain.rig import Rig
from wallet.chain.base import Block
from wallet.chain.embedded.backend import EmbeddedChain
from wallet.chain.embedded.block import Template, make_block
from wallet.script import p2wpkh
from wallet.tx import Transaction, double_sha256

NOBODY = p2wpkh(bytes(20))


class EmbeddedRig(Rig):
    """An embedded chain of its own for a test."""

    chain: EmbeddedChain

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__(EmbeddedChain(directory))

    def coinbase(self, block: Block) -> Transaction:
        return self.chain.transactions(block.height)[0]

    def reorganise(self, depth: int) -> Block:
        tip = self.chain.tip()
        fork = self.chain.block(tip.height - depth)
        previous = fork.hash
        for i in range(1, depth + 2):
            raw, _ = make_block(Template(previous, fork.height + i, tip.time + i, NOBODY))
            self.chain.submit_block(raw)
            previous = double_sha256(raw[:80])
        return self.chain.tip()

    def reopen(self) -> None:
        self.chain.close()
        self.chain = EmbeddedChain(self.directory)

    def close(self) -> None:
        self.chain.close()
