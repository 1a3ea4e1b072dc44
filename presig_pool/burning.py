"""The one use of a presignature: what was used before, and the transaction that burns and signs.

Burn first: a share, the record of who asked for it and the end of the presignature become durable together.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ecdsa_cggmp.presignature import Presignature
from presig_pool.store import Consumption, PoolStore, ReuseAttempt
from protocol.errors import SecretReuseError

Shares = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """One input of a request.

    Args:
        presignature: id of the one to use.
        sighash: what it signs, 32 bytes, which this signer computed itself.
    """

    presignature: bytes
    sighash: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Burning:
    """What is burnt, and what is made of it.

    Args:
        request: id of the request that was granted it.
        uses: one for each input.
        sign: makes the shares of the presignatures in their order.
        record: writes the audit row.
        time: seconds.
    """

    request: bytes
    uses: Sequence[Use]
    sign: Callable[[Sequence[Presignature]], Sequence[bytes]]
    record: Callable[[Shares], object]
    time: int


def burn(store: PoolStore, burning: Burning) -> None:
    """Sign with presignatures that are READY, in the transaction that burns them.

    Raises:
        PresignatureVoid: the key that sealed one has gone.
        Exception: of sign, record or the store; a share may exist that the store does not know.
    """
    with store.transaction():
        held = store.secrets([use.presignature for use in burning.uses])
        try:
            shares = tuple(burning.sign(held))
        finally:
            for secret in (secret for item in held for secret in item.secrets()):
                secret.wipe()
        store.burn(
            [
                Consumption(use.presignature, burning.request, use.sighash, share, burning.time)
                for use, share in zip(burning.uses, shares, strict=True)
            ]
        )
        burning.record(shares)


def used(
    store: PoolStore, request: bytes, wanted: Sequence[tuple[bytes, bytes | None]], time: int
) -> list[Consumption | None]:
    """Return how presignatures were used by a request, each None before.

    Args:
        store: where they are kept.
        request: id of who asks.
        wanted: ids with the sighash that each is to sign; None where it is not known yet.
        time: seconds.

    Raises:
        SecretReuseError: another request used one, or this one for another sighash; this is written down.
    """
    uses = [store.consumption(item) for item, _ in wanted]
    attempts = [
        ReuseAttempt(item, request, sighash, time)
        for (item, sighash), use in zip(wanted, uses, strict=True)
        if use is not None and (use.request != request or sighash not in (None, use.sighash))
    ]
    if attempts:
        store.note_reuse(attempts)
        raise SecretReuseError("the presignature was used for another request or sighash")
    return uses


def shares_of(uses: Iterable[Consumption | None]) -> Shares:
    """Return the shares that a request has made; none before it made any.

    Raises:
        SecretReuseError: it has made some of them.
    """
    found = list(uses)
    shares = tuple(use.share for use in found if use is not None)
    if shares and len(shares) != len(found):
        raise SecretReuseError("the request was answered with other presignatures")
    return shares
