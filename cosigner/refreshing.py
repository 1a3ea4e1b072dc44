"""Refreshing the shares of all keys of a wallet, between parties that see only each other's bytes.

last_epoch -> open -> the rounds of resharing, once for each key -> confirm. A party seals a new share beside
the one in use before it confirms it; the confirmations of all are the certificate, with which, and not
before, each party goes over to its new shares (protocol.resharing.handover): at once, or when it is unlocked
next. What has no certificate waits until another refresh has one, and is deleted then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cosigner import level
from cosigner.exchange import run
from cosigner.keys import WalletKeys
from cosigner.refresh_party import AGREEMENT_SIZE, MAX_STEP, RefreshPeer, RefreshStore
from cosigner.refreshed import SPECS, NewSharing, Refreshed, aux_agreement, unconfirmed
from cosigner.steps import Deed, Progress, Step
from ecdsa_cggmp import aux_rounds
from ecdsa_cggmp.params import Params
from native.entropy import random_bytes
from presig_pool.pool import Pool
from protocol.codec import Reader, decode
from protocol.errors import EncodingError, FaultyPartyError, UnattributedAbort
from protocol.header import Header
from protocol.ids import COORDINATOR, MAX_PARTIES, Epoch, PartyId, SessionId
from protocol.resharing.handover import Certificate, Pending
from protocol.resharing.key import plan_refresh
from protocol.resharing.plan import Sharing
from protocol.roster import Roster
from protocol.signed import SIGNATURE_SIZE
from protocol.spec import ProtocolSpec
from storage.errors import MissingError, RolledBackError

_CONFIRMED_LIMIT: Final = (
    len(SPECS) * (43 + 33 * MAX_PARTIES + SIGNATURE_SIZE) + AGREEMENT_SIZE + SIGNATURE_SIZE
)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a party has confirmed.

    Args:
        keys: of each key the new public shares, with its signature.
        aux: what it agrees to of new auxiliary info, with its signature; None if that stays.
    """

    keys: tuple[tuple[Sharing, bytes], ...]
    aux: tuple[bytes, bytes] | None


def refresh(
    peers: Mapping[PartyId, RefreshPeer], keys: WalletKeys, progress: Progress, params: Params | None = None
) -> Refreshed:
    """Coordinate a refresh; the coordinator carries messages and signs none.

    Args:
        peers: all parties, 0..n-1.
        keys: of the wallet.
        progress: told what the coordinator did.
        params: the security level of new auxiliary info; None to keep the old one.

    Returns:
        What tells every party to go over to its new shares, once WalletKeys.after() has checked it: whoever
        has it passes it on, also after a crash.

    Raises:
        FaultyPartyError: proves that parties deviated; or names those whose confirmations do not hold.
        UnattributedAbort: the parties do not have the same new shares.
        MpcError: a session has failed otherwise. The old shares stay in use.
    """
    if params is not None:
        for _, peer in sorted(peers.items()):
            peer.prepare()
    epoch, roster = _next_epoch(peers, keys), Roster(keys.host_keys)
    headers = [_run_key(peers, keys, account, epoch) for account, _ in enumerate(keys.accounts)]
    if params is not None:
        _run(peers, aux_rounds.aux_spec(params), roster)
    new = params is not None
    told = {i: _read_told(i, peer.confirm(), len(headers), new) for i, peer in sorted(peers.items())}
    made = tuple(
        _certified(header, roster, {party: it.keys[account] for party, it in told.items()})
        for account, header in enumerate(headers)
    )
    aux = {party: it.aux for party, it in told.items() if it.aux is not None}
    certified = _certified_aux(aux, keys.host_keys) if aux else None
    progress(Step(COORDINATOR, Deed.REFRESH_CERTIFIED, f"epoch {keys.epoch} to {epoch}"))
    return Refreshed(made, certified)


def _next_epoch(peers: Mapping[PartyId, RefreshPeer], keys: WalletKeys) -> Epoch:
    """Return an epoch beyond all for which a party has sealed a share: some may be of failed attempts."""
    last = {party: int.from_bytes(peer.last_epoch(), "big") for party, peer in peers.items()}
    if odd := [party for party, epoch in last.items() if not keys.epoch <= epoch < keys.epoch + MAX_STEP]:
        raise UnattributedAbort("a party has shares of an epoch out of range", odd)
    return Epoch(max(last.values()) + 1)


def _run_key(peers: Mapping[PartyId, RefreshPeer], keys: WalletKeys, account: int, epoch: Epoch) -> Header:
    """Run the session of one key; return its header."""
    key = keys.key_of(account)
    plan = replace(plan_refresh(key.sharing, key.account.key.chain_code), epoch=epoch)
    return _run(peers, SPECS[account], Roster(keys.host_keys), bytes(plan))


def _run(
    peers: Mapping[PartyId, RefreshPeer], spec: ProtocolSpec, roster: Roster, params: bytes = b""
) -> Header:
    session, parties = SessionId(random_bytes(32)), tuple(map(PartyId, range(roster.n)))
    header = Header(spec.name, spec.version, session, roster.digest, parties, params)
    run(peers, header, roster, spec)
    return header


def _read_told(party: PartyId, data: bytes, keys: int, aux: bool) -> _Told:
    def read(reader: Reader) -> _Told:
        told = tuple((Sharing.read(reader), reader.fixed("signature", SIGNATURE_SIZE)) for _ in range(keys))
        if not aux:
            return _Told(told, None)
        agreement = reader.fixed("agreement", AGREEMENT_SIZE)
        return _Told(told, (agreement, reader.fixed("signature", SIGNATURE_SIZE)))

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


def _certified_aux(told: Mapping[PartyId, tuple[bytes, bytes]], host_keys: Sequence[bytes]) -> Certificate:
    """Put together what all parties have said of new auxiliary info."""
    if len({agreement for agreement, _ in told.values()}) != 1:
        raise UnattributedAbort("the parties have not stored the same auxiliary info", told)
    certificate = Certificate(told[PartyId(0)][0], tuple(signature for _, signature in told.values()))
    if failed := unconfirmed(certificate, host_keys):
        raise FaultyPartyError(dict.fromkeys(failed, "confirmation"))
    return certificate


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
        _expect_aux(store, keys.refresh)
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


def _expect_aux(store: RefreshStore, refresh: Refreshed) -> None:
    """Check that the auxiliary info that a party has prepared is what all have confirmed.

    Raises:
        UnattributedAbort: it is not: with other auxiliary info than the rest it could make no presignatures.
    """
    aux = store.pending_aux(level.PARAMS, refresh.epoch)
    prepared = None if aux is None else aux_agreement(refresh.epoch, aux)
    if prepared != (None if refresh.aux is None else refresh.aux.agreement):
        raise UnattributedAbort("auxiliary info")
