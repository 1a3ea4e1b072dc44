"""Evidence: proof of a fault that a third party can re-check."""


class Evidence:
    """A fault and the signed messages that prove it."""
