"""What one party keeps: its host key, key shares and auxiliary info, sealed, and a log of what it signed."""

from collections.abc import Mapping, Sequence
from typing import Final

from ecdsa_cggmp import key_share as ecdsa
from ecdsa_cggmp.aux_info import PACKED_NUMBERS, AuxInfo
from ecdsa_cggmp.params import Params
from frost_bip340.key_share import KeyShare
from frost_bip340.params import hostpubkey_gen
from frost_bip340.public_share import PublicShare
from native.errors import NativeError
from native.exposure import decode as decode_secret
from native.exposure import encode
from native.secret import SecretResidues, SecretScalars
from presig_pool.state import Stock
from presig_pool.store import Tally
from protocol.codec import decode
from protocol.errors import EncodingError, UsageError
from protocol.ids import Epoch
from protocol.resharing.handover import Certificate, Holding, Pending
from protocol.roster import ROSTER_LIMIT, Roster
from storage import presig_tallies, reuse_log, signing_log
from storage.engine import Database
from storage.errors import CorruptError, MissingError
from storage.key_shares import KeyShares, Scheme
from storage.manifest import RowId
from storage.party_file import PartyFile
from storage.reuse_log import ReuseLog
from storage.sealed import Change
from storage.signing_log import SignedEntry

_HOST_KEY: Final = RowId("host key")
_ROSTER: Final = RowId("roster")
_TERMS: Final = RowId("terms")
_PAST_TERMS: Final = "past terms"
_AUX: Final = RowId("aux info")
_PENDING_AUX: Final = "pending aux info"
_HANDOVER: Final = RowId("handover")
_RECOVERY: Final = "recovery"
_TIME: Final = 8  # bytes, before past terms
_FROST: Final = Scheme("share", PublicShare.of, PublicShare.from_bytes, PublicShare.with_secshare)
_ECDSA: Final = Scheme(
    "ecdsa share", ecdsa.PublicShare.of, ecdsa.PublicShare.from_bytes, ecdsa.PublicShare.with_secshare
)


class PartyStore(PartyFile):
    """A party's file with what is in it."""

    __slots__ = ("_ecdsa", "_frost")

    def __init__(self, db: Database) -> None:
        """Own an open file."""
        super().__init__(db)
        self._frost = KeyShares(self._vault, _FROST)
        self._ecdsa = KeyShares(self._vault, _ECDSA)

    # the host key, and who else takes part

    def put_host_key(self, host_key: SecretScalars) -> None:
        """Seal the host secret key.

        Raises:
            UsageError: there is one already, or it is no key.
        """
        pubkey = hostpubkey_gen(host_key)
        with self._vault.change() as change, encode(host_key) as secret:
            if self.hostpubkey() is not None:
                raise UsageError("the party has a host key already")
            change.put(_HOST_KEY, pubkey, secret)

    def hostpubkey(self) -> bytes | None:
        """Return the host public key, 33 bytes; None before there is one."""
        return self._public(_HOST_KEY)

    def host_key(self) -> SecretScalars:
        """Return the host secret key.

        Raises:
            MissingError: there is none yet.
        """
        _, secret = self._vault.read_secret(_HOST_KEY)
        with secret:
            return decode_secret(secret, SecretScalars)

    def put_roster(self, roster: Roster) -> None:
        """Keep the host keys of all parties.

        Raises:
            UsageError: this party's is not among them at its place.
        """
        with self._vault.change() as change:
            mine = self.hostpubkey()
            if mine is None or roster.key(self.party) != mine[1:]:
                raise UsageError("the roster does not have this party's host key")
            change.put(_ROSTER, bytes(roster))

    def roster(self) -> Roster | None:
        """Return the host keys of all parties; None before there are any."""
        data = self._public(_ROSTER)
        try:
            return None if data is None else decode(data, ROSTER_LIMIT, Roster.read)
        except EncodingError as e:
            raise CorruptError(str(e), "sealed", str(_ROSTER)) from e

    def put_terms(self, terms: str) -> None:
        """Keep what the party's operator has agreed to, in a form that is the caller's."""
        with self._vault.change() as change:
            change.put(_TERMS, terms.encode())

    def terms(self) -> str | None:
        """Return what put_terms() was given last; None before."""
        data = self._public(_TERMS)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError as e:
            raise CorruptError("the terms are no text", "sealed", str(_TERMS)) from e

    def change_terms(self, terms: str, now: int) -> None:
        """Keep other terms, and write down those in whose place they come.

        Args:
            terms: as put_terms() takes them.
            now: Unix seconds.

        Raises:
            MissingError: there are none yet.
        """
        with self._vault.change() as change:
            old = self._vault.read(_TERMS).public
            number = len(self._vault.rows(_PAST_TERMS))
            change.put(RowId(_PAST_TERMS, number.to_bytes(4, "big")), now.to_bytes(_TIME, "big") + old)
            change.put(_TERMS, terms.encode())

    def past_terms(self) -> tuple[tuple[int, str], ...]:
        """Return the terms that others have replaced, oldest first, each with the Unix seconds of its end."""
        rows = [data for _, data in sorted(self._vault.rows(_PAST_TERMS).items())]
        try:
            return tuple((int.from_bytes(data[:_TIME], "big"), data[_TIME:].decode()) for data in rows)
        except UnicodeDecodeError as e:
            raise CorruptError("past terms are no text", "sealed", _PAST_TERMS) from e

    # FROST shares

    def put_share(self, share: KeyShare, recovery_data: bytes) -> None:
        """Seal the share of a new key, with the recovery data of its generation.

        Args:
            share: of this party.
            recovery_data: of ChillDKG; public.

        Raises:
            UsageError: the share is another party's, or there is one of this key and epoch.
        """
        with self._vault.change() as change:
            self._frost.put(change, share)
            change.put(RowId(_RECOVERY, bytes(share.info.thresh_pk)), recovery_data)

    def shares(self) -> Sequence[PublicShare]:
        """Return the public parts of all shares, by key and epoch."""
        return self._frost.publics()

    def share(self, key: bytes, epoch: int | None = None) -> KeyShare:
        """Return a share.

        Args:
            key: threshold public key, 33 bytes.
            epoch: None for the last one.

        Raises:
            MissingError: there is none.
        """
        return self._frost.share(key, epoch)

    def recovery_data(self, key: bytes | None = None) -> bytes:
        """Return the recovery data of a key, as it was read from the file.

        Args:
            key: threshold public key; None when the party has one key only.

        Raises:
            MissingError: there is none, or several keys.
        """
        rows = self._vault.rows(_RECOVERY)
        if key is None and len(rows) == 1:
            key = next(iter(rows)).key
        if key is None:
            raise MissingError("the party has not one key: name it")
        return self._vault.read(RowId(_RECOVERY, key)).public

    # ECDSA shares, and the auxiliary info that their sessions need

    def put_ecdsa_share(self, share: ecdsa.KeyShare) -> None:
        """Seal the share of a new ECDSA key.

        Raises:
            UsageError: the share is another party's, or there is one of this key and epoch.
        """
        with self._vault.change() as change:
            self._ecdsa.put(change, share)

    def ecdsa_shares(self) -> Sequence[ecdsa.PublicShare]:
        """Return the public parts of all ECDSA shares, by key and epoch."""
        return self._ecdsa.publics()

    def ecdsa_share(self, key: bytes, epoch: int | None = None) -> ecdsa.KeyShare:
        """Return an ECDSA share.

        Args:
            key: 33 bytes.
            epoch: None for the last one.

        Raises:
            MissingError: there is none.
        """
        return self._ecdsa.share(key, epoch)

    def put_aux(self, aux: AuxInfo) -> None:
        """Seal the auxiliary info of all parties and this party's factors, in the place of older ones.

        Raises:
            UsageError: it is another party's.
        """
        self._put_aux(_AUX, aux)
        self._db.truncate_log()  # an older set is in neither file

    def _put_aux(self, row: RowId, aux: AuxInfo) -> None:
        if aux.me != self.party:
            raise UsageError("the auxiliary info is another party's")
        with aux.own.packed() as factors, encode(factors) as secret, self._vault.change() as change:
            change.put(row, bytes(aux), secret)

    def aux(self, params: Params) -> AuxInfo:
        """Return the auxiliary info.

        Args:
            params: the level that it was made for.

        Raises:
            MissingError: there is none yet.
        """
        return self._read_aux(_AUX, params)

    def _read_aux(self, row: RowId, params: Params) -> AuxInfo:
        public, secret = self._vault.read_secret(row)
        try:
            with secret, decode_secret(secret, SecretResidues, PACKED_NUMBERS) as factors:
                return AuxInfo.restore(params, public, factors)
        except (EncodingError, UsageError, NativeError) as e:
            raise CorruptError(str(e), "sealed", str(row)) from e

    # refreshes of all shares: new ones stand beside those in use until a certificate tells to use them

    def prepare(self, pending: Pending[KeyShare]) -> None:
        """Seal what a handover of a FROST key has given the party; see KeyShares.prepare."""
        with self._vault.change() as change:
            self._frost.prepare(change, pending)

    def prepare_ecdsa(self, pending: Pending[ecdsa.KeyShare]) -> None:
        """Seal what a handover of an ECDSA key has given the party; see KeyShares.prepare."""
        with self._vault.change() as change:
            self._ecdsa.prepare(change, pending)

    def holding(self, key: bytes) -> Holding[KeyShare]:
        """Return the share of a FROST key that is in use, and the handovers that wait."""
        return self._frost.holding(key)

    def ecdsa_holding(self, key: bytes) -> Holding[ecdsa.KeyShare]:
        """Return the share of an ECDSA key that is in use, and the handovers that wait."""
        return self._ecdsa.holding(key)

    def prepare_aux(self, aux: AuxInfo, epoch: Epoch) -> None:
        """Seal auxiliary info beside the one in use, in whose place it goes with the shares of an epoch.

        Raises:
            UsageError: it is another party's, or there is some of this epoch already.
        """
        if self.pending_aux(aux.params, epoch) is not None:
            raise UsageError("there is auxiliary info of this epoch already")
        self._put_aux(RowId(_PENDING_AUX, epoch=epoch), aux)

    def pending_aux(self, params: Params, epoch: Epoch) -> AuxInfo | None:
        """Return the auxiliary info that waits for the shares of an epoch; None if there is none."""
        row = RowId(_PENDING_AUX, epoch=epoch)
        return self._read_aux(row, params) if row in self._vault.rows(_PENDING_AUX) else None

    def hand_over(
        self, record: bytes, frost: Mapping[bytes, Certificate], ecdsa: Mapping[bytes, Certificate]
    ) -> None:
        """Go over to new shares of all keys at once, and delete the old ones, from the file and its log.

        The auxiliary info that waits for them takes the place of the old one.

        Args:
            record: of the handover, public, which record_of_handover() returns from now on.
            frost: the certificate of each FROST key.
            ecdsa: that of each ECDSA key.

        Raises:
            UnattributedAbort: one is of no handover that the party has prepared; nothing is changed.
            MissingError: a key is unknown.

        Security:
            Void the presignatures of the old epoch first: with the new share they reveal the key. Those of
            this process cannot be opened any more.
        """
        with self._vault.change() as change:
            epochs = [self._frost.activate(change, key, it) for key, it in frost.items()]
            epochs += [self._ecdsa.activate(change, key, it) for key, it in ecdsa.items()]
            self._activate_aux(change, max(epochs))
            change.put(_HANDOVER, record)
        with self._guard:
            self._forget()
        self._db.truncate_log()

    def _activate_aux(self, change: Change, epoch: Epoch) -> None:
        for row in self._vault.rows(_PENDING_AUX):
            if row.epoch == epoch:
                public, secret = self._vault.read_secret(row)
                with secret:
                    change.put(_AUX, public, secret)
            if row.epoch <= epoch:
                change.delete(row)

    def record_of_handover(self) -> bytes | None:
        """Return the record of the last hand_over(); None before."""
        return self._public(_HANDOVER)

    # what was signed

    def record(self, entry: SignedEntry) -> None:
        """Write down what is about to be signed; durable on return, before a partial signature leaves.

        Raises:
            SecretReuseError: this session was signed before.
        """
        with self._vault.change() as change:
            change.set_anchor(signing_log.append(self._db, self._vault.anchor, entry))

    def signatures(self) -> tuple[SignedEntry, ...]:
        """Return all that was signed, oldest first."""
        return signing_log.entries(self._db)

    def _public(self, row: RowId) -> bytes | None:
        return self._vault.rows(row.kind).get(row)

    def presignature_tallies(self, since: int) -> dict[Stock, Tally]:
        """Count the presignatures in the file, sealed or not.

        What is PENDING or READY is void if no process has the pool: nothing opens its secrets any more.

        Args:
            since: Unix seconds, from when on uses and confirmations are counted apart.
        """
        return {
            stock: presig_tallies.tally(self._db, stock, since) for stock in presig_tallies.stocks(self._db)
        }

    def reuse_log(self, limit: int = 100) -> ReuseLog:
        """Return the attempts to use presignatures again, sealed or not.

        Args:
            limit: how many of them.
        """
        return reuse_log.read(self._db, limit)
