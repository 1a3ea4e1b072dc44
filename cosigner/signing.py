"""The coordinator's side of signing: a PSBT in, the signatures of a signing session attached, verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cosigner.errors import PolicyDenied
from cosigner.exchange import Endpoint, Letter, coordinate, ended_on_error
from cosigner.party import Acceptance, SigningOrder, Summary
from cosigner.shared_key import SharedKey
from cosigner.steps import Deed, Progress, Step
from frost_bip340 import signing_rounds
from native.entropy import random_bytes
from native.schnorr import xonly_key
from native.secret_scalar import random_scalars
from protocol.errors import EncodingError, UsageError
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.roster import Roster
from protocol.session import Session
from wallet.attach import attach
from wallet.errors import WalletError
from wallet.psbt import Psbt, finalize
from wallet.review import Review
from wallet.tx import show_txid


class SigningPeer(Endpoint, Protocol):
    """A signer as the coordinator sees it: bytes in, bytes out."""

    def open_signing(self, order: SigningOrder) -> Acceptance:
        """Review a transaction and take part in signing it."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction.

    Args:
        psbt: with final witnesses.
        summaries: what each signer has seen and accepted.
    """

    psbt: Psbt
    summaries: Mapping[PartyId, Summary]


def sign(
    seen: Review, psbt: Psbt, key: SharedKey, peers: Mapping[PartyId, SigningPeer], progress: Progress
) -> Signed:
    """Have all inputs of a transaction signed in one session.

    Args:
        seen: the coordinator's own review of the transaction; all of its inputs are of the key.
        psbt: the transaction.
        key: as the coordinator knows it.
        peers: the signers, at least t.
        progress: told what the coordinator did.

    Returns:
        The finalised PSBT.

    Raises:
        PolicyDenied: signers refused; names them with their reasons.
        FaultyPartyError: signers spoiled the session; names them.
        SignatureError: a signature does not hold, although the partial signatures did.
        UsageError: there are fewer than t signers.
    """
    host_key, spec = random_scalars(), signing_rounds.SPEC
    roster = Roster(key.host_keys, xonly_key(host_key))
    request = key.request((item.sighash, item.path) for item in seen.inputs)
    session, signers = SessionId(random_bytes(32)), tuple(sorted(peers))
    header = Header(spec.name, spec.version, session, roster.digest, signers, bytes(request))
    place = Session(spec, header, roster, COORDINATOR, host_key)
    opening = signing_rounds.coordinate(place)
    progress(Step(COORDINATOR, Deed.SIGNING_ASKED, show_txid(psbt.tx.txid)))
    order = SigningOrder(bytes(header), bytes(roster), bytes(psbt))
    with ended_on_error(session, peers):
        accepted = _ask(peers, order)
    letters: list[Letter] = [(party, message) for party, a in accepted.items() for message in a.messages]
    signatures = coordinate(place, opening, peers, letters)
    by_input = {item.index: signature for item, signature in zip(seen.inputs, signatures, strict=True)}
    final = finalize(attach(psbt, seen, by_input))
    progress(Step(COORDINATOR, Deed.SIGNATURES_VERIFIED, f"{len(signatures)} of BIP-340"))
    return Signed(final, {party: acceptance.summary for party, acceptance in accepted.items()})


def _ask(peers: Mapping[PartyId, SigningPeer], order: SigningOrder) -> dict[PartyId, Acceptance]:
    """Ask all signers before anything is signed, and collect all refusals."""
    accepted, refusals = {}, {}
    for party, peer in sorted(peers.items()):
        try:
            accepted[party] = peer.open_signing(order)
        except (WalletError, EncodingError, UsageError) as e:
            refusals[party] = str(e)
    if refusals:
        raise PolicyDenied(refusals)
    return accepted
