"""The steps of building a transaction; wallet.build is their face."""
