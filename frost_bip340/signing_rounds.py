"""BIP-445 signing as a session of signed messages: one for all inputs of a transaction.

In rounds 1 and 3 all signers send to the coordinator, in round 2 the coordinator to all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final, Self

from frost_bip340.key_share import KeyShare, ThresholdInfo
from frost_bip340.messages import Aggnonces, PartialSigs, Pubnonces
from frost_bip340.nonce import NONCE_LEN, SCHEME, NonceContext, SecNonce, nonce_agg, nonce_gen
from frost_bip340.session import SigningSession, check_signers
from frost_bip340.signing import aggregate, partial_sig_verify, sign
from frost_bip340.tweak import Tweak, TweakContext
from native.curve import Point, PointVector, Scalar
from native.secret import Secret, SecretSeed
from protocol.codec import Reader, Writer, decode
from protocol.errors import FaultyPartyError, UsageError
from protocol.header import PARAMS_LIMIT, Header
from protocol.ids import COORDINATOR, PartyId
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to sign.

    Args:
        msg: the sighash, which each signer computes itself from the transaction.
        tweaks: from the threshold key to the key that signs.
    """

    msg: bytes
    tweaks: tuple[Tweak, ...] = ()

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read an input."""
        msg, count = reader.bytes_of("msg", PARAMS_LIMIT), reader.unsigned("tweaks", 2)
        return cls(msg, reader.items("tweak", count, lambda r, f: Tweak(r.scalar(f), r.boolean(f))))

    def write(self, writer: Writer) -> None:
        """Write the input."""
        writer.bytes_of(self.msg, PARAMS_LIMIT).unsigned(len(self.tweaks), 2)
        writer.items(self.tweaks, lambda out, tweak: out.scalar(tweak.value).boolean(tweak.is_xonly))


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What a session signs, the parameters in its header.

    Args:
        info: the key.
        epoch: of the shares.
        inputs: at least one.

    Raises:
        UsageError: there is no input.
    """

    info: ThresholdInfo
    epoch: int
    inputs: tuple[Input, ...]

    def __post_init__(self) -> None:
        if not self.inputs:
            raise UsageError("there is nothing to sign")

    def __bytes__(self) -> bytes:
        """Return the encoding; an unknown public share is 33 zero bytes."""
        pubshares = [P or Point.infinity() for P in self.info.pubshares]
        writer = Writer().unsigned(self.info.t, 1).unsigned(self.info.n, 1).point(self.info.thresh_pk)
        writer.points_ext(pubshares).unsigned(self.epoch, 8).unsigned(len(self.inputs), 2)
        return bytes(writer.items(self.inputs, lambda out, item: item.write(out)))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read a request.

        Raises:
            EncodingError: it is malformed.
            UsageError: the key is inconsistent, or there is no input.
        """
        t, n = reader.unsigned("t", 1), reader.unsigned("n", 1)
        thresh_pk = reader.point("thresh_pk")
        pubshares = tuple(None if P.is_infinity else P for P in reader.points_ext("pubshare", n))
        epoch, count = reader.unsigned("epoch", 8), reader.unsigned("inputs", 2)
        inputs = reader.items("input", count, lambda r, _: Input.read(r))
        return cls(ThresholdInfo(t, thresh_pk, pubshares), epoch, inputs)


@lru_cache(maxsize=64)
def _request(params: bytes) -> SigningRequest:
    return decode(params, PARAMS_LIMIT, SigningRequest.read)


def request_of(header: Header) -> SigningRequest:
    """Return the request in a session's header.

    Raises:
        EncodingError: it is malformed.
        UsageError: it is inconsistent, or the parties of the session are no signers of its key.
    """
    request = _request(header.params)
    check_signers(request.info, header.parties)
    return request


def _count(header: Header) -> int:
    return len(request_of(header).inputs)


def _open(header: Header, aggnonces: Aggnonces) -> list[SigningSession]:
    """Return the signing session of each input."""
    request = request_of(header)
    return [
        SigningSession(request.info, header.parties, aggnonce, item.msg, item.tweaks, request.epoch)
        for aggnonce, item in zip(aggnonces.aggnonces, request.inputs, strict=True)
    ]


def _psig_fails(claim: Claim) -> bool:
    """A signer has signed its nonces, the aggregate nonces it was told, and partial signatures for them."""
    nonces = claim.direct(Pubnonces, 1, COORDINATOR)
    answer = claim.direct(PartialSigs, 3, COORDINATOR)
    return not all(
        partial_sig_verify(bytes(psig), nonces.of(i), claim.culprit, signing)
        for i, (psig, signing) in enumerate(
            zip(answer.psigs, _open(claim.header, answer.aggnonces), strict=True)
        )
    )


SPEC: Final = ProtocolSpec(
    SCHEME,
    1,
    {
        (1, Kind.DIRECT): MessageType(
            lambda h: NONCE_LEN * _count(h), lambda r, h: Pubnonces.read(r, _count(h))
        ),
        (2, Kind.BROADCAST): MessageType(
            lambda h: NONCE_LEN * _count(h), lambda r, h: Aggnonces.read(r, _count(h))
        ),
        (3, Kind.DIRECT): MessageType(
            lambda h: (NONCE_LEN + 32) * _count(h), lambda r, h: PartialSigs.read(r, _count(h))
        ),
    },
    {"psig": _psig_fails},
)


@dataclass(frozen=True, slots=True)
class CollectAggnonces(Round[PartialSigs]):
    """A signer waits for the aggregate nonces.

    Args:
        share: the signer's share.
        secnonces: one for each input.
    """

    number: ClassVar[int] = 2
    share: KeyShare
    secnonces: tuple[SecNonce, ...]

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        """Return the coordinator."""
        return (COORDINATOR,)

    def secrets(self) -> tuple[Secret, ...]:
        """Return the nonces; the share outlives every session."""
        return tuple(k for secnonce in self.secnonces for k in secnonce.secrets())

    def finish(self, inbox: Inbox) -> Done[PartialSigs]:
        """Sign every input; the caller stores the result before it sends the message."""
        aggnonces = inbox.broadcasts(Aggnonces)[COORDINATOR]
        sessions = _open(inbox.session.header, aggnonces)
        psigs = [
            sign(secnonce, self.share, signing)
            for secnonce, signing in zip(self.secnonces, sessions, strict=True)
        ]
        result = PartialSigs(aggnonces, tuple(map(Scalar.from_bytes, psigs)))
        return Done(result, [Outgoing(3, result, COORDINATOR)])


@dataclass(frozen=True, slots=True)
class CollectPubnonces(Round[tuple[bytes, ...]]):
    """The coordinator waits for the nonces of all signers."""

    number: ClassVar[int] = 1

    def finish(self, inbox: Inbox) -> Continue[tuple[bytes, ...]]:
        """Add the nonces up."""
        received = inbox.directs(Pubnonces)
        pubnonces = tuple(
            {party: message.of(i) for party, message in received.items()}
            for i in range(_count(inbox.session.header))
        )
        aggnonces = Aggnonces(tuple(map(nonce_agg, pubnonces)))
        return Continue(CollectPartialSigs(pubnonces, aggnonces), [Outgoing(2, aggnonces)])


@dataclass(frozen=True, slots=True)
class CollectPartialSigs(Round[tuple[bytes, ...]]):
    """The coordinator waits for the partial signatures of all signers.

    Args:
        pubnonces: of each signer, for each input.
        aggnonces: their sums.
    """

    number: ClassVar[int] = 3
    pubnonces: tuple[dict[PartyId, bytes], ...]
    aggnonces: Aggnonces

    def finish(self, inbox: Inbox) -> Done[tuple[bytes, ...]]:
        """Make the signatures, one for each input, each verified; or name who spoiled one."""
        received = inbox.directs(PartialSigs)
        # the coordinator has sent one list, but cannot prove it to others
        astray = [party for party, answer in received.items() if answer.aggnonces != self.aggnonces]
        if astray:
            raise FaultyPartyError(dict.fromkeys(astray, "aggnonce"))
        signatures = []
        for i, signing in enumerate(_open(inbox.session.header, self.aggnonces)):
            psigs = {party: bytes(answer.psigs[i]) for party, answer in received.items()}
            try:
                signatures.append(aggregate(psigs, self.pubnonces[i], signing))
            except FaultyPartyError:
                faults = inbox.faults()
                for party in received:
                    slots = Slot.direct(1, party, COORDINATOR), Slot.direct(3, party, COORDINATOR)
                    faults.test(party, "psig", *slots)
                faults.close()
                raise
        return Done(tuple(signatures))


def participate(session: Session, share: KeyShare, rands: Sequence[SecretSeed]) -> Continue[PartialSigs]:
    """Start a signing session as a signer, who has approved what the header's request signs.

    Args:
        session: the session.
        share: the signer's share.
        rands: 32 fresh random bytes for each input.

    Returns:
        The first round.

    Raises:
        UsageError: the request is of another key, epoch or signer, or there is not one seed for each input.
    """
    request = request_of(session.header)
    if (request.info, request.epoch, session.me) != (share.info, share.epoch, share.party):
        raise UsageError("the request is not for this share")
    if len(rands) != len(request.inputs):
        raise UsageError("there must be one seed for each input")
    secnonces = []
    for rand, item in zip(rands, request.inputs, strict=True):
        key = TweakContext.of(request.info.thresh_pk, item.tweaks).Q.x_bytes
        context = NonceContext(share.party, share.pubshare, key, item.msg, session.header.digest)
        secnonces.append(nonce_gen(rand, share.secshare, context))
    points = PointVector([R for secnonce in secnonces for R in secnonce.points])
    return Continue(CollectAggnonces(share, tuple(secnonces)), [Outgoing(1, Pubnonces(points), COORDINATOR)])


def coordinate(session: Session) -> Continue[tuple[bytes, ...]]:
    """Start a signing session as its coordinator.

    Raises:
        UsageError: the request in the header does not fit its parties.
    """
    request_of(session.header)
    return Continue(CollectPubnonces())
