import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from cosigner.errors import CosignerError
from cosigner.party import Party, SigningOrder, Summary
from cosigner.sessions import MAX_OPEN
from cosigner.signing import sign
from frost_bip340 import signing_rounds
from frost_bip340.signing_rounds import SigningRequest
from native.entropy import random_bytes
from native.schnorr import xonly_key
from native.secret_scalar import random_scalars
from protocol.codec import decode
from protocol.errors import EncodingError, SessionTimeout, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import Roster
from storage.signing_log import SignedEntry
from tests.cosigner.group import STRANGER, Group, MemoryLog
from wallet.account import Branch, KeyPath
from wallet.amounts import Sats
from wallet.errors import MalformedError, RefusedError
from wallet.fees import FeeCaps
from wallet.psbt import Psbt
from wallet.review import review
from wallet.sighash import SIGHASH_ALL
from wallet.tx import TxOut

RNG = random.Random(0)


class FullDiskError(CosignerError):
    pass


def request_for(group: Group, psbt: Psbt) -> SigningRequest:
    seen = review(psbt, (group.key.account,), FeeCaps(), next_change=(20,))
    return group.key.request((item.sighash, item.path) for item in seen.inputs)


def order_for(
    group: Group, psbt: Psbt, request: SigningRequest | None = None, signers: tuple[int, ...] = (0, 1)
) -> SigningOrder:
    """Return what a coordinator sends, with the request of its choice in the header."""
    spec = signing_rounds.SPEC
    roster = Roster(group.key.host_keys, xonly_key(random_scalars()))
    request = request or request_for(group, psbt)
    parties = tuple(PartyId(i) for i in signers)
    header = Header(
        spec.name, spec.version, SessionId(random_bytes(32)), roster.digest, parties, bytes(request)
    )
    return SigningOrder((bytes(header),), bytes(roster), bytes(psbt))


def refuse(group: Group, order: SigningOrder, rule: str) -> None:
    with pytest.raises(RefusedError) as caught:
        group.parties[PartyId(0)].open_signing(order)
    assert caught.value.rule == rule
    assert not group.logs[0].entries


def test_party_accepts_what_it_has_reviewed() -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000, 70_000], 50_000, 800, RNG)
    accepted = group.parties[PartyId(0)].open_signing(order_for(group, psbt))
    assert accepted.summary == Summary(inputs=2, sent=50_000, returned=79_200, fee=800)
    assert len(accepted.messages) == 1
    assert not group.logs[0].entries


def test_header_that_asks_for_another_sighash_is_refused() -> None:
    group = Group(3, 2)
    psbt, other = (group.spending([60_000], 50_000, fee, RNG) for fee in (800, 900))
    refuse(group, order_for(group, psbt, request_for(group, other)), "sighash")


def test_header_that_asks_for_another_key_of_the_wallet_is_refused() -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000], 50_000, 800, RNG)
    (item,) = request_for(group, psbt).inputs
    moved = group.key.request([(item.msg, KeyPath(Branch.RECEIVE, 5000))])
    refuse(group, order_for(group, psbt, moved), "sighash")


def test_header_that_asks_for_less_or_more_than_the_transaction_needs_is_refused() -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000, 70_000], 50_000, 800, RNG)
    request = request_for(group, psbt)
    for inputs in (request.inputs[:1], request.inputs[::-1], (*request.inputs, request.inputs[0])):
        refuse(group, order_for(group, psbt, replace(request, inputs=inputs)), "sighash")


def test_header_of_another_epoch_is_refused() -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000], 50_000, 800, RNG)
    refuse(group, order_for(group, psbt, replace(request_for(group, psbt), epoch=1)), "sighash")


def test_roster_of_others_is_refused() -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000], 50_000, 800, RNG)
    order = order_for(group, psbt)
    keys = (group.key.host_keys[0], *(xonly_key(random_scalars()) for _ in range(2)))
    refuse(group, replace(order, roster=bytes(Roster(keys, xonly_key(random_scalars())))), "roster")


def test_session_without_the_party_is_refused() -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000], 50_000, 800, RNG)
    with pytest.raises(UsageError, match="take part"):
        group.parties[PartyId(0)].open_signing(order_for(group, psbt, signers=(1, 2)))


def test_wrong_amount_of_an_input_is_refused() -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000], 50_000, 800, RNG)
    order = order_for(group, psbt)
    script = psbt.inputs[0].witness_utxo.script_pubkey  # type: ignore[union-attr]
    field = bytes([1, 1, 8 + 1 + len(script)])  # PSBT_IN_WITNESS_UTXO, then the length of its value
    true, lie = (field + value.to_bytes(8, "little") for value in (60_000, 50_900))
    assert true in order.psbt
    with pytest.raises((RefusedError, MalformedError)):
        group.parties[PartyId(0)].open_signing(replace(order, psbt=order.psbt.replace(true, lie)))
    assert not group.logs[0].entries


def test_foreign_change_counts_as_sent() -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000], 20_000, 800, RNG, change=KeyPath(Branch.CHANGE, 3))
    stolen = replace(psbt.tx, outputs=(psbt.tx.outputs[0], TxOut(psbt.tx.outputs[1].value, STRANGER)))
    fake = Psbt.of(stolen, psbt.inputs, psbt.outputs)  # its fields still say that the change is ours
    accepted = group.parties[PartyId(0)].open_signing(order_for(group, fake))
    assert (accepted.summary.sent, accepted.summary.returned) == (59_200, 0)


def test_fee_above_the_party_s_own_cap_is_refused() -> None:
    group = Group(3, 2, FeeCaps(Sats(700), 10))
    refuse(group, order_for(group, group.spending([60_000], 50_000, 701, RNG)), "fee-absolute")


@pytest.mark.parametrize("sighash_type", [2, 3, 0x81, 0x82, 0x83, 4, 0xFF])
def test_other_sighash_types_are_refused(sighash_type: int) -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000], 50_000, 800, RNG)
    order = order_for(group, psbt)
    typed = Psbt.of(psbt.tx, [replace(psbt.inputs[0], sighash_type=sighash_type)], psbt.outputs)
    with pytest.raises((RefusedError, MalformedError)):
        group.parties[PartyId(0)].open_signing(replace(order, psbt=bytes(typed)))


def test_type_all_that_was_asked_for_is_signed_as_such() -> None:
    group = Group(3, 2)
    psbt = group.spending([60_000], 50_000, 800, RNG)
    typed = Psbt.of(psbt.tx, [replace(psbt.inputs[0], sighash_type=SIGHASH_ALL)], psbt.outputs)
    signed = group.sign(typed, 0, 1, caps=FeeCaps())
    (signature,) = signed.psbt.inputs[0].final_script_witness or ()
    assert (len(signature), signature[-1]) == (65, SIGHASH_ALL)


@pytest.mark.parametrize("part", ["headers", "roster", "psbt"])
def test_malformed_order_is_refused(part: str) -> None:
    group = Group(3, 2)
    order = order_for(group, group.spending([60_000], 50_000, 800, RNG))
    data = order.headers[0] if part == "headers" else getattr(order, part)
    for bad in (b"", data[:-1], data + b"\0", bytes(1 << 20)):
        with pytest.raises((EncodingError, MalformedError)):
            group.parties[PartyId(0)].open_signing(
                replace(order, **{part: (bad,) if part == "headers" else bad})
            )


def test_session_id_is_taken_once() -> None:
    group = Group(3, 2)
    party = group.parties[PartyId(0)]
    order = order_for(group, group.spending([60_000], 50_000, 800, RNG))
    party.open_signing(order)
    with pytest.raises(UsageError, match="used before"):
        party.open_signing(order)
    party.end(decode(order.headers[0], HEADER_LIMIT, Header.read).session)
    with pytest.raises(UsageError, match="used before"):
        party.open_signing(order)


def test_session_that_is_refused_costs_no_parsing() -> None:
    group = Group(3, 2)
    party = group.parties[PartyId(0)]
    order = order_for(group, group.spending([60_000], 50_000, 800, RNG))
    party.open_signing(order)
    with pytest.raises(UsageError, match="used before"):
        party.open_signing(replace(order, psbt=b"no psbt"))


def test_who_is_not_in_a_session_does_not_end_it() -> None:
    group = Group(3, 2)
    order = order_for(group, group.spending([60_000], 50_000, 800, RNG))
    party, header = group.parties[PartyId(0)], decode(order.headers[0], HEADER_LIMIT, Header.read)
    ((message,),) = party.open_signing(order).messages
    with pytest.raises(UsageError, match="belong"):
        party.receive(PartyId(2), message.envelope)
    assert isinstance(party.end(header.session), SessionTimeout)


def test_evidence_that_is_none_ends_a_session_without_blame() -> None:
    group = Group(3, 2)
    party = group.parties[PartyId(0)]
    order = order_for(group, group.spending([60_000], 50_000, 800, RNG))
    party.open_signing(order)
    session = decode(order.headers[0], HEADER_LIMIT, Header.read).session
    assert isinstance(party.end(session, [b"", b"no evidence"]), SessionTimeout)
    assert party.end(session) is None


def test_sessions_open_at_once_are_bounded() -> None:
    group = Group(3, 2)
    party = group.parties[PartyId(0)]
    psbt = group.spending([60_000], 50_000, 800, RNG)
    for _ in range(MAX_OPEN):
        party.open_signing(order_for(group, psbt))
    with pytest.raises(UsageError, match="open already"):
        party.open_signing(order_for(group, psbt))


class FullLog(MemoryLog):
    def record(self, entry: SignedEntry) -> None:
        raise FullDiskError("the disk is full")


class Recording(Party):
    """Keeps what has left it."""

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        sealed = super().receive(sender, envelope)
        self.left = [*getattr(self, "left", []), *sealed]
        self.log_when_left = len(self._log.entries)  # type: ignore[attr-defined]
        return sealed


def test_nothing_leaves_when_the_log_cannot_be_written() -> None:
    group = Group(3, 2)
    group.logs[1] = FullLog()
    group.parties[PartyId(1)] = group.party(PartyId(1), Recording)
    psbt = group.spending([60_000], 50_000, 800, RNG)
    with pytest.raises(FullDiskError):
        group.sign(psbt, 0, 1, caps=FeeCaps())
    assert not hasattr(group.parties[PartyId(1)], "left")


def test_session_that_has_failed_is_no_longer_open() -> None:
    group = Group(1, 1)
    group.logs[0] = FullLog()
    party = group.party(PartyId(0), Recording)
    seen: list[bytes] = []
    receive = party.receive

    def tap(sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        seen.append(envelope)
        return receive(sender, envelope)

    party.receive = tap  # type: ignore[method-assign]
    group.parties[PartyId(0)] = party
    with pytest.raises(FullDiskError):
        group.sign(group.spending([60_000], 50_000, 800, RNG), 0, caps=FeeCaps())
    with pytest.raises(UsageError, match="no such session"):
        receive(COORDINATOR, seen[-1])


def test_change_is_recognised_up_to_the_gap_limit_beyond_what_the_party_has_signed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cosigner.party.CHANGE_LEAD", 0)
    group = Group(2, 2)

    def returned(index: int) -> int:
        psbt = group.spending([60_000], 50_000, 800, RNG, change=KeyPath(Branch.CHANGE, index))
        seen = review(psbt, (group.key.account,), FeeCaps(), next_change=(100,))
        summaries = sign(seen, psbt, group.keys, group.signers(0, 1), group.steps.append).summaries
        (one,) = {summary.returned for summary in summaries.values()}
        return one

    assert returned(20) == 0  # the first signing
    assert returned(20) == 9200
    assert returned(22) == 0
    group.parties = {i: group.party(i) for i in group.parties}  # started again, each with its log
    assert returned(22) == 9200


class Slow(int):
    """A count that another thread may change while one is added."""

    def __add__(self, other: int) -> "Slow":
        time.sleep(0.1)
        return Slow(int(self) + other)


def test_threads_that_sign_for_one_party_are_all_counted() -> None:
    group = Group(2, 2)
    party = group.parties[PartyId(0)]
    group.sign(group.spending([60_000], 50_000, 800, RNG), 0, 1)
    (entry,) = group.logs[0].entries
    party._signed = Slow(party._signed)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: party._write_down(entry, b""), range(4)))
    assert party._signed == len(group.logs[0].entries) == 5


class SlowDict(dict[SessionId, float]):
    """A dictionary that takes its time when it is listed first."""

    listed = False

    def _wait(self) -> None:
        if not self.listed:
            self.listed = True
            time.sleep(0.5)

    def items(self) -> Any:
        for item in super().items():
            self._wait()
            yield item

    def __iter__(self) -> Iterator[SessionId]:
        for key in super().__iter__():
            self._wait()
            yield key


@pytest.mark.parametrize("look", [Party.end_old, Party.end_all])
def test_session_is_opened_while_those_that_are_open_are_looked_at(look: Callable[[Party], object]) -> None:
    group = Group(3, 2)
    party, psbt = group.parties[PartyId(0)], group.spending([60_000], 50_000, 800, RNG)
    party.open_signing(order_for(group, psbt))
    party._opened = SlowDict(party._opened)
    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(look, party)
        while not party._opened.listed:
            time.sleep(0.01)
        party.open_signing(order_for(group, psbt))
        looking.result(30)


def test_address_is_derived_from_the_party_s_own_account() -> None:
    group = Group(3, 2)
    party = group.parties[PartyId(2)]
    assert party.script(0, 1, 7) == group.key.account.script(KeyPath(Branch.CHANGE, 7))
    for place in ((0, 2, 0), (0, -1, 0), (0, 0, -1), (0, 0, 1 << 31), (1, 0, 0), (-1, 0, 0)):
        with pytest.raises(MalformedError):
            party.script(*place)


def test_log_entry_is_there_when_the_partial_signature_leaves() -> None:
    group = Group(3, 2)
    recording = group.party(PartyId(1), Recording)
    group.parties[PartyId(1)] = recording
    psbt = group.spending([60_000], 50_000, 800, RNG)
    group.sign(psbt, 0, 1, caps=FeeCaps())
    assert recording.log_when_left == 1  # type: ignore[attr-defined]
    (sealed,) = recording.left  # type: ignore[attr-defined]
    (entry,) = group.logs[1].entries
    assert sealed.envelope.endswith(entry.answer)


def test_party_has_no_call_that_signs_bytes() -> None:
    public = {name for name in dir(Party) if not name.startswith("_")}
    asked = {"open_signing", "ready_presignatures", "offer_presignatures", "script"}
    refills = {"refills", "depth", "lend", "keep", "open_presigning", "vouch", "confirm"}
    gone = {"halt", "has", "granted", "is_ready", "withdraw"}  # of sessions whose client has gone
    assert public == {"id", "receive", "end", "end_old", "end_all"} | asked | refills | gone
