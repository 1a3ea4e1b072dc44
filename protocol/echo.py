"""Echo broadcast: everybody tells everybody which broadcasts of a round it received (Goldwasser-Lindell).

An echo carries, for every party in ascending order, the digest and the signature of its broadcast: 96 bytes
per party. A bare hash over all broadcasts would tell only that two views differ; with the signatures the
first difference proves who signed two messages, or that the echo itself is false, without blaming who was
lied to.
"""

from collections.abc import Mapping
from typing import Final

from protocol.codec import Reader, Writer, decode
from protocol.header import Header
from protocol.ids import PartyId, RoundNumber
from protocol.signed import DIGEST_SIZE, SIGNATURE_SIZE, SignedDigest, SignedMessage, Slot

ENTRY_SIZE: Final = DIGEST_SIZE + SIGNATURE_SIZE


def write_echo(number: RoundNumber, header: Header, messages: Mapping[Slot, SignedMessage]) -> bytes:
    """Return the body of the echo of a round, from all its broadcasts, the own included."""
    writer = Writer()
    for party in header.parties:
        signed = messages[Slot.broadcast(number, party)].signed_digest
        writer.fixed(signed.digest, DIGEST_SIZE).fixed(signed.signature, SIGNATURE_SIZE)
    return bytes(writer)


def read_echo(echo: SignedMessage, header: Header) -> dict[PartyId, SignedDigest]:
    """Return what the sender of an echo says that each party broadcast; no signature is verified.

    Raises:
        EncodingError: the length is wrong.
    """

    def entry(reader: Reader, party: PartyId) -> SignedDigest:
        slot = Slot.broadcast(echo.slot.round, party)
        return SignedDigest(
            slot, reader.fixed("digest", DIGEST_SIZE), reader.fixed("signature", SIGNATURE_SIZE)
        )

    return decode(
        echo.body,
        ENTRY_SIZE * len(header.parties),
        lambda reader: {party: entry(reader, party) for party in header.parties},
    )
