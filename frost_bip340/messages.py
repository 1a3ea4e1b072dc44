"""Messages of ChillDKG 0.3.0, then of signing sessions, in the order of their steps, all of fixed lengths."""

from dataclasses import dataclass
from typing import Final, Self

from native.curve import PointVector, Scalar
from protocol.codec import Reader, Writer, decode

POP_LEN: Final = 64
SIGNATURE_LEN: Final = 64
PUBKEY_LEN: Final = 33


@dataclass(frozen=True, slots=True)
class ParticipantMsg1:
    """The first message of a participant, 33 t + 32 n + 97 bytes.

    Args:
        coms: commitments to the t coefficients; any of them may be infinity here.
        pop: proof of possession of the first, 64 bytes.
        pubnonce: key of the encryption, 33 bytes, not parsed here.
        enc_shares: encrypted share for each participant.
    """

    coms: PointVector
    pop: bytes
    pubnonce: bytes
    enc_shares: tuple[Scalar, ...]

    @classmethod
    def read(cls, reader: Reader, t: int, n: int) -> Self:
        """Read a message.

        Raises:
            EncodingError: its length, a commitment or an encrypted share is wrong.
        """
        return cls(
            reader.points_ext("commitment", t),
            reader.fixed("pop", POP_LEN),
            reader.fixed("pubnonce", PUBKEY_LEN),
            reader.scalars("encrypted share", n),
        )

    @classmethod
    def from_bytes(cls, data: bytes, t: int, n: int) -> Self:
        """Read a message that takes all of data; as for read()."""
        return decode(data, 33 * t + 32 * n + 97, lambda reader: cls.read(reader, t, n))

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        writer = Writer().points_ext(self.coms).fixed(self.pop, POP_LEN).fixed(self.pubnonce, PUBKEY_LEN)
        return bytes(writer.scalars(self.enc_shares))


@dataclass(frozen=True, slots=True)
class CoordinatorMsg1:
    """The first message of the coordinator, 162 n + 33 (t - 1) bytes.

    Args:
        coms_to_secrets: first commitment of each participant.
        sum_coms: sums of the participants' commitments to coefficient 1..t-1.
        pops: proof of possession of each participant.
        pubnonces: encryption key of each participant, not parsed here.
        enc_secshares: sum of the encrypted shares for each participant.
    """

    coms_to_secrets: PointVector
    sum_coms: PointVector
    pops: tuple[bytes, ...]
    pubnonces: tuple[bytes, ...]
    enc_secshares: tuple[Scalar, ...]

    @classmethod
    def read(cls, reader: Reader, t: int, n: int) -> Self:
        """Read a message.

        Raises:
            EncodingError: its length, a commitment or an encrypted share is wrong.
        """
        return cls(
            reader.points_ext("commitment", n),
            reader.points_ext("sum of commitments", t - 1),
            reader.items("pop", n, lambda item, field: item.fixed(field, POP_LEN)),
            reader.items("pubnonce", n, lambda item, field: item.fixed(field, PUBKEY_LEN)),
            reader.scalars("encrypted share", n),
        )

    @classmethod
    def from_bytes(cls, data: bytes, t: int, n: int) -> Self:
        """Read a message that takes all of data; as for read()."""
        return decode(data, 162 * n + 33 * (t - 1), lambda reader: cls.read(reader, t, n))

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        writer = Writer().points_ext(self.coms_to_secrets).points_ext(self.sum_coms)
        writer.items(self.pops, lambda item, pop: item.fixed(pop, POP_LEN))
        writer.items(self.pubnonces, lambda item, pubnonce: item.fixed(pubnonce, PUBKEY_LEN))
        return bytes(writer.scalars(self.enc_secshares))


@dataclass(frozen=True, slots=True)
class InvestigationMsg:
    """What the coordinator tells a participant whose share was wrong, 65 n bytes.

    Args:
        enc_partial_secshares: encrypted share from each participant.
        partial_pubshares: what each participant's commitments make of the complaining participant.
    """

    enc_partial_secshares: tuple[Scalar, ...]
    partial_pubshares: PointVector

    @classmethod
    def read(cls, reader: Reader, n: int) -> Self:
        """Read a message.

        Raises:
            EncodingError: its length, an encrypted share or a public share is wrong.
        """
        return cls(reader.scalars("encrypted share", n), reader.points_ext("partial public share", n))

    @classmethod
    def from_bytes(cls, data: bytes, n: int) -> Self:
        """Read a message that takes all of data; as for read()."""
        return decode(data, 65 * n, lambda reader: cls.read(reader, n))

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        return bytes(Writer().scalars(self.enc_partial_secshares).points_ext(self.partial_pubshares))


@dataclass(frozen=True, slots=True)
class Pubnonces:
    """A signer's public nonces, 66 bytes for each input.

    Args:
        points: R1, R2 for each input.
    """

    points: PointVector

    @classmethod
    def read(cls, reader: Reader, inputs: int) -> Self:
        """Read a message.

        Raises:
            EncodingError: a point is malformed or infinite.
        """
        return cls(reader.points("pubnonce", 2 * inputs))

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        return bytes(Writer().points(self.points))

    def of(self, index: int) -> bytes:
        """Return the public nonce of one input, 66 bytes."""
        return self.points[2 * index : 2 * index + 2].to_bytes_ext()


@dataclass(frozen=True, slots=True)
class Aggnonces:
    """The coordinator's aggregate nonces, 66 bytes for each input.

    Args:
        aggnonces: one for each input.
    """

    aggnonces: tuple[bytes, ...]

    @classmethod
    def read(cls, reader: Reader, inputs: int) -> Self:
        """Read a message.

        Raises:
            EncodingError: a point is malformed.
        """
        points = reader.points_ext("aggnonce", 2 * inputs)
        return cls(tuple(points[2 * i : 2 * i + 2].to_bytes_ext() for i in range(inputs)))

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        return b"".join(self.aggnonces)


@dataclass(frozen=True, slots=True)
class PartialSigs:
    """A signer's partial signatures with the aggregate nonces that they are for, 98 bytes for each input.

    The aggregate nonces say what a partial signature is for: nobody can be blamed with one for others.

    Args:
        aggnonces: what the coordinator sent to this signer.
        psigs: one for each input, below n.
    """

    aggnonces: Aggnonces
    psigs: tuple[Scalar, ...]

    @classmethod
    def read(cls, reader: Reader, inputs: int) -> Self:
        """Read a message.

        Raises:
            EncodingError: a point or a scalar is malformed.
        """
        return cls(Aggnonces.read(reader, inputs), reader.scalars("psig", inputs))

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        return bytes(self.aggnonces) + bytes(Writer().scalars(self.psigs))
