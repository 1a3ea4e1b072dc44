"""Distributed key generation (ChillDKG 0.3.0) between parties that see only each other's bytes.

host_pubkey -> open -> the rounds of frost_bip340.keygen_rounds -> acknowledge -> confirm. A party stores its
share and the recovery data before it says so, and shows its account when all have said so.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cosigner.exchange import Endpoint, coordinate, ended_on_error
from cosigner.sessions import Sessions
from cosigner.steps import Deed, Progress, Step
from frost_bip340 import keygen_rounds
from frost_bip340.dkg import CoordinatorOutput, ParticipantOutput
from frost_bip340.key_share import KeyShare
from frost_bip340.messages import SIGNATURE_LEN
from frost_bip340.params import SessionParams, hostpubkey_gen
from frost_bip340.recovery import recovery_ack_sign, recovery_acks_verify
from native.entropy import random_bytes
from native.schnorr import xonly_key
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import random_scalars
from protocol.codec import decode
from protocol.errors import MpcError, UnattributedAbort, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import ROSTER_LIMIT, Roster
from protocol.session import Session


class KeygenStore(Protocol):
    """Where a party keeps what key generation gives it; every method raises StorageError."""

    def put_host_key(self, host_key: SecretScalars) -> None:
        """Seal the host secret key, once."""

    def put_share(self, share: KeyShare, recovery_data: bytes) -> None:
        """Seal the share, and keep the recovery data with it; both are durable on return."""

    def recovery_data(self) -> bytes:
        """Read the recovery data back."""


class KeygenPeer(Endpoint, Protocol):
    """A party of a key generation as its coordinator sees it: bytes in, bytes out."""

    def host_pubkey(self) -> bytes:
        """Return the host public key, 33 bytes."""

    def open(self, header: bytes, roster: bytes) -> Sequence[Sealed]:
        """Start the session and return what to deliver."""

    def acknowledge(self) -> bytes:
        """Return a signature under what was stored, 64 bytes."""

    def confirm(self, acks: bytes) -> bytes:
        """Take the acknowledgments of all parties; return the account, to be compared."""


@dataclass(frozen=True, slots=True)
class KeygenTerms:
    """What the operator of a party has agreed to.

    Args:
        me: the party.
        n: number of parties.
        t: how many of them sign.
        account: makes the text of the account that a share stands for, the same at all parties.
        progress: told what the party did.
    """

    me: PartyId
    n: int
    t: int
    account: Callable[[KeyShare], str]
    progress: Progress


class KeygenParty:
    """One party of a key generation."""

    def __init__(self, terms: KeygenTerms, store: KeygenStore) -> None:
        """Make a host key and seal it."""
        self._terms, self._store = terms, store
        self._host_key = random_scalars()
        store.put_host_key(self._host_key)
        self._sessions = Sessions()
        self._params: SessionParams | None = None
        self._share: KeyShare | None = None
        self._say(Deed.HOST_KEY_MADE, self.host_pubkey().hex())

    def host_pubkey(self) -> bytes:
        """Return the host public key, 33 bytes."""
        return hostpubkey_gen(self._host_key)

    def open(self, header: bytes, roster: bytes) -> tuple[Sealed, ...]:
        """Start the one session of this key generation.

        Args:
            header: of the session, its parameters those of ChillDKG.
            roster: the host keys.

        Returns:
            What to deliver.

        Raises:
            EncodingError: header or roster is malformed.
            UsageError: they are not of what the operator agreed to, or the session has been opened before.
        """
        if self._params is not None:
            raise UsageError("a key generation is opened once")
        place = Session(
            keygen_rounds.SPEC,
            decode(header, HEADER_LIMIT, Header.read),
            decode(roster, ROSTER_LIMIT, Roster.read),
            self._terms.me,
            self._host_key,
        )
        params = keygen_rounds.params_of(place.header)
        if (params.t, params.n) != (self._terms.t, self._terms.n):
            raise UsageError(f"the key generation is not of {self._terms.t} of {self._terms.n} parties")
        opening = keygen_rounds.participate(place, random_scalars(), SecretSeed.fresh())
        sealed = self._sessions.open(place, opening, self._keep)
        self._params = params
        self._say(Deed.SHARES_DEALT, f"parameters {params.hash().hex()}")
        return sealed

    @property
    def params_hash(self) -> bytes:
        """What people compare between the parties over a channel that the coordinator does not control.

        Raises:
            UsageError: no session has been opened.
        """
        return self._opened().hash()

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        """Take an envelope; see Sessions.receive."""
        return self._sessions.receive(sender, envelope)

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End the session; see Sessions.end."""
        return self._sessions.end(session, evidence)

    def acknowledge(self) -> bytes:
        """Sign what was stored, as read back from the disk (ChillDKG 0.3.0, recovery acknowledgment).

        Returns:
            64 bytes.

        Raises:
            UsageError: the session has not come to its end.
            RecoveryDataError: what was read back is something else.
        """
        stored = self._store.recovery_data()
        return recovery_ack_sign(self._host_key, stored, self._opened(), SecretSeed.fresh())

    def confirm(self, acks: bytes) -> bytes:
        """Check that all parties have stored the key.

        Args:
            acks: the acknowledgment of each party, 64 n bytes.

        Returns:
            The text of the account, to be compared with those of the others.

        Raises:
            UsageError: the session has not come to its end, or the length is wrong.
            FaultyPartyError: an acknowledgment of the named parties does not hold.
        """
        params = self._opened()
        if self._share is None or len(acks) != SIGNATURE_LEN * params.n:
            raise UsageError("there is not one acknowledgment of each party")
        by_party = {PartyId(i): acks[SIGNATURE_LEN * i : SIGNATURE_LEN * (i + 1)] for i in range(params.n)}
        recovery_acks_verify(self._store.recovery_data(), params, by_party)
        self._say(Deed.STORING_CONFIRMED)
        return self._terms.account(self._share).encode()

    def _keep(self, output: ParticipantOutput) -> None:
        self._store.put_share(output.share, output.recovery_data)
        self._share = output.share
        self._say(Deed.SHARE_STORED)

    def _opened(self) -> SessionParams:
        if self._params is None:
            raise UsageError("no key generation has been opened")
        return self._params

    def _say(self, deed: Deed, detail: str = "") -> None:
        self._terms.progress(Step(self._terms.me, deed, detail))


@dataclass(frozen=True, slots=True)
class GeneratedKey:
    """What the coordinator ends with.

    Args:
        output: the public side of the key.
        params: who took part.
        account: the text of the account, as all parties gave it.
    """

    output: CoordinatorOutput
    params: SessionParams
    account: str


def generate(peers: Mapping[PartyId, KeygenPeer], t: int, progress: Progress) -> GeneratedKey:
    """Coordinate a key generation.

    Args:
        peers: all parties, 0..n-1.
        t: how many of them sign.
        progress: told what the coordinator did.

    Returns:
        The key.

    Raises:
        FaultyPartyError: proves that parties deviated.
        UnattributedAbort: the parties do not agree on the account.
        MpcError: the session has failed otherwise.
    """
    params = SessionParams.of([peers[PartyId(i)].host_pubkey() for i in range(len(peers))], t)
    progress(Step(COORDINATOR, Deed.PARAMS_COMPARED, params.hash().hex()))
    output = _run(peers, params)
    progress(Step(COORDINATOR, Deed.KEY_AGREED, bytes(output.info.thresh_pk).hex()))
    acks = {party: peer.acknowledge() for party, peer in sorted(peers.items())}
    recovery_acks_verify(output.recovery_data, params, acks)
    accounts = {party: peer.confirm(b"".join(acks.values())) for party, peer in peers.items()}
    if len(set(accounts.values())) != 1:
        raise UnattributedAbort("the parties do not show the same account", accounts)
    account = accounts[PartyId(0)].decode()
    progress(Step(COORDINATOR, Deed.ACCOUNT_COMPARED, account))
    return GeneratedKey(output, params, account)


def _run(peers: Mapping[PartyId, KeygenPeer], params: SessionParams) -> CoordinatorOutput:
    # the coordinator's key is new each time: it holds no secret on disk, and its channel says who it is
    host_key, spec = random_scalars(), keygen_rounds.SPEC
    roster = Roster(tuple(key[1:] for key in params.hostpubkeys), xonly_key(host_key))
    session, parties = SessionId(random_bytes(32)), tuple(sorted(peers))
    header = Header(spec.name, spec.version, session, roster.digest, parties, params.enc_context)
    place = Session(spec, header, roster, COORDINATOR, host_key)
    with ended_on_error(session, peers):
        answers = [
            (party, sealed)
            for party, peer in peers.items()
            for sealed in peer.open(bytes(header), bytes(roster))
        ]
    return coordinate(place, keygen_rounds.coordinate(place), peers, answers)
