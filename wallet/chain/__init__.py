"""Where blocks and the mempool come from: one interface, an embedded regtest chain and bitcoind behind it."""
