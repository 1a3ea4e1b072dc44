"""FROST for BIP-340: ChillDKG key generation and BIP-445 signing."""
