"""Bitcoin without MPC: transactions, descriptors, coins, fees, chain backends."""
