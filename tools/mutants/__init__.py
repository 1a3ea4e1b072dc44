"""Delete one check of threshold ECDSA at a time, and see whether a test notices: `make mutants`."""
