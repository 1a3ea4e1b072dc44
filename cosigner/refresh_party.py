"""One party of a refresh of its wallet's shares; how it goes on is said in cosigner/refreshing.py."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from cosigner.exchange import Member
from cosigner.keys import SEGWIT_ACCOUNT, TAPROOT_ACCOUNT, WalletKeys
from cosigner.refreshed import SPECS, aux_agreement
from cosigner.segwit_key import SegwitKey
from cosigner.sessions import Sessions
from cosigner.steps import Deed, Progress, Step
from cosigner.taproot_key import TaprootKey
from ecdsa_cggmp import aux_rounds
from ecdsa_cggmp import key_share as ecdsa
from ecdsa_cggmp import resharing as ecdsa_resharing
from ecdsa_cggmp.aux_info import AuxInfo, AuxSecret
from ecdsa_cggmp.params import Params
from frost_bip340 import key_share as frost
from frost_bip340 import resharing as frost_resharing
from native.schnorr import sign_bip340
from native.secret import SecretScalars, SecretSeed
from presig_pool.store import PoolStore
from protocol.codec import Writer, decode
from protocol.errors import MpcError, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import Epoch, PartyId, SessionId
from protocol.machine import Sealed
from protocol.resharing.handover import Certificate, Holding, Pending
from protocol.resharing.key import plan_refresh
from protocol.resharing.plan import Plan
from protocol.roster import Roster
from protocol.round import Continue
from protocol.session import Session
from protocol.signed import SIGNATURE_SIZE

# security: epochs that a refresh may leave out. An honest coordinator goes one beyond what any party has
# prepared; one that lies must not be able to use them up
MAX_STEP: Final = 1 << 20

AGREEMENT_SIZE: Final = 32

_EPOCH_SIZE: Final = 8


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

    def prepare_aux(self, aux: AuxInfo, epoch: Epoch) -> None:
        """Seal new auxiliary info beside the one in use; it is durable on return."""

    def pending_aux(self, params: Params, epoch: Epoch) -> AuxInfo | None:
        """Read the auxiliary info that waits for the shares of an epoch."""

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

    def prepare(self) -> None:
        """Get the primes of new auxiliary info."""

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
        params: the security level of the auxiliary info.
        factors: gives primes that nobody else has, for new auxiliary info; None to keep the old one.
        progress: told what the party did.
    """

    me: PartyId
    host_key: SecretScalars
    keys: WalletKeys
    params: Params
    factors: Callable[[], AuxSecret] | None
    progress: Progress


class RefreshParty:
    """One party of a refresh."""

    def __init__(self, terms: RefreshTerms, store: RefreshStore) -> None:
        self._terms, self._store = terms, store
        self._roster = Roster(terms.keys.host_keys)
        self._sessions = Sessions()
        self._opened: dict[int, SessionId] = {}  # by account
        self._factors: AuxSecret | None = None  # until the session of the auxiliary info is opened
        self._aux_is_asked = False

    def last_epoch(self) -> bytes:
        """Return the highest epoch for which the party has ever sealed a share, 8 bytes."""
        return self._last_epoch().to_bytes(_EPOCH_SIZE, "big")

    def prepare(self) -> None:
        """Get the primes of new auxiliary info, if its operator asks for some; a search takes seconds."""
        if self._terms.factors is not None:
            self._aux_is_asked, self._factors = True, self._terms.factors()
            self._say(Deed.PRIMES_FOUND, f"{self._terms.params.prime_bits} bits each")

    def open(self, header: bytes) -> tuple[Sealed, ...]:
        """Start the session of one key, or after those that of the auxiliary info; each once.

        Args:
            header: of the session, its parameters the plan of a key.

        Returns:
            What to deliver.

        Raises:
            EncodingError: the header or its plan is malformed.
            UsageError: it is no refresh of a key of this wallet, with its present shares, by all parties.
        """
        terms, parsed = self._terms, decode(header, HEADER_LIMIT, Header.read)
        if parsed.protocol == aux_rounds.aux_spec(terms.params).name:
            return self._open_aux(parsed)
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

    def _open_aux(self, header: Header) -> tuple[Sealed, ...]:
        terms, factors = self._terms, self._factors
        if factors is None or header.parties != tuple(map(PartyId, range(self._roster.n))):
            raise UsageError("new auxiliary info was not asked for, or is not of all parties")
        epoch = self._prepared(SEGWIT_ACCOUNT).sharing.epoch
        place = Session(aux_rounds.aux_spec(terms.params), header, self._roster, terms.me, terms.host_key)
        self._factors = None
        opening = aux_rounds.participate(place, factors, terms.params)
        return self._sessions.open(place, opening, lambda aux: self._keep_aux(aux, epoch))

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        """Take an envelope; see Sessions.receive."""
        return self._sessions.receive(sender, envelope)

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session; see Sessions.end."""
        return self._sessions.end(session, evidence)

    def confirm(self) -> bytes:
        """Say what was sealed of each key, as read back from the disk.

        Returns:
            For each key the public side of the new shares, and the confirmation of it; at the end what all
            agree on of the auxiliary info, if that is new, and the confirmation of that.

        Raises:
            UsageError: a session has not come to its end.
            StorageError: it cannot be read back.
        """
        writer = Writer()
        for account, _ in enumerate(self._terms.keys.accounts):
            pending = self._prepared(account)
            sharing = bytes(pending.sharing)
            writer.fixed(sharing, len(sharing)).fixed(pending.confirm(self._terms.host_key), SIGNATURE_SIZE)
        if self._aux_is_asked:
            agreement = self._aux_agreement()
            signature = sign_bip340(self._terms.host_key, agreement, SecretSeed.fresh())
            writer.fixed(agreement, AGREEMENT_SIZE).fixed(signature, SIGNATURE_SIZE)
        self._say(Deed.REFRESH_CONFIRMED)
        return bytes(writer)

    def _aux_agreement(self) -> bytes:
        epoch = self._prepared(SEGWIT_ACCOUNT).sharing.epoch
        aux = self._store.pending_aux(self._terms.params, epoch)
        if aux is None:
            raise UsageError("the auxiliary info is not there yet")
        return aux_agreement(epoch, aux)

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

    def _keep_aux(self, aux: AuxInfo, epoch: Epoch) -> None:
        self._store.prepare_aux(aux, epoch)
        self._say(Deed.AUX_STORED)

    def _say(self, deed: Deed, detail: str = "") -> None:
        self._terms.progress(Step(self._terms.me, deed, detail))
