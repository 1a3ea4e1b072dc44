"""Key generation of CGGMP24 and its auxiliary info, between parties that see only each other's bytes.

The parties know each other's host keys from the generation of the Taproot key. prepare -> open -> the rounds,
once for the key and once for the auxiliary info -> vouch -> confirm: a party stores what it got before it
vouches for it, and shows its account when all have vouched for the same.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cosigner.exchange import Member, run
from cosigner.sessions import Sessions
from cosigner.steps import Deed, Progress, Step
from ecdsa_cggmp import aux_rounds, keygen_checks, keygen_rounds
from ecdsa_cggmp.aux_info import AuxInfo, AuxSecret
from ecdsa_cggmp.key_share import KeyShare, PublicShare
from ecdsa_cggmp.keygen_messages import keygen_params, threshold_of
from ecdsa_cggmp.params import Params
from native.entropy import random_bytes
from native.hashing import tagged_hash
from native.schnorr import sign_bip340
from native.secret import SecretScalars, SecretSeed
from native.verify import verify_bip340
from protocol.codec import decode
from protocol.errors import EncodingError, MpcError, UnattributedAbort, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import Roster
from protocol.session import Session
from protocol.spec import ProtocolSpec

VOUCHER_SIZE: Final = 64
_VOUCHER: Final = "mpcwallet/segwit key stored"


class SegwitKeygenStore(Protocol):
    """Where a party keeps what key generation gives it; every method raises StorageError."""

    def put_ecdsa_share(self, share: KeyShare) -> None:
        """Seal the share; it is durable on return."""

    def put_aux(self, aux: AuxInfo) -> None:
        """Seal the auxiliary info; it is durable on return."""

    def ecdsa_share(self, key: bytes) -> KeyShare:
        """Read the share of a key back."""

    def aux(self, params: Params) -> AuxInfo:
        """Read the auxiliary info back."""


class SegwitKeygenPeer(Member, Protocol):
    """A party of a key generation as its coordinator sees it: bytes in, bytes out."""

    def prepare(self) -> None:
        """Get the primes of the auxiliary info."""

    def vouch(self) -> bytes:
        """Return a signature under what was stored, 64 bytes."""

    def confirm(self, vouchers: bytes) -> bytes:
        """Take the vouchers of all parties; return the public side of the own share."""


@dataclass(frozen=True, slots=True, eq=False)
class SegwitTerms:
    """What a party brings to the key generation.

    Args:
        me: the party.
        t: how many sign.
        host_key: signs its messages.
        host_keys: the x-only host keys of all parties.
        params: the security level.
        factors: searches for the primes, or takes such as were found ahead; they are used for nothing else.
        progress: told what the party did.
    """

    me: PartyId
    t: int
    host_key: SecretScalars
    host_keys: tuple[bytes, ...]
    params: Params
    factors: Callable[[], AuxSecret]
    progress: Progress


class SegwitKeygenParty:
    """One party of a key generation."""

    def __init__(self, terms: SegwitTerms, store: SegwitKeygenStore) -> None:
        self._terms, self._store = terms, store
        self._roster = Roster(terms.host_keys)
        self._sessions = Sessions()
        self._factors: AuxSecret | None = None
        self._opened: set[str] = set()
        self._key: bytes | None = None  # what is stored under it, and the auxiliary info, is read back
        self._has_aux = False

    def prepare(self) -> None:
        """Get the primes of the auxiliary info, once; a search takes seconds at full size."""
        if self._factors is not None:
            raise UsageError("the primes of the auxiliary info are there already")
        self._factors = self._terms.factors()
        self._say(Deed.PRIMES_FOUND, f"{self._terms.params.prime_bits} bits each")

    def open(self, header: bytes) -> tuple[Sealed, ...]:
        """Start the session of the key, or that of the auxiliary info; each once.

        Args:
            header: of the session.

        Returns:
            What to deliver.

        Raises:
            EncodingError: the header is malformed.
            UsageError: it is not of what the party's operator agreed to, or the session was opened before.
        """
        terms, parsed = self._terms, decode(header, HEADER_LIMIT, Header.read)
        if parsed.parties != tuple(map(PartyId, range(self._roster.n))):
            raise UsageError("all parties of the wallet take part in key generation")
        spec = _specs(terms.params).get(parsed.protocol)
        if spec is None or parsed.protocol in self._opened:
            raise UsageError("the session is of another protocol, or was opened before")
        place = Session(spec, parsed, self._roster, terms.me, terms.host_key)
        if spec is keygen_checks.SPEC:
            if threshold_of(parsed) != terms.t:
                raise UsageError(f"the key generation is not one of {terms.t} signers")
            self._opened.add(parsed.protocol)
            return self._sessions.open(place, keygen_rounds.participate(place), self._keep_share)
        if self._factors is None:
            raise UsageError("there are no primes for the auxiliary info yet")
        self._opened.add(parsed.protocol)
        opening = aux_rounds.participate(place, self._factors, terms.params)
        return self._sessions.open(place, opening, self._keep_aux)

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        """Take an envelope; see Sessions.receive."""
        return self._sessions.receive(sender, envelope)

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session; see Sessions.end."""
        return self._sessions.end(session, evidence)

    def vouch(self) -> bytes:
        """Say to all parties what was stored, as read back from the disk.

        Returns:
            64 bytes.

        Raises:
            UsageError: a session has not come to its end.
            StorageError: it cannot be read back.
        """
        _, statement = self._stored()
        return sign_bip340(self._terms.host_key, statement, SecretSeed.fresh())

    def confirm(self, vouchers: bytes) -> bytes:
        """Check that all parties have stored the same key and the same auxiliary info.

        Args:
            vouchers: of each party, 64 n bytes.

        Returns:
            The public side of the own share (PublicShare).

        Raises:
            UsageError: a session has not come to its end, or the length is wrong.
            UnattributedAbort: names the parties whose vouchers are not for the same: a session may end well
                for some and fail for others. Do not use the key.
        """
        (share, statement), host_keys = self._stored(), self._roster.keys
        if len(vouchers) != VOUCHER_SIZE * len(host_keys):
            raise UsageError("there is not one voucher of each party")
        parts = [vouchers[VOUCHER_SIZE * i : VOUCHER_SIZE * (i + 1)] for i in range(len(host_keys))]
        others = [
            PartyId(i)
            for i, (key, part) in enumerate(zip(host_keys, parts, strict=True))
            if not verify_bip340(part, statement, key)
        ]
        if others:
            raise UnattributedAbort("the parties have not stored the same key", others)
        self._say(Deed.STORING_CONFIRMED)
        return bytes(share)

    def _stored(self) -> tuple[PublicShare, bytes]:
        """Return what was stored of the share, and the statement that this party vouches for."""
        if self._key is None or not self._has_aux:
            raise UsageError("the key generation has not come to its end")
        share = PublicShare.of(self._store.ecdsa_share(self._key))
        aux = self._store.aux(self._terms.params)
        public = [bytes(public) for _, public in sorted(aux.publics.items())]
        return share, tagged_hash(_VOUCHER, bytes(share.sharing), share.chain_code, *public)

    def _keep_share(self, share: KeyShare) -> None:
        self._store.put_ecdsa_share(share)
        self._key = bytes(share.sharing.key)
        self._say(Deed.SHARE_STORED)

    def _keep_aux(self, aux: AuxInfo) -> None:
        self._store.put_aux(aux)
        self._has_aux = True
        self._say(Deed.AUX_STORED)

    def _say(self, deed: Deed, detail: str = "") -> None:
        self._terms.progress(Step(self._terms.me, deed, detail))


def _specs(params: Params) -> dict[str, ProtocolSpec]:
    specs = keygen_checks.SPEC, aux_rounds.aux_spec(params)
    return {spec.name: spec for spec in specs}


def generate(
    peers: Mapping[PartyId, SegwitKeygenPeer],
    t: int,
    host_keys: tuple[bytes, ...],
    params: Params,
    progress: Progress,
) -> PublicShare:
    """Coordinate a key generation; the coordinator carries messages and signs none.

    Args:
        peers: all parties, 0..n-1.
        t: how many of them sign.
        host_keys: x-only, of the parties.
        params: the security level.
        progress: told what the coordinator did.

    Returns:
        The public side of the key, as party 0 has it.

    Raises:
        FaultyPartyError: proves that parties deviated.
        UnattributedAbort: the parties do not have the same key.
        MpcError: a session has failed otherwise.
    """
    for _, peer in sorted(peers.items()):
        peer.prepare()
    roster = Roster(host_keys)
    _run(peers, keygen_checks.SPEC, roster, keygen_params(t))
    _run(peers, aux_rounds.aux_spec(params), roster)
    vouchers = {party: peer.vouch() for party, peer in sorted(peers.items())}
    if odd := [party for party, voucher in vouchers.items() if len(voucher) != VOUCHER_SIZE]:
        raise UnattributedAbort("a party vouches for nothing", odd)
    shown = {party: peer.confirm(b"".join(vouchers.values())) for party, peer in sorted(peers.items())}
    shares = [_public_share(party, data) for party, data in shown.items()]
    if len({(bytes(share.sharing), share.chain_code) for share in shares}) != 1:
        raise UnattributedAbort("the parties do not show the same key", peers)
    progress(Step(COORDINATOR, Deed.KEY_AGREED, bytes(shares[0].sharing.key).hex()))
    return shares[0]


def _run(
    peers: Mapping[PartyId, SegwitKeygenPeer], spec: ProtocolSpec, roster: Roster, params: bytes = b""
) -> None:
    session, parties = SessionId(random_bytes(32)), tuple(map(PartyId, range(roster.n)))
    run(peers, Header(spec.name, spec.version, session, roster.digest, parties, params), roster, spec)


def _public_share(party: PartyId, data: bytes) -> PublicShare:
    try:
        return PublicShare.from_bytes(data)
    except EncodingError as e:
        raise UnattributedAbort("a party shows no key", [party]) from e
