"""SQL adapters and encryption at rest; no other package speaks SQL."""
