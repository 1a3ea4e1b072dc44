"""The coordinator's side of signing: a PSBT in, the signatures of signing sessions attached, verified."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, Protocol, Self

from cosigner.errors import PolicyDenied
from cosigner.exchange import Endpoint, Letter, coordinate, ended_on_error
from cosigner.keys import SEGWIT_ACCOUNT, TAPROOT_ACCOUNT, WalletKeys
from cosigner.party import Acceptance, SigningOrder, Summary
from cosigner.steps import Deed, Progress, Step
from ecdsa_cggmp import sign_rounds
from ecdsa_cggmp.presignature import MAX_PUBLIC, PublicPresignature
from ecdsa_cggmp.sign_messages import most_inputs
from frost_bip340 import signing_rounds
from native.entropy import random_bytes
from native.schnorr import xonly_key
from native.secret import SecretScalars
from native.secret_scalar import random_scalars
from presig_pool.errors import PresignatureTaken, PresignatureVoid
from presig_pool.watermarks import MAX_PAYMENT
from protocol.codec import decode
from protocol.errors import EncodingError, SecretReuseError, UnattributedAbort, UsageError
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.roster import Roster
from protocol.round import Continue
from protocol.session import Session
from protocol.spec import ProtocolSpec
from wallet.attach import attach
from wallet.errors import RefusedError, WalletError
from wallet.psbt import Psbt, finalize
from wallet.review import Review, ReviewedInput
from wallet.tx import show_txid

_TRIES: Final = 16  # each fails because another coordinator is granted the same presignatures first
_NOT_READY: Final = (PresignatureTaken, PresignatureVoid, SecretReuseError)


class SigningPeer(Endpoint, Protocol):
    """A signer as the coordinator sees it: bytes in, bytes out."""

    def ready_presignatures(self, signers: Sequence[PartyId]) -> Sequence[bytes]:
        """Return the ids of presignatures that the signer has ready."""

    def offer_presignatures(
        self, signers: Sequence[PartyId], count: int, among: Sequence[bytes]
    ) -> Sequence[bytes]:
        """Pick some of these, and return their public sides."""

    def open_signing(self, order: SigningOrder) -> Acceptance:
        """Review a transaction and take part in signing it."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction.

    Args:
        psbt: with final witnesses.
        summaries: what each signer has seen and accepted.
        seconds: that it took, with what the signers review and write down.
        presignatures: how many it has used up: one for each SegWit input.
    """

    psbt: Psbt
    summaries: Mapping[PartyId, Summary]
    seconds: float
    presignatures: int


def sign(
    seen: Review, psbt: Psbt, keys: WalletKeys, peers: Mapping[PartyId, SigningPeer], progress: Progress
) -> Signed:
    """Have all inputs of a transaction signed, in one session for each key that inputs are of.

    Args:
        seen: the coordinator's own review of the transaction; all of its inputs are of the wallet's accounts.
        psbt: the transaction.
        keys: as the coordinator knows them.
        peers: the signers: at least t, exactly t if there are SegWit inputs.
        progress: told what the coordinator did.

    Returns:
        The finalised PSBT.

    Raises:
        PolicyDenied: signers refused; names them with their reasons.
        RefusedError: there are more SegWit inputs than so many signers sign at once.
        PoolExhausted: the signers have fewer presignatures ready than there are SegWit inputs.
        FaultyPartyError: signers spoiled the session; names them.
        SignatureError: a signature does not hold, although the partial signatures did.
        UsageError: there are not so many signers as it takes.
    """
    return _Signing.of(seen, psbt, keys, peers, progress).run()


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The coordinator's part of one session.

    Args:
        place: its place in it.
        opening: its first round.
        inputs: what it signs.
    """

    place: Session
    opening: Continue[Any]
    inputs: tuple[ReviewedInput, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Signing:
    """The signing of one transaction.

    Args:
        seen, psbt, keys, peers, progress: as sign() was given them.
        host_key: the coordinator's, of these sessions alone.
        roster: with its public side.
    """

    seen: Review
    psbt: Psbt
    keys: WalletKeys
    peers: Mapping[PartyId, SigningPeer]
    progress: Progress
    host_key: SecretScalars
    roster: Roster

    @classmethod
    def of(
        cls, seen: Review, psbt: Psbt, keys: WalletKeys, peers: Mapping[PartyId, SigningPeer], say: Progress
    ) -> Self:
        host_key = random_scalars()
        roster = Roster(keys.host_keys, xonly_key(host_key))
        return cls(seen, psbt, keys, peers, say, host_key, roster)

    def run(self) -> Signed:
        """Sign; take other presignatures if another coordinator was faster."""
        began = perf_counter()
        self.progress(Step(COORDINATOR, Deed.SIGNING_ASKED, show_txid(self.psbt.tx.txid)))
        for attempt in range(_TRIES):
            parts = self._parts(self._presignatures())
            with self._ended_on_error(parts):
                try:
                    accepted = self._ask(parts)
                except _NOT_READY:
                    if attempt == _TRIES - 1:
                        raise
                else:
                    return self._finish(parts, accepted, began)
            for part in parts:
                self._end(part)
        raise AssertionError("the last attempt returns or raises")

    @property
    def _signers(self) -> tuple[PartyId, ...]:
        return tuple(sorted(self.peers))

    def _inputs(self, account: int) -> tuple[ReviewedInput, ...]:
        return tuple(item for item in self.seen.inputs if item.account == account)

    def _presignatures(self) -> tuple[PublicPresignature, ...]:
        """Have the first signer pick one for each SegWit input, of those that all the others have ready.

        Pools diverge when a session fails between two signers.

        Raises:
            RefusedError: "inputs"; there are more than so many signers sign at once.
            UsageError: there are not exactly t signers.
            UnattributedAbort: names the first signer, who picks others.
        """
        count, key = len(self._inputs(SEGWIT_ACCOUNT)), self.keys.segwit
        if not count or key is None:
            return ()
        if len(self._signers) != key.sharing.t:
            raise UsageError(f"SegWit inputs are signed by exactly {key.sharing.t} parties")
        if count > (most := min(MAX_PAYMENT, most_inputs(key.sharing))):
            raise RefusedError(
                "inputs",
                f"{key.sharing.t} parties sign at most {most} SegWit inputs at once, and there are {count}",
                "spend fewer coins at once: first send some of them to yourself",
            )
        first, *others = self._signers
        ready = [frozenset(self.peers[j].ready_presignatures(self._signers)) for j in others]
        common = frozenset.intersection(*ready)
        offered = self.peers[first].offer_presignatures(self._signers, count, sorted(common))
        try:
            chosen = tuple(decode(data, MAX_PUBLIC, PublicPresignature.read) for data in offered[: count + 1])
        except EncodingError as e:
            raise UnattributedAbort("presignatures", [first]) from e
        ids = {presignature.id for presignature in chosen}
        if not len(chosen) == len(ids) == count or not ids <= common:
            raise UnattributedAbort("presignatures", [first])
        return chosen

    def _parts(self, presignatures: Sequence[PublicPresignature]) -> list[_Part]:
        parts = []
        if inputs := self._inputs(TAPROOT_ACCOUNT):
            request = self.keys.taproot.request((item.sighash, item.path) for item in inputs)
            place = self._place(signing_rounds.SPEC, bytes(request))
            parts.append(_Part(place, signing_rounds.coordinate(place), inputs))
        if (inputs := self._inputs(SEGWIT_ACCOUNT)) and self.keys.segwit is not None:
            requests = self.keys.segwit.requests((item.sighash, item.path) for item in inputs)
            plan = self.keys.segwit.plan(self._signers, requests, presignatures)
            place = self._place(sign_rounds.SPEC, bytes(plan))
            parts.append(_Part(place, sign_rounds.coordinate(place), inputs))
        return parts

    def _place(self, spec: ProtocolSpec, params: bytes) -> Session:
        session = SessionId(random_bytes(32))
        header = Header(spec.name, spec.version, session, self.roster.digest, self._signers, params)
        return Session(spec, header, self.roster, COORDINATOR, self.host_key)

    @contextmanager
    def _ended_on_error(self, parts: Sequence[_Part]) -> Iterator[None]:
        with ExitStack() as stack:
            for part in parts:
                stack.enter_context(ended_on_error(part.place.header.session, self.peers))
            yield

    def _end(self, part: _Part) -> None:
        for peer in self.peers.values():
            with suppress(OSError):  # one that cannot be reached ends it by itself
                peer.end(part.place.header.session)

    def _ask(self, parts: Sequence[_Part]) -> dict[PartyId, Acceptance]:
        """Ask all signers before anything is signed, and collect all refusals."""
        headers = tuple(bytes(part.place.header) for part in parts)
        order = SigningOrder(headers, bytes(self.roster), bytes(self.psbt))
        accepted, refusals = {}, {}
        for party, peer in sorted(self.peers.items()):
            try:
                accepted[party] = peer.open_signing(order)
            except (WalletError, EncodingError, UsageError) as e:
                refusals[party] = str(e)
        if refusals:
            raise PolicyDenied(refusals)
        if odd := [party for party, answer in accepted.items() if len(answer.messages) != len(parts)]:
            raise UnattributedAbort("first messages", odd)
        return accepted

    def _finish(self, parts: Sequence[_Part], accepted: Mapping[PartyId, Acceptance], began: float) -> Signed:
        by_input: dict[int, bytes] = {}
        for at, part in enumerate(parts):
            letters: list[Letter] = [(party, m) for party, a in accepted.items() for m in a.messages[at]]
            signatures = coordinate(part.place, part.opening, self.peers, letters)
            by_input |= {item.index: made for item, made in zip(part.inputs, signatures, strict=True)}
            self.progress(Step(COORDINATOR, Deed.SIGNATURES_VERIFIED, _count(part, len(signatures))))
        final = finalize(attach(self.psbt, self.seen, by_input))
        summaries = {party: acceptance.summary for party, acceptance in accepted.items()}
        used = len(self._inputs(SEGWIT_ACCOUNT))
        return Signed(final, summaries, perf_counter() - began, used)


def _count(part: _Part, count: int) -> str:
    return f"{count} of {'BIP-340' if part.place.spec is signing_rounds.SPEC else 'ECDSA'}"
