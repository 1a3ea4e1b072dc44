"""Processes and wires: daemon, coordinator, gRPC with mutual TLS, command line."""
