"""A regtest chain in the process: validated by libbitcoinkernel, with a mempool and an index of our own."""
