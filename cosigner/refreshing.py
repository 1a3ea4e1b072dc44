"""Refreshing the shares of all keys of a wallet, between parties that see only each other's bytes.

last_epoch -> open -> the rounds of resharing, once for each key -> confirm. A party seals a new share beside
the one in use before it confirms it; the confirmations of all are the certificate, with which, and not
before, each party goes over to its new shares (protocol.resharing.handover): at once, or when it is unlocked
next. What has no certificate waits until another refresh has one, and is deleted then.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from cosigner.exchange import Member, run
from cosigner.keys import SEGWIT_ACCOUNT, TAPROOT_ACCOUNT, WalletKeys
from cosigner.refreshed import SPECS, NewSharing, Refreshed
from cosigner.segwit_key import SegwitKey
from cosigner.sessions import Sessions
from cosigner.steps import Deed, Progress, Step
from cosigner.taproot_key import TaprootKey
from ecdsa_cggmp import key_share as ecdsa
from ecdsa_cggmp import resharing as ecdsa_resharing
from frost_bip340 import key_share as frost
from frost_bip340 import resharing as frost_resharing
from native.entropy import random_bytes
from native.secret import SecretScalars
from presig_pool.pool import Pool
from presig_pool.store import PoolStore
from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError, MpcError, UnattributedAbort, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import COORDINATOR, MAX_PARTIES, Epoch, PartyId, SessionId
from protocol.machine import Sealed
from protocol.resharing.handover import Certificate, Holding, Pending
from protocol.resharing.key import plan_refresh
from protocol.resharing.plan import Plan, Sharing
from protocol.roster import Roster
from protocol.round import Continue
from protocol.session import Session
from protocol.signed import SIGNATURE_SIZE
from storage.errors import MissingError, RolledBackError

# security: epochs that a refresh may leave out. An honest coordinator goes one beyond what any party has
# prepared; one that lies must not be able to use them up
MAX_STEP: Final = 1 << 20

_EPOCH_SIZE: Final = 8
_CONFIRMED_LIMIT: Final = len(SPECS) * (43 + 33 * MAX_PARTIES + SIGNATURE_SIZE)


class RefreshStore(Protocol):
    """Where a party keeps shares; every method raises StorageError."""

    def prepare(self, pending: Pending[frost.KeyShare]) -> None:
        """Seal a new share of the Taproot key beside the one in use; it is durable on return."""

    def prepare_ecdsa(self, pending: Pending[ecdsa.KeyShare]) -> None:
        """Seal a new share of the SegWit key beside the one in use; it is durable on return."""

    def holding(self, key: bytes) -> Holding[frost.KeyShare]:
        """Read what there is of the Taproot key."""

    def ecdsa_holding(self, key: bytes) -> Holding[ecdsa.KeyShare]:
        """Read what there is of the SegWit key."""

    def hand_over(
        self, record: bytes, frost: Mapping[bytes, Certificate], ecdsa: Mapping[bytes, Certificate]
    ) -> None:
        """Put the new shares in the place of the old ones."""

    @property
    def presignatures(self) -> PoolStore:
        """Where presignatures are."""


class RefreshPeer(Member, Protocol):
    """A party of a refresh as its coordinator sees it: bytes in, bytes out."""

    def last_epoch(self) -> bytes:
        """Return the highest epoch for which it has ever sealed a share, 8 bytes."""

    def confirm(self) -> bytes:
        """Return the public side of what it has sealed of each key, and a signature under each."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the share of a key is refreshed.

    Args:
        begin: starts a session.
        prepare: seals its result.
        holding: reads what there is.
    """

    begin: Callable[[Session, bytes, Any], Continue[Pending[Any]]]
    prepare: Callable[[RefreshStore, Pending[Any]], None]
    holding: Callable[[RefreshStore, bytes], Holding[Any]]


_KINDS: Final = {
    TAPROOT_ACCOUNT: _Kind(
        frost_resharing.begin_resharing,
        lambda store, pending: store.prepare(pending),
        lambda store, key: store.holding(key),
    ),
    SEGWIT_ACCOUNT: _Kind(
        ecdsa_resharing.begin_resharing,
        lambda store, pending: store.prepare_ecdsa(pending),
        lambda store, key: store.ecdsa_holding(key),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class RefreshTerms:
    """What a party brings to a refresh.

    Args:
        me: the party.
        host_key: signs its messages.
        keys: the public side of the keys, from its own store.
        progress: told what the party did.
    """

    me: PartyId
    host_key: SecretScalars
    keys: WalletKeys
    progress: Progress


class RefreshParty:
    """One party of a refresh."""

    def __init__(self, terms: RefreshTerms, store: RefreshStore) -> None:
        self._terms, self._store = terms, store
        self._roster = Roster(terms.keys.host_keys)
        self._sessions = Sessions()
        self._opened: dict[int, SessionId] = {}  # by account

    def last_epoch(self) -> bytes:
        """Return the highest epoch for which the party has ever sealed a share, 8 bytes."""
        return self._last_epoch().to_bytes(_EPOCH_SIZE, "big")

    def open(self, header: bytes) -> tuple[Sealed, ...]:
        """Start the session of one key; each once.

        Args:
            header: of the session, its parameters the plan.

        Returns:
            What to deliver.

        Raises:
            EncodingError: the header or its plan is malformed.
            UsageError: it is no refresh of a key of this wallet, with its present shares, by all parties.
        """
        terms, parsed = self._terms, decode(header, HEADER_LIMIT, Header.read)
        accounts = [i for i, _ in enumerate(terms.keys.accounts) if SPECS[i].name == parsed.protocol]
        if not accounts or accounts[0] in self._opened:
            raise UsageError("the session is of another protocol, or was opened before")
        account = accounts[0]
        place = Session(SPECS[account], parsed, self._roster, terms.me, terms.host_key)
        kind, key = _KINDS[account], terms.keys.key_of(account)
        self._expect_refresh(parsed, key)
        share = kind.holding(self._store, key.public_key).share
        opening = kind.begin(place, key.account.key.chain_code, share)
        self._opened[account] = parsed.session
        return self._sessions.open(place, opening, partial(self._keep, account))

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        """Take an envelope; see Sessions.receive."""
        return self._sessions.receive(sender, envelope)

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session; see Sessions.end."""
        return self._sessions.end(session, evidence)

    def confirm(self) -> bytes:
        """Say what was sealed of each key, as read back from the disk.

        Returns:
            For each key the public side of the new shares, and the confirmation of it.

        Raises:
            UsageError: a session has not come to its end.
            StorageError: it cannot be read back.
        """
        writer = Writer()
        for account, _ in enumerate(self._terms.keys.accounts):
            pending = self._prepared(account)
            sharing = bytes(pending.sharing)
            writer.fixed(sharing, len(sharing)).fixed(pending.confirm(self._terms.host_key), SIGNATURE_SIZE)
        self._say(Deed.REFRESH_CONFIRMED)
        return bytes(writer)

    def _prepared(self, account: int) -> Pending[Any]:
        pending = self._holding(account).pending
        if not pending or pending[-1].header.session != self._opened.get(account):
            raise UsageError("the refresh has not come to its end")
        return pending[-1]

    def _holding(self, account: int) -> Holding[Any]:
        return _KINDS[account].holding(self._store, self._terms.keys.key_of(account).public_key)

    def _last_epoch(self) -> Epoch:
        holdings = [self._holding(account) for account, _ in enumerate(self._terms.keys.accounts)]
        return max(it.pending[-1].sharing.epoch if it.pending else it.epoch for it in holdings)

    def _expect_refresh(self, header: Header, key: TaprootKey | SegwitKey) -> None:
        """Check what is planned: a coordinator must not move the key to others, nor use up the epochs."""
        plan, chain_code = Plan.of(header), key.account.key.chain_code
        if plan.old.epoch != key.sharing.epoch:
            raise UsageError(
                f"the refresh is of shares of epoch {plan.old.epoch}, and party {self._terms.me} has those of"
                f" epoch {key.sharing.epoch}"
            )
        expected = plan_refresh(key.sharing, chain_code)
        if plan != replace(expected, epoch=plan.epoch) or header.parties != expected.parties:
            raise UsageError("the session is no refresh of this key by all of its parties")
        if plan.epoch > self._last_epoch() + MAX_STEP:
            raise UsageError("the refresh leaves out too many epochs")

    def _keep(self, account: int, pending: Pending[Any]) -> None:
        _KINDS[account].prepare(self._store, pending)
        name = self._terms.keys.accounts[account].name
        self._say(Deed.NEW_SHARE_SEALED, f"{name}, epoch {pending.sharing.epoch}")

    def _say(self, deed: Deed, detail: str = "") -> None:
        self._terms.progress(Step(self._terms.me, deed, detail))


# ---- the coordinator ----


def refresh(peers: Mapping[PartyId, RefreshPeer], keys: WalletKeys, progress: Progress) -> Refreshed:
    """Coordinate a refresh; the coordinator carries messages and signs none.

    Args:
        peers: all parties, 0..n-1.
        keys: of the wallet.
        progress: told what the coordinator did.

    Returns:
        What tells every party to go over to its new shares: whoever has it passes it on, also after a crash.

    Raises:
        FaultyPartyError: proves that parties deviated; or names those whose confirmations do not hold.
        UnattributedAbort: the parties do not have the same new shares.
        MpcError: a session has failed otherwise. The old shares stay in use.
    """
    epoch = _next_epoch(peers, keys)
    headers = [_run(peers, keys, account, epoch) for account, _ in enumerate(keys.accounts)]
    told = {party: _read_confirmed(party, peer.confirm(), len(headers)) for party, peer in peers.items()}
    roster = Roster(keys.host_keys)
    made = tuple(
        _certified(header, roster, {party: parts[i] for party, parts in told.items()})
        for i, header in enumerate(headers)
    )
    refreshed = Refreshed(made)
    keys.after(refreshed)
    progress(Step(COORDINATOR, Deed.REFRESH_CERTIFIED, f"epoch {keys.epoch} to {epoch}"))
    return refreshed


def _next_epoch(peers: Mapping[PartyId, RefreshPeer], keys: WalletKeys) -> Epoch:
    """Return an epoch beyond all for which a party has sealed a share: some may be of failed attempts."""
    last = {party: int.from_bytes(peer.last_epoch(), "big") for party, peer in peers.items()}
    if odd := [party for party, epoch in last.items() if not keys.epoch <= epoch < keys.epoch + MAX_STEP]:
        raise UnattributedAbort("a party has shares of an epoch out of range", odd)
    return Epoch(max(last.values()) + 1)


def _run(peers: Mapping[PartyId, RefreshPeer], keys: WalletKeys, account: int, epoch: Epoch) -> Header:
    """Run the session of one key; return its header."""
    key, spec, roster = keys.key_of(account), SPECS[account], Roster(keys.host_keys)
    plan = replace(plan_refresh(key.sharing, key.account.key.chain_code), epoch=epoch)
    session = SessionId(random_bytes(32))
    header = Header(spec.name, spec.version, session, roster.digest, plan.parties, bytes(plan))
    run(peers, header, roster, spec)
    return header


def _read_confirmed(party: PartyId, data: bytes, keys: int) -> tuple[tuple[Sharing, bytes], ...]:
    def read(reader: Reader) -> tuple[tuple[Sharing, bytes], ...]:
        return tuple((Sharing.read(reader), reader.fixed("signature", SIGNATURE_SIZE)) for _ in range(keys))

    try:
        return decode(data, _CONFIRMED_LIMIT, read)
    except EncodingError as e:
        raise UnattributedAbort("a party confirms nothing", [party]) from e


def _certified(header: Header, roster: Roster, told: Mapping[PartyId, tuple[Sharing, bytes]]) -> NewSharing:
    """Put together what all parties have said of one key."""
    sharing = told[PartyId(0)][0]
    if any(other != sharing for other, _ in told.values()):
        raise UnattributedAbort("the parties have not stored the same shares", told)
    pending: Pending[None] = Pending(header, roster, sharing, None)
    certificate = pending.certify({party: signature for party, (_, signature) in told.items()})
    return NewSharing(header, sharing, certificate)


# ---- going over ----


def catch_up(store: RefreshStore, party: PartyId, keys: WalletKeys, now: int) -> bool:
    """Have a party go over to the shares that are in use, if it has sealed them and not used them yet.

    Args:
        store: of the party, unsealed.
        party: which.
        keys: of the wallet, with its last refresh.
        now: Unix seconds.

    Returns:
        Whether it went over to other shares now; presignatures of the old ones are void.

    Raises:
        RolledBackError: the party has never sealed those: its file was put back from a copy.
        StorageError: the file cannot be read or written.
    """
    if keys.refresh is None:
        return False
    try:
        held = store.holding(keys.taproot.public_key).epoch
    except MissingError:
        return False  # it is of another wallet, which is found out elsewhere
    if held >= keys.epoch:
        return False
    taproot, *segwit = (new.certificate for new in keys.refresh.keys)
    if keys.segwit is not None:
        Pool(store.presignatures).void_before(keys.segwit.public_key, keys.epoch, now)
    try:
        store.hand_over(
            bytes(keys.refresh),
            {keys.taproot.public_key: taproot},
            {} if keys.segwit is None else dict(zip([keys.segwit.public_key], segwit, strict=True)),
        )
    except UnattributedAbort as e:
        raise RolledBackError(
            f"party {party} has shares of epoch {held}, and the wallet was refreshed to epoch {keys.epoch}:"
            " the file of the party was put back from a copy, and these shares are void",
            hint="put its newest file back; the other parties sign without it if they are enough",
        ) from e
    return True
