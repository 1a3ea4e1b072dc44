"""What all participants of a ChillDKG 0.3.0 session agree on; with their certificate, the recovery data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from frost_bip340.messages import PUBKEY_LEN, SIGNATURE_LEN
from frost_bip340.params import SessionParams
from native.curve import Point, Scalar
from native.hashing import tagged_hash
from protocol.codec import POINT_SIZE, SCALAR_SIZE, Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.ids import MAX_PARTIES

_PER_PARTY: Final = 2 * PUBKEY_LEN + SCALAR_SIZE + SIGNATURE_LEN  # bytes of recovery data
_LIMIT: Final = 4 + MAX_PARTIES * (POINT_SIZE + _PER_PARTY)


class RecoveryDataError(UsageError):
    """The recovery data is not that of a finished key generation, or it was damaged."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The input of CertEq, eq_input.

    Args:
        params: the session.
        sum_coms: sums of all commitments to coefficient 0..t-1, before tweaking.
        pubnonces: encryption key of each participant, 33 bytes.
        enc_secshares: sum of the encrypted shares for each participant.
    """

    params: SessionParams
    sum_coms: Sequence[Point]
    pubnonces: tuple[bytes, ...]
    enc_secshares: tuple[Scalar, ...]

    def __bytes__(self) -> bytes:
        """Return eq_input, 4 + 33 t + 98 n bytes."""
        writer = Writer().unsigned(self.params.t, 4).points_ext(self.sum_coms)
        keys = self.params.hostpubkeys + self.pubnonces
        writer.items(keys, lambda item, key: item.fixed(key, PUBKEY_LEN))
        return bytes(writer.scalars(self.enc_secshares))

    @property
    def chain_code(self) -> bytes:
        """Chain code for BIP-32, 32 bytes; equal at all who share the certificate, and recovered with it.

        DEVIATION: ChillDKG has none.
        """
        return tagged_hash("mpcwallet/FROST chain code", bytes(self))

    @classmethod
    def split(cls, recovery_data: bytes) -> tuple[Self, bytes]:
        """Split recovery data into the transcript and the certificate, which is not verified.

        Raises:
            RecoveryDataError: the data is malformed.
        """

        def read(reader: Reader) -> tuple[Self, bytes]:
            t = reader.unsigned("threshold", 4, below=MAX_PARTIES + 1)
            n, remainder = divmod(len(recovery_data) - 4 - POINT_SIZE * t, _PER_PARTY)
            if n < 0 or remainder:
                raise EncodingError("length", "no number of participants fits")
            sum_coms = reader.points_ext("commitment", t)
            keys = reader.items("key", 2 * n, lambda item, field: item.fixed(field, PUBKEY_LEN))
            enc_secshares = reader.scalars("encrypted share", n)
            cert = reader.fixed("certificate", SIGNATURE_LEN * n)
            return cls(SessionParams(keys[:n], t), sum_coms, keys[n:], enc_secshares), cert

        try:
            return decode(recovery_data, _LIMIT, read)
        except EncodingError as e:
            raise RecoveryDataError(f"the recovery data is malformed: {e}") from e
        except UsageError as e:
            raise RecoveryDataError("the recovery data has invalid session parameters") from e
