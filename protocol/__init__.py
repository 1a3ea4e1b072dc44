"""Sans-IO engine both schemes stand on: rounds, sessions, messages, transcripts, secret sharing, evidence."""
