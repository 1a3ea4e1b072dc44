"""Signers of one CGGMP24 group in this process, and what they do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from time import process_time
from unittest.mock import patch

from ecdsa_cggmp import keygen_rounds, presign
from ecdsa_cggmp.keygen_checks import SPEC as KEYGEN
from ecdsa_cggmp.keygen_messages import keygen_params
from ecdsa_cggmp.parallel import for_each
from ecdsa_cggmp.params import Params
from ecdsa_cggmp.presign_failure import Defender
from ecdsa_cggmp.presign_failure_round import CollectDefences
from ecdsa_cggmp.presign_messages import EncryptMsg, EncryptProofMsg, MultiplyMsg, RevealMsg
from ecdsa_cggmp.presign_rounds import CollectProducts
from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, combine, sign_share
from native.curve import Scalar
from native.entropy import random_bytes
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_infos, dealt, presign_plan
from tests.ecdsa_cggmp.presignatures import context, presignature, secret_key
from tests.ecdsa_cggmp.test_presign_failure import cheating, delta_off

ECHO = 96  # bytes of an entry for each signer


class Presigning:
    """Presigning among the first t of n parties.

    Args:
        t, n: threshold and parties.
        params: the level.
        tables: whether every signer has made its tables of randomness, as a node has.
    """

    def __init__(self, t: int, n: int, params: Params = TINY, *, tables: bool = False) -> None:
        self.t, self.params = t, params
        self.parties, self.shares = Parties(n), dealt(n, t)
        self.aux = aux_infos(n, params)[:t]
        self.key = secret_key(self.shares[:t])
        if tables:
            todo = [(i, j) for i in range(t) for j in range(t) if self.aux[i].table(j) is None]
            for_each(todo, lambda pair: self.aux[pair[0]].build_table(pair[1]))

    def run(self, batch: int) -> list[tuple[Presignature, ...]]:
        """Make a batch, as all signers."""
        plan = bytes(presign_plan(self.shares, range(self.t), batch, self.params))
        sessions = self.parties.sessions(presign.presign_spec(self.params), range(self.t), plan)
        outcomes = self.parties.run(
            sessions, lambda s: presign.participate(s, self.shares[s.me], self.aux[s.me])
        )
        return [outcome.result for outcome in outcomes.values()]

    def fail(self) -> tuple[float, float]:
        """Let one signer send a wrong delta; return the CPU ms of a defence and of verifying the peers'."""
        with (
            timed(Defender, "defend") as defending,
            timed(CollectDefences, "finish") as judging,
            cheating(CollectProducts, {self.t - 1: delta_off(0)}),
        ):
            self.run(1)
        return 1e3 * min(defending), 1e3 * min(judging)

    def signing(self) -> tuple[tuple[Presignature, ...], SigningContext]:
        """Return a presignature and what to sign with it."""
        made = presignature(self.shares[0].sharing, self.key, range(self.t))
        return made, context(made, SigningRequest(random_bytes(32), Scalar(1)))

    def sign(self, clock: Callable[[], float]) -> float:
        """Return the ms from the request to a verified signature, at the signer that combines."""
        made, item = self.signing()
        others = {i.party: sign_share(i, item) for i in made[1:]}
        start = clock()
        mine = SigningContext(item.presignature, item.request, item.contributions)
        combine(mine, {made[0].party: sign_share(made[0], mine), **others})
        return 1e3 * (clock() - start)


presigning = cache(Presigning)


@contextmanager
def timed(cls: type, name: str) -> Iterator[list[float]]:
    """Collect the CPU seconds of all threads that each call of a method takes."""
    method, taken = getattr(cls, name), []

    def measured(*args: object) -> object:
        start = process_time()
        try:
            return method(*args)
        finally:
            taken.append(process_time() - start)

    with patch.object(cls, name, measured):
        yield taken


def keygen(t: int, n: int) -> None:
    """Generate a key, as all parties."""
    parties = Parties(n)
    parties.run(parties.sessions(KEYGEN, params=keygen_params(t)), keygen_rounds.participate)


def signer_bytes(params: Params, signers: int, batch: int = 32) -> float:
    """Return the bytes that a signer sends for one presignature, a broadcast to every peer, with echoes."""
    peers = signers - 1
    direct = EncryptProofMsg.size(params, batch)
    broadcast = (
        EncryptMsg.size(params, batch),
        MultiplyMsg.size(params, batch, peers),
        RevealMsg.size(batch),
        2 * ECHO * signers,
    )
    return peers * (direct + sum(broadcast)) / batch
