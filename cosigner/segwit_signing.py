"""A signer's part in signing SegWit inputs: presignatures from its pool, burnt before a share leaves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cosigner.segwit_key import SegwitKey
from ecdsa_cggmp import sign_rounds
from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, sign_share
from ecdsa_cggmp.sign_messages import SharesMsg, SigningPlan
from native.curve import Scalar
from presig_pool.burning import Shares, Use
from presig_pool.pool import Pool
from presig_pool.watermarks import MAX_PAYMENT
from protocol.errors import SecretReuseError, UsageError
from protocol.ids import PartyId, SessionId
from protocol.round import Continue
from protocol.session import Session
from wallet.errors import RefusedError

MAX_LISTED: Final = 1 << 16  # ids of presignatures


@dataclass(frozen=True, slots=True, eq=False)
class SegwitSigner:
    """What a party signs SegWit inputs with.

    Args:
        key: the public side of the key, from the party's own store.
        pool: its presignatures.
        clock: Unix seconds.
    """

    key: SegwitKey
    pool: Pool
    clock: Callable[[], int]

    def ready(self, signers: Sequence[PartyId]) -> tuple[bytes, ...]:
        """Tell a coordinator which presignatures can be granted to it.

        Args:
            signers: who will sign.

        Returns:
            Their ids, oldest first.

        Raises:
            UsageError: the signers are out of range.
        """
        return self.pool.free(self.key.stock(signers), self.clock())[:MAX_LISTED]

    def offer(self, signers: Sequence[PartyId], count: int, among: Sequence[bytes]) -> tuple[bytes, ...]:
        """Pick presignatures for a coordinator, who is free to take others; nothing is granted yet.

        Args:
            signers: who will sign.
            count: how many are wanted.
            among: ids of those that the other signers have ready.

        Returns:
            The public sides, in their encoding.

        Raises:
            PoolExhausted: there are fewer.
            UsageError: the numbers or signers are out of range.
        """
        if not 0 < count <= MAX_PAYMENT or len(among) > MAX_LISTED:
            raise UsageError(f"a transaction takes 1 to {MAX_PAYMENT} presignatures")
        chosen = self.pool.choose(self.key.stock(signers), count, self.clock(), frozenset(among))
        return tuple(bytes(public) for public in self.pool.publics(chosen))

    def participate(
        self, place: Session, requests: Sequence[SigningRequest], record: Callable[[Shares], object]
    ) -> Continue[SharesMsg]:
        """Take part in a signing session; the caller releases what it was granted when it is over.

        Args:
            place: the party's place in it.
            requests: what the party signs, as it has computed from the transaction.
            record: writes down that it did, in the transaction that burns the presignatures.

        Returns:
            The first round.

        Raises:
            RefusedError: the session signs something else.
            EncodingError: the header has no plan.
            PresignatureVoid, PresignatureTaken, SecretReuseError: a presignature is not ready here.

        Security:
            A share leaves only if it holds for the contributions that it is signed with.
        """
        session, plan = place.header.session, SigningPlan.of(place.header)
        if plan.sharing != self.key.sharing or tuple(item.request for item in plan.inputs) != tuple(requests):
            raise RefusedError("sighash", "the session does not sign what this transaction needs signed")

        def burn(contexts: tuple[SigningContext, ...]) -> tuple[Scalar, ...]:
            uses = [Use(context.presignature.id, context.request.digest) for context in contexts]

            def make(held: Sequence[Presignature]) -> list[bytes]:
                pairs = zip(held, contexts, strict=True)
                return [bytes(sign_share(presignature, context)) for presignature, context in pairs]

            stored = self.pool.burn(session, uses, make, self.clock(), record)
            shares = tuple(map(Scalar.from_bytes, stored))
            # a session that is run again after a restart gets the shares of its first run, and has other
            # contributions: together, and signed, they would convict this party
            pairs = zip(contexts, shares, strict=True)
            if not all(context.share_holds(place.me, share) for context, share in pairs):
                raise SecretReuseError("the session was answered before, for other contributions")
            return shares

        ids = [item.presignature.id for item in plan.inputs]
        publics = self.pool.grant(self.key.stock(plan.signers), session, ids, self.clock())
        return sign_rounds.participate(place, self.key.sharing, publics, burn)

    def release(self, session: SessionId) -> None:
        """Take back what a session was granted and has not burnt."""
        self.pool.release(session)
