"""Where the proofs of all protocols belong: what their challenges are bound to besides keys and statement."""

from ecdsa_cggmp import aux_rounds, keygen_checks, presign, presign_statements
from ecdsa_cggmp.presign_failure import CHI, DELTA, Failure, View
from protocol.header import Header
from protocol.ids import EVERYBODY, PartyId
from protocol.transcript import Domain
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties

PROVER, VERIFIER, AT = PartyId(1), PartyId(2), 5


def places(here: Header) -> list[Domain]:
    """The place of every proof of one party."""
    view = View(here, None, TINY, PROVER, {}, {}, {})
    presigning = [
        presign_statements.domain(here, proof, PROVER, verifier, AT)
        for proof, verifier in (
            (presign_statements.ENC_ELG, VERIFIER),
            (presign_statements.GAMMA_LOG, EVERYBODY),
            (presign_statements.AFF_G, VERIFIER),
            (presign_statements.DELTA_LOG, EVERYBODY),
        )
    ]
    failure = [
        place
        for wrong in (DELTA, CHI)
        for place in (
            view.domain("dec", Failure(wrong, AT)),
            view.domain("aff-g*", Failure(wrong, AT), VERIFIER),
        )
    ]
    return [
        keygen_checks.sch_domain(here, PROVER),
        aux_rounds._prm_domain(here, PROVER),
        aux_rounds._mod_domain(here, PROVER),
        aux_rounds._fac_domain(here, PROVER, VERIFIER),
        *presigning,
        *failure,
    ]


def test_every_proof_has_a_place_of_its_own() -> None:
    here = Parties(3).header(presign.presign_spec(TINY), [1, 2])
    assert places(here) == [
        Domain(here, *place)
        for place in (
            (3, PROVER, "sch", EVERYBODY, 0),
            (2, PROVER, "prm", EVERYBODY, 0),
            (3, PROVER, "mod", EVERYBODY, 0),
            (3, PROVER, "fac", VERIFIER, 0),
            (1, PROVER, "enc-elg", VERIFIER, AT),
            (2, PROVER, "elog Gamma", EVERYBODY, AT),
            (2, PROVER, "aff-g", VERIFIER, AT),
            (3, PROVER, "elog Delta", EVERYBODY, AT),
            (4, PROVER, "dec delta", EVERYBODY, AT),
            (4, PROVER, "aff-g* delta", VERIFIER, AT),
            (4, PROVER, "dec chi", EVERYBODY, AT),
            (4, PROVER, "aff-g* chi", VERIFIER, AT),
        )
    ]
    assert len({bytes(place) for place in places(here)}) == len(places(here))
