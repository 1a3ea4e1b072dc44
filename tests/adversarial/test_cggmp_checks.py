"""Every check of CGGMP24 is violated by somebody, who is named for it and convicted in a fresh process.

What the protocols check is read from their specifications, and what else they raise from their source: a new
check without a violation here fails these tests.
"""

import ast
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import pytest

import ecdsa_cggmp
from ecdsa_cggmp.presign_failure_checks import AFF_G_STAR, DEC
from ecdsa_cggmp.resharing import RESHARING, begin_resharing
from ecdsa_cggmp.sign_rounds import SHARE
from frost_bip340.resharing import REPAIR as FROST_REPAIR
from frost_bip340.resharing import RESHARING as FROST_RESHARING
from native.curve import ORDER, G, PointVector, Scalar
from native.errors import NativeError
from protocol import resharing
from protocol.driver import Outcome, run
from protocol.errors import EncodingError, FaultyPartyError, UnattributedAbort, UsageError
from protocol.evidence import Evidence
from protocol.ids import COORDINATOR as COORDINATOR_ID
from protocol.ids import PartyId
from protocol.machine import SessionMachine
from protocol.resharing import dealing
from protocol.resharing.key import plan_refresh, plan_repair
from protocol.resharing.messages import SHARE as SHARE_ROUND
from protocol.resharing.messages import CommitMsg
from protocol.resharing.plan import Plan
from protocol.roster import Roster
from protocol.signed import Kind, Slot
from protocol.spec import Claim
from tests.adversarial import test_cggmp_moduli
from tests.adversarial import test_cggmp_presign as presigning
from tests.adversarial import test_cggmp_presign_fields as fields
from tests.ecdsa_cggmp import test_aux_rounds as aux
from tests.ecdsa_cggmp import test_keygen, test_resharing, test_sign
from tests.ecdsa_cggmp import test_keygen_cheats as keygen
from tests.ecdsa_cggmp import test_presign_failure as failure
from tests.ecdsa_cggmp import test_sign_rounds as signing
from tests.ecdsa_cggmp.fresh_verifier import specs
from tests.ecdsa_cggmp.keygen_cheats import Keygen, altered, flipped
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import CHAIN_CODE, Parties, all_judged, dealt
from tests.frost_bip340 import test_refresh
from tests.frost_bip340.resharing_cheats import dealing_of, with_reveal

SPECS = specs(TINY.prime_bits)
CHEAT, VICTIM = PartyId(1), PartyId(0)

Verdict = tuple[Roster, BaseException | None]


def seen_by(victim: int, roster: Roster, outcomes: Mapping[PartyId, Outcome]) -> Verdict:
    return roster, outcomes[PartyId(victim)].error


# one violation of each check


def violated_keygen(name: str) -> Verdict:
    session = Keygen()
    return seen_by(0, session.parties.roster, session.run(keygen.CHEATS[name][1](session)))


def violated_aux(tamper_or_liar: object) -> Verdict:
    lies = isinstance(tamper_or_liar, aux.Liar)
    outcomes = tamper_or_liar.run() if lies else aux.parties(2).aux(tamper_or_liar)
    return seen_by(0, aux.parties(2).roster, outcomes)


def violated_presigning(check: str) -> Verdict:
    parties = Parties(2)
    outcomes = parties.presign(dealt(2, 2), (0, 1), tamper=presigning.VIOLATIONS[check])
    return seen_by(0, parties.roster, outcomes)


def failed(session: failure.Failed) -> Verdict:
    """As signer 2 sees it, to whom nobody has lied in particular."""
    return seen_by(2, session.parties.roster, session.outcomes)


def wrong_signature_share() -> Verdict:
    def plus_one(body: bytes) -> bytes:
        return body[:-32] + ((int.from_bytes(body[-32:], "big") + 1) % ORDER).to_bytes(32, "big")

    session = signing.Signing(1)
    outcomes = session.run(signing.mutation(signing.LIAR, 3, plus_one))
    return session.parties.roster, outcomes[signing.COORDINATOR].error


def violated_resharing(check: str) -> Verdict:
    parties, shares = Parties(3), dealt(3, 2)
    plan = plan_refresh(shares[0].sharing, CHAIN_CODE)
    sessions = parties.sessions(RESHARING, params=bytes(plan))
    openings = {i: (s, begin_resharing(s, CHAIN_CODE, shares[i])) for i, s in sessions.items()}
    honest, tamper = openings[CHEAT], None
    reveal = dealing_of(honest).reveal
    if check == "commitment":
        openings[CHEAT] = with_reveal(honest, replace(reveal, salt=bytes(32)), committed=reveal)
    elif check == "knowledge":
        openings[CHEAT] = with_reveal(honest, replace(reveal, z=reveal.z + Scalar(1)))
    elif check == "constant":
        with (
            patch.object(dealing, "_constant", lambda _plan, _me, secshare: secshare),
            patch.object(Plan, "constant", lambda plan, party: plan.old.pubshares[party]),
        ):
            openings[CHEAT] = sessions[CHEAT], begin_resharing(sessions[CHEAT], CHAIN_CODE, shares[CHEAT])
    else:
        tamper = altered(Slot.direct(SHARE_ROUND, CHEAT, VICTIM), flipped(-1))
    return seen_by(0, parties.roster, run(openings, tamper))


# by protocol and check
VIOLATIONS: dict[tuple[str, str], Callable[[], Verdict]] = {
    ("CGGMP24 keygen", "commitment"): lambda: violated_keygen("rid changed"),
    ("CGGMP24 keygen", "share"): lambda: violated_keygen("wrong share"),
    ("CGGMP24 keygen", "sch"): lambda: violated_keygen("z changed"),
    ("CGGMP24 aux", "commitment"): lambda: violated_aux(aux.flip(aux.REVEAL, Kind.BROADCAST)),
    ("CGGMP24 aux", "modulus"): lambda: violated_aux(aux.Liar(aux.with_public(N=0))),
    ("CGGMP24 aux", "prm"): lambda: violated_aux(aux.Liar(aux.with_public(s=1))),
    ("CGGMP24 aux", "mod"): lambda: violated_aux(aux.flip(aux.PROVE, Kind.BROADCAST, 300)),
    ("CGGMP24 aux", "fac"): lambda: violated_aux(aux.flip(aux.PROVE, Kind.DIRECT, 300)),
    **{
        ("CGGMP24 presign", check): lambda check=check: violated_presigning(check)
        for check in presigning.VIOLATIONS
    },
    ("CGGMP24 presign", DEC): lambda: failed(failure.wrong_delta()),
    ("CGGMP24 presign", AFF_G_STAR): lambda: failed(failure.two_friends()),
    ("CGGMP24 sign", SHARE): wrong_signature_share,
    **{
        ("CGGMP24 resharing", check): lambda check=check: violated_resharing(check)
        for check in ("commitment", "constant", "knowledge", "share")
    },
}


# a part of a lost share is sent in a repair, which ECDSA keys have not: tests/frost_bip340/test_repair.py
UNREACHABLE = {("CGGMP24 resharing", "part")}


@cache
def violated(protocol: str, check: str) -> tuple[Verdict, float]:
    begin = time.process_time()
    return VIOLATIONS[protocol, check](), time.process_time() - begin


def calls(package: ModuleType, *names: str) -> Iterator[tuple[str, ast.Call]]:
    """The calls of functions in the source of a package, with their modules."""
    for path in Path(package.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                yield path.stem, node


def test_every_check_of_every_protocol_has_a_violation() -> None:
    made = [call.args[0] for _, call in calls(ecdsa_cggmp, "ProtocolSpec", "resharing_spec")]
    assert sorted(ast.literal_eval(name) for name in made) == sorted(SPECS)
    checks = {(name, check) for name, spec in SPECS.items() for check in spec.checks}
    assert VIOLATIONS.keys() | UNREACHABLE == checks


@pytest.mark.parametrize(("protocol", "check"), VIOLATIONS)
def test_violation_names_its_author_in_bounded_time(protocol: str, check: str) -> None:
    (_, error), seconds = violated(protocol, check)
    assert isinstance(error, FaultyPartyError), error
    (evidence,) = error.evidence
    assert error.culprits == {evidence.culprit: check}
    assert evidence.header.protocol == protocol
    assert seconds < 20


def test_a_fresh_process_convicts_them_all() -> None:
    cases: list[tuple[Roster, Evidence]] = []
    for place in VIOLATIONS:
        (roster, error), _ = violated(*place)
        assert isinstance(error, FaultyPartyError)
        cases += [(roster, proof) for proof in error.evidence]
    assert all_judged(cases) == [f"{proof.culprit} {proof.check}" for _, proof in cases]


@pytest.mark.parametrize(("protocol", "check"), VIOLATIONS)
def test_what_a_coordinator_says_in_the_place_of_a_party_crashes_no_check(protocol: str, check: str) -> None:
    (roster, error), _ = violated(protocol, check)
    assert isinstance(error, FaultyPartyError)
    (proof,) = error.evidence

    def moved(slot: Slot) -> Slot:
        return replace(slot, sender=COORDINATOR_ID) if slot.sender == proof.culprit else slot

    messages = {moved(m.slot): replace(m, slot=moved(m.slot)) for m in proof.messages}
    claim = Claim(SPECS[protocol], proof.header, roster, COORDINATOR_ID, messages)
    with suppress(EncodingError, NativeError):  # what evidence takes for a fault that is not proved
        SPECS[protocol].checks[check](claim)


def test_repair_is_no_resharing_of_ecdsa_keys() -> None:
    shares = dealt(3, 2)
    plan = plan_repair(shares[0].sharing, CHAIN_CODE, [0, 1], 2)
    session = Parties(3).sessions(RESHARING, params=bytes(plan))[VICTIM]
    with pytest.raises(UsageError, match="repair"):
        begin_resharing(session, CHAIN_CODE, shares[0])


def test_message_of_the_other_scheme_is_not_signed_for_this_one() -> None:
    """The same protocol, plan, parties and session id, under the name that FROST gives it."""
    parties, shares = Parties(3), dealt(3, 2)
    plan = bytes(plan_refresh(shares[0].sharing, CHAIN_CODE))
    ours = parties.sessions(RESHARING, params=plan)[VICTIM]
    theirs = parties.sessions(FROST_RESHARING, params=plan)[CHEAT]
    theirs = replace(theirs, header=replace(theirs.header, session=ours.header.session))
    machine, _ = SessionMachine.begin(ours, begin_resharing(ours, CHAIN_CODE, shares[VICTIM]))
    body = bytes(CommitMsg(bytes(32), PointVector([G] * 3)))
    message = theirs.sign(Slot.broadcast(1, CHEAT), body)
    with pytest.raises(UnattributedAbort) as caught:
        machine.receive(CHEAT, message.envelope(theirs.header))
    assert caught.value.check == "signature"
    assert not {spec.name for spec in (FROST_RESHARING, FROST_REPAIR)} & SPECS.keys()


# what is raised without evidence


def raised(package: ModuleType) -> Iterator[tuple[str, str, str]]:
    """Module, error and check, as it is written, of everything that is raised without evidence."""
    for module, call in calls(package, *ERRORS):
        (argument, *_), name = call.args, ast.unparse(call.func)
        if name == "FaultyPartyError":
            # FaultyPartyError(dict.fromkeys(culprits, check))
            assert isinstance(argument, ast.Call)
            argument = argument.args[1]
        yield module, name, ast.unparse(argument)


FAULTY, COORDINATOR, NOBODY = ERRORS = "FaultyPartyError", "FaultyCoordinatorError", "UnattributedAbort"
# who hits it
ABORTS = {
    ("aux_rounds", FAULTY, "'gcd'"): test_cggmp_moduli.test_modulus_of_a_peer_with_right_proofs,
    ("aux_rounds", NOBODY, "'gcd'"): test_cggmp_moduli.test_modulus_of_a_peer_with_right_proofs,
    ("keygen_checks", NOBODY, "'key'"): test_keygen.test_dealings_that_cancel_are_refused,
    (
        "presign_rounds",
        NOBODY,
        "check",
    ): presigning.test_proof_that_fails_here_but_not_as_evidence_is_not_taken,
    ("presign_rounds", NOBODY, "'Gamma'"): fields.test_sum_of_all_Gamma_may_not_be_infinity,
    ("presign_rounds", NOBODY, "'delta'"): fields.test_delta_may_not_be_zero,
    ("presign_failure_round", NOBODY, "self.sum"): failure.test_a_fault_of_nobody_is_blamed_on_nobody,
    ("sign_rounds", FAULTY, "'contributions'"): signing.test_share_for_other_contributions_is_not_taken,
    (
        "sign_rounds",
        COORDINATOR,
        "'contributions'",
    ): signing.test_coordinator_that_changes_a_contribution_is_found_by_its_owner,
    ("sign", FAULTY, "'signature share'"): test_sign.test_each_wrong_share_is_named,
    ("sign", NOBODY, "'signature'"): test_sign.test_shares_that_hold_and_add_up_to_nothing_blame_nobody,
    (
        "handover",
        FAULTY,
        "'confirmation'",
    ): test_refresh.test_certificate_needs_the_confirmation_of_every_party,
    ("handover", NOBODY, "'certificate'"): test_refresh.test_certificate_that_does_not_hold_changes_nothing,
    ("rounds", NOBODY, "'public share'"): test_resharing.test_new_public_share_at_infinity_blames_nobody,
}


def test_every_error_without_evidence_has_its_test() -> None:
    assert {*raised(ecdsa_cggmp), *raised(resharing)} == ABORTS.keys()


# the table of attacks


def table_of_attacks() -> list[list[str]]:
    text = (Path(ecdsa_cggmp.__path__[0]) / "PAPER.md").read_text()
    _, _, section = text.partition("\n## Attacks\n")
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return rows[1:]


def test_every_test_in_the_table_of_attacks_exists() -> None:
    tests = Path(__file__).parents[1]
    there = {
        node.name
        for path in tests.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    rows = table_of_attacks()
    assert len(rows) > 40
    for attack, _, named in rows:
        names = named.replace("`", "").split(", ")
        assert there.issuperset(names), (attack, sorted(set(names) - there))


# how many of each group the catalogue has
CATALOGUE = {"M": 11, "Z": 13, "E": 5, "K": 10, "S": 8, "N": 15}
NO_BUDGETS = "A-N14"


def test_every_attack_of_the_catalogue_is_in_the_table() -> None:
    listed = set()
    for attack, _, _ in table_of_attacks():
        listed |= set(re.findall(r"A-[A-Z]\d+", attack))
        for group, first, last in re.findall(r"A-([A-Z])(\d+) to A-\1(\d+)", attack):
            listed |= {f"A-{group}{number}" for number in range(int(first), int(last) + 1)}
    catalogue = {f"A-{group}{at + 1}" for group, count in CATALOGUE.items() for at in range(count)}
    assert catalogue - listed == {NO_BUDGETS}


def test_the_table_of_attacks_has_every_check() -> None:
    listed = {name for _, refused, _ in table_of_attacks() for name in re.findall("`([^`]+)`", refused)}
    for _, check in VIOLATIONS:
        # "enc-elg" stands for "enc-elg K" and "enc-elg G"
        assert check in listed or check.split()[0] in listed, check
