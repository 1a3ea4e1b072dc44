"""A signing session with a coordinator, in one process."""

from collections.abc import Callable, Mapping, Sequence

from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, sign_share
from ecdsa_cggmp.sign_messages import Input, SigningPlan
from ecdsa_cggmp.sign_rounds import SPEC, coordinate, participate
from native.curve import Scalar
from protocol.driver import run
from protocol.ids import COORDINATOR, PartyId
from tests.ecdsa_cggmp.network import Parties

Contexts = tuple[SigningContext, ...]


def sign_in_session(
    parties: Parties, made: Mapping[PartyId, Sequence[Presignature]], requests: Sequence[SigningRequest]
) -> tuple[bytes, ...]:
    """Sign each request with the presignature in its place, of which each signer has its share."""
    signers = tuple(sorted(made))
    publics = [item.public for item in made[signers[0]]]
    inputs = (Input(public, request) for public, request in zip(publics, requests, strict=True))
    plan = SigningPlan(publics[0].sharing, signers, tuple(inputs))
    sessions = parties.sessions(SPEC, signers, bytes(plan))
    openings = {
        i: (sessions[i], participate(sessions[i], plan.sharing, publics, _signer(made[i]))) for i in signers
    }
    openings[COORDINATOR] = sessions[COORDINATOR], coordinate(sessions[COORDINATOR])
    return run(openings)[COORDINATOR].result


def _signer(own: Sequence[Presignature]) -> Callable[[Contexts], list[Scalar]]:
    return lambda contexts: [sign_share(item, context) for item, context in zip(own, contexts, strict=True)]
