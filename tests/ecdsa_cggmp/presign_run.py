"""A presigning session whose rounds are kept, so that one message of it can be replaced and judged again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.presign_messages import ENCRYPT, MULTIPLY, REVEAL
from ecdsa_cggmp.presign_rounds import CollectEncryptions, CollectProducts, CollectReveals
from ecdsa_cggmp.presignature import Presignature
from native.secret import Secret
from protocol.errors import EncodingError
from protocol.evidence import Evidence, single_fault
from protocol.ids import PartyId
from protocol.round import Continue, Done, Inbox, Round
from protocol.signed import Slot
from tests.ecdsa_cggmp.network import Parties, dealt

ROUNDS: dict[int, type[Round[tuple[Presignature, ...]]]] = {
    ENCRYPT: CollectEncryptions,
    MULTIPLY: CollectProducts,
    REVEAL: CollectReveals,
}


@dataclass(frozen=True)
class Recorded:
    """A session that went well.

    Args:
        parties: the host keys.
        shares: of the key.
        rounds: what each signer waited for and got, by round and signer.
        results: what each signer made.
    """

    parties: Parties
    shares: Sequence[KeyShare]
    rounds: Mapping[tuple[int, int], tuple[Round[tuple[Presignature, ...]], Inbox]]
    results: Mapping[int, tuple[Presignature, ...]]

    def inbox(self, number: int, me: int) -> Inbox:
        """What a signer received up to a round."""
        return self.rounds[number, me][1]

    def body(self, slot: Slot) -> bytes:
        """What was sent in a slot."""
        me = next(
            me for number, me in self.rounds if me != slot.sender and slot in self.inbox(REVEAL, me).messages
        )
        return self.inbox(REVEAL, me).messages[slot].body

    def judge(self, me: int, changed: Mapping[Slot, bytes]) -> Continue | Done:
        """Let a signer act on a round in which some messages are others, signed by their senders.

        Raises:
            EncodingError: a message is malformed, and its sender blamed for that by itself.
        """
        number = max(slot.round for slot in changed)
        waiting, inbox = self.rounds[number, me]
        messages, decoded = dict(inbox.messages), dict(inbox.decoded)
        for slot, body in changed.items():
            sender = self.inbox(number, slot.sender).session
            messages[slot] = sender.sign(slot, body)
            try:
                decoded[slot] = sender.spec.decode(messages[slot], sender.header)
            except EncodingError:
                check = single_fault(messages[slot], sender.header, sender.spec, sender.roster)
                evidence = Evidence(sender.header, slot.sender, str(check), (messages[slot],))
                assert self.proved(evidence)
                raise
        with patch.object(Secret, "wipe"):  # the round is judged again
            return waiting.finish(replace(inbox, messages=messages, decoded=decoded))

    def proved(self, evidence: Evidence) -> bool:
        """Whether evidence, read again, holds."""
        spec = self.inbox(ENCRYPT, evidence.header.parties[0]).session.spec
        return Evidence.from_bytes(bytes(evidence)).holds(self.parties.roster, {spec.name: spec})


@contextmanager
def recording() -> Iterator[dict[tuple[int, int], tuple[Round, Inbox]]]:
    """Keep every round of presigning with its inbox."""
    kept: dict[tuple[int, int], tuple[Round, Inbox]] = {}

    def keeping(finish: Callable) -> Callable:
        def kept_finish(self: Round, inbox: Inbox) -> object:
            kept[self.number, inbox.session.me] = self, inbox
            return finish(self, inbox)

        return kept_finish

    with (
        patch.object(CollectEncryptions, "finish", keeping(CollectEncryptions.finish)),
        patch.object(CollectProducts, "finish", keeping(CollectProducts.finish)),
        patch.object(CollectReveals, "finish", keeping(CollectReveals.finish)),
    ):
        yield kept


def record(n: int, t: int, batch: int) -> Recorded:
    """Run a session of the first t of n parties."""
    parties, shares = Parties(n), dealt(n, t)
    with recording() as rounds, patch.object(Secret, "wipe"):
        outcomes = parties.presign(shares, range(t), batch)
    return Recorded(parties, shares, rounds, {i: outcome.result for i, outcome in outcomes.items()})


def corrupted_slot(number: int, sender: int, receiver: int | None = None) -> Slot:
    """A broadcast, or a message to one receiver."""
    if receiver is None:
        return Slot.broadcast(number, PartyId(sender))
    return Slot.direct(number, PartyId(sender), PartyId(receiver))
