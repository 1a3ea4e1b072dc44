"""Moving a shared secret to new shares: refresh, other holders, another threshold, repair of a lost share."""
