"""Delete one check of ecdsa_cggmp at a time, and see whether a test notices: `make mutants`."""
