"""The errors of presig_pool/; asking twice for one presignature is protocol.errors.SecretReuseError."""

from protocol.errors import MpcError


class PoolExhausted(MpcError):  # noqa: N818
    """There are fewer presignatures than are wanted: proves nothing; a refill or a fresh session helps.

    Attributes:
        wanted: how many were asked for.
        ready: how many there are.
    """

    def __init__(self, wanted: int, ready: int) -> None:
        self.wanted = wanted
        self.ready = ready
        many, there = "s are" if wanted != 1 else " is", "are" if ready != 1 else "is"
        super().__init__(f"{wanted} presignature{many} wanted and {ready} {there} ready")


class PresignatureVoid(MpcError):  # noqa: N818
    """A presignature is not to be used, or not known here: proves nothing about who asked for it."""


class PresignatureTaken(MpcError):  # noqa: N818
    """Another request was granted the presignature first: choose another; proves nothing."""


class LeaseRefused(MpcError):  # noqa: N818
    """Another signer leads the refill, or the one that asks led it before: proves nothing."""
