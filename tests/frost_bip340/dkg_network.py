"""All parties of a ChillDKG session in one process, with a hook for each message."""

from collections.abc import Callable, Sequence

from frost_bip340.dkg import (
    CoordinatorOutput,
    CoordinatorStep1,
    ParticipantOutput,
    ParticipantStep1,
    ParticipantStep2,
    coordinator_finalize,
    coordinator_step1,
    participant_finalize,
    participant_step1,
    participant_step2,
)
from frost_bip340.key_share import KeyShare
from frost_bip340.params import SessionParams, hostpubkey_gen
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import random_scalars

Hook = Callable[[str, int, bytes], bytes]


def honest(_name: str, _party: int, message: bytes) -> bytes:
    return message


class Network:
    """A session; mutate(name, party, message) changes pmsg1 and pmsg2 of a party, or cmsg1, cmsg2 to it."""

    steps1: list[ParticipantStep1]
    coordinator: CoordinatorStep1
    steps2: list[ParticipantStep2]
    outputs: list[ParticipantOutput]

    def __init__(self, t: int, n: int, hostseckeys: Sequence[SecretScalars] = ()) -> None:
        self.hostseckeys = list(hostseckeys) or [random_scalars() for _ in range(n)]
        self.params = SessionParams.of([hostpubkey_gen(key) for key in self.hostseckeys], t)

    def deal(self) -> dict[int, bytes]:
        self.steps1 = [participant_step1(key, self.params, random_scalars()) for key in self.hostseckeys]
        return {i: step.pmsg1 for i, step in enumerate(self.steps1)}

    def step2(self, party: int, cmsg1: bytes) -> ParticipantStep2:
        return participant_step2(self.hostseckeys[party], self.steps1[party].state, cmsg1, SecretSeed.fresh())

    def run(self, mutate: Hook = honest) -> tuple[list[KeyShare], CoordinatorOutput]:
        pmsgs1 = {i: mutate("pmsg1", i, pmsg1) for i, pmsg1 in self.deal().items()}
        self.coordinator = coordinator_step1(pmsgs1, self.params)
        cmsg1 = self.coordinator.cmsg1
        self.steps2 = [self.step2(i, mutate("cmsg1", i, cmsg1)) for i in range(self.params.n)]
        pmsgs2 = {i: mutate("pmsg2", i, step.pmsg2) for i, step in enumerate(self.steps2)}
        final = coordinator_finalize(self.coordinator.state, pmsgs2)
        self.outputs = [
            participant_finalize(step.state, mutate("cmsg2", i, final.cmsg2))
            for i, step in enumerate(self.steps2)
        ]
        return [output.share for output in self.outputs], final
