"""A co-signer's parts in signing a transaction that it has reviewed: a session for each key that signs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cosigner.keys import SEGWIT_ACCOUNT, TAPROOT_ACCOUNT, WalletKeys
from cosigner.presigning import EcdsaCredentials
from cosigner.segwit_signing import SegwitSigner
from cosigner.steps import Deed
from ecdsa_cggmp import sign_rounds
from frost_bip340 import signing_rounds
from frost_bip340.key_share import KeyShare
from frost_bip340.messages import PartialSigs
from native.secret import SecretScalars, SecretSeed
from protocol.errors import UsageError
from protocol.header import Header
from protocol.roster import Roster
from protocol.round import Continue
from protocol.session import Session
from storage.signing_log import SignedEntry
from wallet.errors import RefusedError
from wallet.fees import FeeCaps
from wallet.psbt import Psbt
from wallet.review import Review, ReviewedInput

_SPECS: Final = {TAPROOT_ACCOUNT: signing_rounds.SPEC, SEGWIT_ACCOUNT: sign_rounds.SPEC}


@dataclass(frozen=True, slots=True, eq=False)
class Credentials:
    """What a signer signs with, unsealed.

    Args:
        host_key: signs its messages.
        keys: the public side of the wallet's keys, from the signer's own store.
        taproot: its share of the Taproot key.
        segwit: what it signs SegWit inputs with; None for a wallet without.
        caps: fees that it refuses to exceed.
        ecdsa: what it makes presignatures with; None if it makes none.
    """

    host_key: SecretScalars
    keys: WalletKeys
    taproot: KeyShare
    segwit: SegwitSigner | None
    caps: FeeCaps
    ecdsa: EcdsaCredentials | None = None

    def expect_segwit(self) -> SegwitSigner:
        """Return what it signs SegWit inputs with.

        Raises:
            UsageError: the wallet has no SegWit account.
        """
        if self.segwit is None:
            raise UsageError("the wallet has no SegWit account")
        return self.segwit


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A signer's part of one session.

    Args:
        place: its place in it.
        opening: its first round.
        store: what is done with its result.
    """

    place: Session
    opening: Continue[Any]
    store: Callable[[Any], None]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Makes the parts of a signer.

    Args:
        mine: what it signs with.
        write_down: makes an entry with its answer durable, or raises StorageError.
        say: tells what it did.
    """

    mine: Credentials
    write_down: Callable[[SignedEntry, bytes], None]
    say: Callable[[Deed, str], None]

    def of(self, headers: Sequence[Header], roster: Roster, psbt: Psbt, seen: Review) -> list[Part]:
        """Return the sessions that sign a transaction, one for each key that inputs are of.

        Args:
            headers: of the sessions that the coordinator wants.
            roster: of the wallet's parties.
            psbt: the transaction.
            seen: its review.

        Raises:
            RefusedError: the coordinator has other sessions in mind.
            UsageError: two sessions have one id.
        """
        accounts = sorted({item.account for item in seen.inputs})
        specs = [_SPECS[account] for account in accounts]
        if [header.protocol for header in headers] != [spec.name for spec in specs]:
            raise RefusedError("sessions", "there is not one session for each key that signs")
        if len({header.session for header in headers}) != len(headers):
            raise UsageError("two sessions have one id")
        parts = []
        for account, spec, header in zip(accounts, specs, headers, strict=True):
            place = Session(spec, header, roster, self.mine.taproot.party, self.mine.host_key)
            inputs = [item for item in seen.inputs if item.account == account]
            make = self._taproot if account == TAPROOT_ACCOUNT else self._segwit
            parts.append(make(place, inputs, self._entry(header, psbt, seen, account)))
        return parts

    def _taproot(self, place: Session, inputs: Sequence[ReviewedInput], entry: SignedEntry) -> Part:
        request = self.mine.keys.taproot.request((item.sighash, item.path) for item in inputs)
        if bytes(request) != place.header.params:
            raise RefusedError("sighash", "the session does not sign what this transaction needs signed")
        opening = signing_rounds.participate(place, self.mine.taproot, [SecretSeed.fresh() for _ in inputs])

        def store(answer: PartialSigs) -> None:
            # if this fails, Sessions lets no partial signature leave
            self.write_down(entry, bytes(answer))
            self.say(Deed.SIGNING_LOGGED, "")

        return Part(place, opening, store)

    def _segwit(self, place: Session, inputs: Sequence[ReviewedInput], entry: SignedEntry) -> Part:
        signer = self.mine.expect_segwit()
        requests = signer.key.requests((item.sighash, item.path) for item in inputs)
        # the entry and the shares become durable together, before the session has a result
        opening = signer.participate(place, requests, lambda shares: self.write_down(entry, b"".join(shares)))
        return Part(place, opening, lambda _: self.say(Deed.PRESIGNATURES_BURNT, f"{len(inputs)} burnt"))

    def _entry(self, header: Header, psbt: Psbt, seen: Review, account: int) -> SignedEntry:
        """Return what is written down, but for the answer."""
        key = self.mine.keys.key_of(account)
        return SignedEntry(
            session=header.session,
            key=key.public_key,
            epoch=key.epoch,
            txid=psbt.tx.txid,
            psbt_digest=sha256(bytes(psbt)).digest(),
            sent=seen.sent,
            fee=seen.fee,
            sighashes=tuple(item.sighash for item in seen.inputs if item.account == account),
            signers=header.parties,
            answer=b"",
            time=int(time.time()),
        )
