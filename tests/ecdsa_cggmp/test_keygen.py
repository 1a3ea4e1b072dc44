"""Key generation: everybody ends with the same key and with its share of it, and nobody else does."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecdsa_cggmp import keygen_rounds
from ecdsa_cggmp.keygen_checks import SPEC, GeneratedKey, sch_domain
from ecdsa_cggmp.keygen_messages import PROVE, ProveMsg, RevealMsg, keygen_params, threshold_of
from ecdsa_cggmp.keygen_rounds import participate
from ecdsa_cggmp.zk import sch
from native.curve import G, PointVector, Scalar, mul_base
from native.errors import WipedError
from native.secret import SecretScalars
from protocol.codec import decode
from protocol.errors import EncodingError, SessionTimeout, UnattributedAbort, UsageError
from protocol.ids import COORDINATOR, PartyId
from protocol.resharing.messages import COMMIT, REVEAL
from protocol.session import Session
from protocol.signed import Slot
from protocol.vss import interpolate
from tests.ecdsa_cggmp.keygen_cheats import CHEAT, VICTIM, Keygen, altered
from tests.ecdsa_cggmp.network import Parties


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 5), st.integers(0, 3), st.data())
def test_every_quorum_holds_the_key_that_all_agree_on(t, extra, data):
    n = min(t + extra, 7)
    outcomes = Keygen(n, t).run()
    shares = [outcomes[PartyId(i)].result for i in range(n)]
    assert all(outcome.error is None for outcome in outcomes.values())
    assert [share.party for share in shares] == list(range(n))
    assert len({bytes(share.sharing) + share.chain_code for share in shares}) == 1
    sharing = shares[0].sharing
    assert (sharing.n, sharing.t, sharing.epoch) == (n, t, 0)
    assert [mul_base(share.secshare)[0] for share in shares] == list(sharing.pubshares)
    for _ in range(3):
        quorum = sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=t, max_size=t)))
        key = interpolate(SecretScalars.concat([shares[i].secshare for i in quorum]), quorum)
        assert mul_base(key)[0] == sharing.key


def test_fewer_shares_than_the_threshold_give_another_key():
    shares = [outcome.result for outcome in Keygen(4, 3).run().values()]
    for quorum in itertools.combinations(range(4), 2):
        key = interpolate(SecretScalars.concat([shares[i].secshare for i in quorum]), quorum)
        assert mul_base(key)[0] != shares[0].sharing.key


def test_two_sessions_of_one_group_make_different_keys():
    parties = Parties(3)
    one, other = (Keygen(parties=parties).run()[VICTIM].result for _ in range(2))
    assert one.sharing.key != other.sharing.key
    assert one.chain_code != other.chain_code


def test_key_chain_code_and_rid_depend_on_what_every_party_reveals():
    keygen = Keygen()
    reveals = {i: keygen.reveal(i) for i in keygen.sessions}
    made = GeneratedKey.of(keygen.header, reveals)
    for i, reveal in reveals.items():
        for change in ({"rid": bytes(32)}, {"chain_code": bytes(32)}, {"S": PointVector([G, G])}):
            other = GeneratedKey.of(keygen.header, {**reveals, i: replace(reveal, **change)})
            same = [other.rid == made.rid, other.chain_code == made.chain_code, other.sharing == made.sharing]
            assert same == ["rid" not in change, "chain_code" not in change, "S" not in change]


def test_proof_holds_for_its_prover_rid_and_session_only():
    keygen, other = Keygen(), Keygen()
    outcomes = keygen.run()
    share = outcomes[CHEAT].result
    made = GeneratedKey.of(keygen.header, {i: keygen.reveal(i) for i in keygen.sessions})
    dealing = keygen.dealing(CHEAT)
    z = sch.respond(sch_domain(keygen.header, CHEAT), made.rid, dealing.schnorr, share.secshare)
    A = dealing.reveal.A
    assert made.proves(keygen.header, CHEAT, A, z)
    assert not made.proves(keygen.header, CHEAT, A, z + Scalar(1))
    assert not made.proves(keygen.header, VICTIM, A, z)
    assert not made.proves(other.header, CHEAT, A, z)
    assert not made.proves(keygen.header, CHEAT, A + G, z)
    assert not replace(made, rid=bytes(32)).proves(keygen.header, CHEAT, A, z)


def test_commitment_is_to_everything_the_party_and_the_session():
    keygen = Keygen()
    reveal = keygen.reveal(CHEAT)
    digests = {
        reveal.commitment(keygen.header, CHEAT),
        reveal.commitment(keygen.header, VICTIM),
        reveal.commitment(replace(keygen.header, session=bytes(32)), CHEAT),
        reveal.commitment(replace(keygen.header, params=keygen_params(3)), CHEAT),
    }
    for change in (
        {"rid": bytes(32)},
        {"chain_code": bytes(32)},
        {"S": PointVector([reveal.S[1], reveal.S[0]])},
        {"A": G},
        {"u": bytes(32)},
    ):
        digests.add(replace(reveal, **change).commitment(keygen.header, CHEAT))
    assert len(digests) == 9


@pytest.mark.parametrize("infinite", ["key", "public share"])
def test_dealings_that_cancel_are_refused(infinite):
    """It takes all parties: nobody can be blamed, and nobody gets a share (A-K10)."""
    keygen = Keygen(2, 2)
    first = keygen.reveal(VICTIM)
    S = first.S
    minus = -Scalar(1)
    # F(0) = O, or F(1) = S_0 + S_1 + S'_0 + S'_1 = O
    cancels = [minus * S[0], G] if infinite == "key" else [minus * S[0] + G, minus * S[1] - G]
    reveals = {
        PartyId(0): keygen.reveal(VICTIM),
        PartyId(1): replace(keygen.reveal(VICTIM), S=PointVector(cancels)),
    }
    with pytest.raises(UnattributedAbort, match="key"):
        GeneratedKey.of(keygen.header, reveals)


@pytest.mark.parametrize("params", [b"", b"\0", b"\4", b"\2\0", b"\xff"])
def test_threshold_that_does_not_fit_is_refused(params):
    parties = Parties(3)
    session = parties.sessions(SPEC, params=params)[VICTIM]
    with pytest.raises(EncodingError):
        threshold_of(session.header)
    with pytest.raises(UsageError, match="threshold"):
        participate(session)


def test_key_generation_needs_all_parties_of_the_roster_and_no_coordinator():
    with pytest.raises(UsageError, match="all parties"):
        participate(Parties(3).sessions(SPEC, [0, 1], keygen_params(2))[VICTIM])
    parties = Parties(3, coordinated=True)
    sessions = parties.sessions(SPEC, params=keygen_params(2))
    assert isinstance(sessions[COORDINATOR], Session)
    with pytest.raises(UsageError):
        participate(sessions[COORDINATOR])
    assert participate(sessions[VICTIM])


def test_messages_have_one_encoding_of_a_known_size():
    keygen = Keygen()
    reveal = keygen.reveal(VICTIM)
    assert len(bytes(reveal)) == RevealMsg.size(keygen.header) == 129 + 33 * 2
    read = decode(bytes(reveal), 1 << 10, lambda reader: RevealMsg.read(reader, keygen.header))
    assert read == reveal
    proof = ProveMsg(Scalar(5))
    assert decode(bytes(proof), 32, lambda reader: ProveMsg.read(reader, keygen.header)) == proof
    assert len(bytes(proof)) == ProveMsg.size(keygen.header)


def test_error_and_message_texts_show_neither_chain_code_nor_salt():
    keygen = Keygen()
    text = repr(keygen.reveal(VICTIM)) + repr(keygen.run()[VICTIM].result)
    assert repr(keygen.reveal(VICTIM).chain_code)[2:-1] not in text
    assert repr(keygen.reveal(VICTIM).u)[2:-1] not in text


@pytest.mark.parametrize(
    "slot",
    [
        Slot.broadcast(COMMIT, CHEAT),
        Slot.broadcast(REVEAL, CHEAT),
        Slot.direct(REVEAL, CHEAT, VICTIM),
        Slot.broadcast(PROVE, CHEAT),
    ],
)
def test_silent_party_is_missing_and_not_blamed(slot):
    outcomes = Keygen().run(altered(slot, lambda _: None))
    error = outcomes[VICTIM].error
    assert isinstance(error, SessionTimeout)
    assert CHEAT in error.missing
    assert outcomes[VICTIM].result is None


def test_session_that_fails_on_a_reveal_leaves_no_secret():
    keygen = Keygen()
    drawn = [secret for i in (0, 1) for secret in keygen.openings[PartyId(i)][1].round.secrets()]
    assert len(drawn) == 6
    keygen.run(altered(Slot.broadcast(REVEAL, CHEAT), lambda body: bytes(32) + body[32:]))
    for secret in drawn:
        with pytest.raises(WipedError):
            secret.declassify()


def test_session_that_fails_on_a_proof_leaves_no_share(monkeypatch):
    waiting, shares = keygen_rounds.CollectProofs, []

    def record(share, key, A):
        shares.append(share)
        return waiting(share, key, A)

    monkeypatch.setattr(keygen_rounds, "CollectProofs", record)
    keygen = Keygen()
    keygen.run(altered(Slot.broadcast(PROVE, CHEAT), lambda _: bytes(32)))
    kept = [share for share in shares if share.party != CHEAT]
    assert len(kept) == 2
    for share in kept:
        with pytest.raises(WipedError):
            share.secshare.declassify()
