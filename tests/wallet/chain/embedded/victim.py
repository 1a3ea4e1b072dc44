"""A process that mines and broadcasts until it is killed; it tells what it has been told is done.

Its lines are "block HEIGHT HASH" for each block and "tx TXID" for each transaction, in the order of the hash.
"""

import sys
from pathlib import Path

from tests.wallet.chain.purse import Purse, outputs_of, spend
from wallet.chain.embedded.backend import EmbeddedChain
from wallet.script import ScriptType


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(directory: Path) -> None:
    key = Purse(ScriptType.P2WPKH).key()
    with EmbeddedChain(directory) as chain:
        blocks = chain.mine(101, key.script)
        (coin,) = outputs_of(chain.transactions(blocks[0].height)[0], [key])
        while True:
            for _ in range(3):
                tx = spend([coin], (0, key.script))
                chain.broadcast([tx])
                say("tx", tx.txid.hex())
                (coin,) = outputs_of(tx, [key])
            (block,) = chain.mine(1, key.script)
            say("block", block.height, block.hash.hex())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
