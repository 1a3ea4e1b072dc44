"""Zero-knowledge proofs of CGGMP24, one per file; statements and letters are the paper's."""
