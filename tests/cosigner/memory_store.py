"""A party's store without a disk."""

from frost_bip340.key_share import KeyShare
from native.secret import SecretScalars


class MemoryStore:
    def __init__(self) -> None:
        self.host_key: SecretScalars | None = None
        self.share: KeyShare | None = None
        self.data = b""

    def put_host_key(self, host_key: SecretScalars) -> None:
        self.host_key = host_key

    def put_share(self, share: KeyShare, recovery_data: bytes) -> None:
        self.share, self.data = share, recovery_data

    def recovery_data(self) -> bytes:
        return self.data
