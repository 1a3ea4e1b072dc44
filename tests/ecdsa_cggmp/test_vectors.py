"""Frozen transcripts: made again they are the same bytes, read they have the same challenges and verdicts."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ecdsa_cggmp.zk import aff_g, elog, enc_elg, fac, mod, prm
from native.range_proof import AffGStatement, EncElgStatement
from protocol.codec import decode

from . import make_vectors
from .levels import TINY
from .make_vectors import COUNT, FOLDER, MAKERS, RHO, Vector, domain, pedersen, proof_keys

every = pytest.mark.parametrize("name", MAKERS)


def vector(name: str) -> Vector:
    made: Vector = json.loads((FOLDER / f"{name}.json").read_text())
    return made


@every
def test_vectors_are_those_of_the_generator(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == make_vectors.text(MAKERS[name]())


def statement(name: str) -> dict[str, bytes]:
    return {key: bytes.fromhex(value) for key, value in vector(name)["statement"].items()}


READERS: dict[str, Callable[..., Any]] = {
    "enc_elg": lambda reader: enc_elg.EncElgProofs.read(reader, TINY, COUNT),
    "aff_g": lambda reader: aff_g.AffGProofs.read(reader, TINY, COUNT),
    "elog": lambda reader: elog.ElogProofs.read(reader, COUNT),
    "prm": lambda reader: prm.PrmProof.read(reader, TINY),
    "mod": lambda reader: mod.ModProof.read(reader, TINY),
    "fac": lambda reader: fac.FacProof.read(reader, TINY),
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
def test_every_frozen_change_is_rejected(name: str) -> None:
    proof, changes = read(name), vector(name)["rejected with last item"]
    assert changes
    for column, value in changes.items():
        assert not HOLDS[name](changed(proof, column, bytes.fromhex(value))), column


def changed(proof: Any, column: str, last: bytes) -> Any:
    for part in ("commitment", "response"):
        columns = getattr(proof, part, None)
        if hasattr(columns, column):
            value = getattr(columns, column)[: -len(last)] + last
            return replace(proof, **{part: replace(columns, **{column: value})})
    return replace(proof, **{column: getattr(proof, column)[: -len(last)] + last})
