"""CGGMP24 threshold ECDSA (ePrint 2021/060, revision 2024-10-21)."""
