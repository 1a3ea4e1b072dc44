"""Frozen transcripts: made again they are the same bytes, read they have the same challenges and verdicts."""

import importlib
import json
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import ecdsa_cggmp.zk
from ecdsa_cggmp.zk import aff_g, aff_g_star, dec, elog, enc_elg, fac, mod, prm, sch
from native.curve import Point, Scalar
from native.range_proof import AffGStatement, EncElgStatement
from protocol.codec import decode

from . import make_vectors, session_vectors
from .levels import TINY
from .make_vectors import (
    CHALLENGE,
    COUNT,
    FOLDER,
    MAKERS,
    RHO,
    SchProof,
    Vector,
    domain,
    pedersen,
    proof_keys,
)
from .session_vectors import SESSIONS

every = pytest.mark.parametrize("name", MAKERS)
# what a kernel finds violated is told by a function of this name
KERNELS = {"enc_elg": enc_elg, "aff_g": aff_g, "prm": prm, "mod": mod, "fac": fac}


def vector(name: str) -> Vector:
    made: Vector = json.loads((FOLDER / f"{name}.json").read_text())
    return made


@every
def test_vectors_are_those_of_the_generator(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == make_vectors.text(MAKERS[name]())


@pytest.mark.parametrize("name", SESSIONS)
def test_sessions_are_those_of_the_generator(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == make_vectors.text(session_vectors.vector(name))


def test_every_proof_and_no_other_file_is_there() -> None:
    names = [info.name for info in pkgutil.iter_modules(ecdsa_cggmp.zk.__path__)]
    modules = {name: importlib.import_module(f"ecdsa_cggmp.zk.{name}") for name in names}
    proofs = {name for name, module in modules.items() if {"prove", "respond"} & vars(module).keys()}
    assert proofs == MAKERS.keys()
    assert {path.stem for path in FOLDER.glob("*")} == MAKERS.keys() | SESSIONS.keys()


def statement(name: str) -> dict[str, bytes]:
    return {key: bytes.fromhex(value) for key, value in vector(name)["statement"].items()}


READERS: dict[str, Callable[..., Any]] = {
    "enc_elg": lambda reader: enc_elg.EncElgProofs.read(reader, TINY, COUNT),
    "aff_g": lambda reader: aff_g.AffGProofs.read(reader, TINY, COUNT),
    "elog": lambda reader: elog.ElogProofs.read(reader, COUNT),
    "prm": lambda reader: prm.PrmProof.read(reader, TINY),
    "mod": lambda reader: mod.ModProof.read(reader, TINY),
    "fac": lambda reader: fac.FacProof.read(reader, TINY),
    "sch": SchProof.read,
    "dec": lambda reader: dec.DecProof.read(reader, TINY),
    "aff_g_star": lambda reader: aff_g_star.AffGStarProof.read(reader, TINY),
}
CHALLENGES: dict[str, Callable[[Any], bytes]] = {
    "enc_elg": lambda p: enc_elg._challenges(
        domain("enc_elg"), proof_keys(), EncElgStatement(**statement("enc_elg")), p.commitment, COUNT
    ),
    "aff_g": lambda p: aff_g._challenges(
        domain("aff_g"), proof_keys(), AffGStatement(**statement("aff_g")), p.commitment, COUNT
    ),
    "elog": lambda p: elog._challenges(
        domain("elog"), proof_keys().context, elog.ElogStatement(**statement("elog")), p.commitment, COUNT
    ),
    "prm": lambda p: prm._challenges(domain("prm"), TINY, pedersen(1).parameters, p.A),
    "mod": lambda p: mod._challenges(domain("mod"), TINY, RHO, proof_keys().N_i, p.w),
    "fac": lambda p: fac._challenge(domain("fac"), proof_keys(), RHO, p.commitment),
    "sch": lambda p: bytes(sch._challenge(domain("sch"), RHO, points("sch")["X"], Point.from_bytes(p.A))),
    # the verifier's own commitments must give it
    "dec": lambda p: p.e,
    "aff_g_star": lambda p: p.e,
}
# whether the last of the proofs holds, and no other than it fails
HOLDS: dict[str, Callable[[Any], bool]] = {
    "enc_elg": lambda p: enc_elg.holds(
        domain("enc_elg"), proof_keys(), EncElgStatement(**statement("enc_elg")), p, COUNT - 1
    ),
    "aff_g": lambda p: aff_g.holds(
        domain("aff_g"), proof_keys(), AffGStatement(**statement("aff_g")), p, COUNT - 1
    ),
    "elog": lambda p: elog.holds(
        domain("elog"), proof_keys().context, elog.ElogStatement(**statement("elog")), p, COUNT - 1
    ),
    "prm": lambda p: prm.holds(domain("prm"), TINY, pedersen(1).parameters, p),
    "mod": lambda p: mod.holds(domain("mod"), TINY, RHO, proof_keys().N_i, p),
    "fac": lambda p: fac.holds(domain("fac"), proof_keys(), RHO, p),
    "sch": lambda p: sch.holds(
        domain("sch"), RHO, points("sch")["X"], Point.from_bytes(p.A), Scalar.from_bytes(p.z)
    ),
    "dec": lambda p: dec.holds(domain("dec"), proof_keys(), dec.DecStatement(**points("dec")), p),
    "aff_g_star": lambda p: aff_g_star.holds(
        domain("aff_g_star"), proof_keys(), aff_g_star.AffGStarStatement(**points("aff_g_star")), p
    ),
}


def points(name: str) -> dict[str, Any]:
    """A statement of numbers and points."""
    return {
        key: Point.from_bytes(value) if len(value) == 33 else value for key, value in statement(name).items()
    }


def read(name: str) -> Any:
    data = bytes.fromhex(vector(name)["bytes"])
    return decode(data, len(data), READERS[name])


@every
def test_a_frozen_proof_has_its_challenges_and_holds(name: str) -> None:
    proof = read(name)
    assert CHALLENGES[name](proof).hex() == vector(name)["challenge"]
    assert vector(name)["domain"] == bytes(domain(name)).hex()
    assert vector(name)["context"] == proof_keys().context.hex()
    assert HOLDS[name](proof) is vector(name)["holds"]


@every
def test_every_frozen_change_is_rejected_for_its_reason(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proof, changes = read(name), vector(name)["rejected with last item"]
    found = violations(name, monkeypatch)
    assert changes
    for column, change in changes.items():
        other, reason = changed(proof, column, bytes.fromhex(change["value"])), change["reason"]
        assert not HOLDS[name](other), column
        if name in ("dec", "aff_g_star"):
            assert reason == CHALLENGE
        elif column != "w" or name != "mod":
            assert (CHALLENGES[name](other) != CHALLENGES[name](proof)) == (reason == CHALLENGE)
        if reason != CHALLENGE and name in KERNELS:
            assert {flag.name for flag in found[-1]} == set(reason.split(", ")), column


def violations(name: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the kernel of a proof finds, call after call."""
    found: list[Any] = []
    if name in KERNELS:
        check = getattr(KERNELS[name], f"{name}_violations")
        monkeypatch.setattr(
            KERNELS[name], f"{name}_violations", lambda *given: found.append(check(*given)) or found[-1]
        )
    return found


def changed(proof: Any, column: str, last: bytes) -> Any:
    for part in ("commitment", "response"):
        columns = getattr(proof, part, None)
        if hasattr(columns, column):
            value = getattr(columns, column)[: -len(last)] + last
            return replace(proof, **{part: replace(columns, **{column: value})})
    return replace(proof, **{column: getattr(proof, column)[: -len(last)] + last})
