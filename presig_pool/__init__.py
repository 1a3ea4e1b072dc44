"""Stock of presignatures: states, pool, refill planning."""
