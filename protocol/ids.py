"""Identifiers, each a type of its own, and the checks that make one from what a caller or a peer says."""

from collections.abc import Sequence
from typing import Final, NewType

from native.hashing import tagged_hash
from protocol.errors import UsageError

PartyId = NewType("PartyId", int)  # 0..n-1; a polynomial is evaluated at id + 1
SessionId = NewType("SessionId", bytes)  # 32 bytes, never used twice
KeyId = NewType("KeyId", bytes)  # 32 bytes
Epoch = NewType("Epoch", int)  # 0..2^64-1, one more at every refresh of the key's shares
RoundNumber = NewType("RoundNumber", int)  # 0..2^16-1

MAX_PARTIES: Final = 128  # BIP-445
SESSION_ID_SIZE: Final = 32

# A coordinator signs and is blamed under this id; it holds no share and is no party.
COORDINATOR: Final = PartyId(0xFFFFFFFF)
# The receiver of a broadcast.
EVERYBODY: Final = PartyId(0xFFFFFFFE)


def party_id(value: object, n: int) -> PartyId:
    """Check that a value is the index of one of n parties.

    Args:
        value: anything; True and False are no indices.
        n: number of parties.

    Returns:
        The index.

    Raises:
        UsageError: it is not an int in 0..n-1.
    """
    if type(value) is not int or not 0 <= value < n:
        raise UsageError(f"a party is not an integer in 0..{n - 1}")
    return PartyId(value)


def party_ids(values: Sequence[object], n: int) -> tuple[PartyId, ...]:
    """Check a set of parties and put it in its one order.

    Args:
        values: distinct indices in any order.
        n: number of parties.

    Returns:
        The indices, ascending.

    Raises:
        UsageError: one is not an int in 0..n-1, or appears twice.
    """
    ids = sorted(party_id(value, n) for value in values)
    if len(set(ids)) != len(ids):
        raise UsageError("a party appears twice")
    return tuple(ids)


def session_id(contributions: Sequence[bytes]) -> SessionId:
    """Make a session id from what every participant drew, so that it is new if one of them is honest.

    Args:
        contributions: 16 to 64 random bytes of each participant, in the order of their ids.

    Returns:
        32 bytes.

    Raises:
        UsageError: there is none, or one has another length.
    """
    if not contributions or any(not 16 <= len(part) <= 64 for part in contributions):
        raise UsageError("session_id: every participant contributes 16 to 64 bytes")
    parts = [bytes([len(part)]) + part for part in contributions]
    return SessionId(tagged_hash("mpcwallet/session id", len(parts).to_bytes(4, "big"), *parts))
