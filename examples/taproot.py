"""Make a 2-of-3 Taproot key by ChillDKG and sign under one of its child keys with two of the three shares.

All parties run in this process; between machines the same messages go over any transport.
"""

from collections.abc import Sequence

from frost_bip340 import keygen_rounds, signing_rounds
from frost_bip340.dkg import ParticipantOutput
from frost_bip340.params import SessionParams, hostpubkey_gen
from frost_bip340.tweak import TweakContext, derive, output_tweak
from native.entropy import random_bytes
from native.hashing import tagged_hash
from native.schnorr import xonly_key
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import random_scalars
from native.verify import verify_bip340
from protocol.driver import run
from protocol.header import Header
from protocol.ids import COORDINATOR
from protocol.roster import Roster
from protocol.session import Session
from protocol.spec import ProtocolSpec

N, T = 3, 2
SIGNERS = (0, 2)
PATH = (0, 5)


def main() -> None:
    """Run key generation and one signing session."""
    host_keys = {party: random_scalars() for party in (*range(N), COORDINATOR)}
    hostpubkeys = [hostpubkey_gen(host_keys[i]) for i in range(N)]
    roster = Roster(tuple(key[1:] for key in hostpubkeys), xonly_key(host_keys[COORDINATOR]))

    params = SessionParams.of(hostpubkeys, T)
    print(f"parameters to compare out of band  {params.hash().hex()}")
    made = keygen(host_keys, roster, params)
    info = made[0].share.info
    print(f"threshold public key, {T} of {N}       {bytes(info.thresh_pk).hex()}")

    child = derive(info.thresh_pk, made[0].share.chain_code, PATH)
    tweaks = (*child.tweaks, output_tweak(child.public_key, None))
    output_key = TweakContext.of(info.thresh_pk, tweaks).Q
    print(f"Taproot output key at {'/'.join(map(str, PATH))}          {output_key.x_bytes.hex()}")

    sighash = tagged_hash("example", b"what a signer computes itself from the transaction")
    request = signing_rounds.SigningRequest(info, 0, (signing_rounds.Input(sighash, tweaks),))
    sessions = open_session(signing_rounds.SPEC, host_keys, roster, SIGNERS, bytes(request))
    openings = {
        i: (sessions[i], signing_rounds.participate(sessions[i], made[i].share, [SecretSeed.fresh()]))
        for i in SIGNERS
    }
    openings[COORDINATOR] = sessions[COORDINATOR], signing_rounds.coordinate(sessions[COORDINATOR])
    (signature,) = run(openings)[COORDINATOR].result
    print(f"signature of parties {' and '.join(map(str, SIGNERS))}       {signature.hex()}")
    print(f"libsecp256k1 accepts it            {verify_bip340(signature, sighash, output_key.x_bytes)}")


def open_session(
    spec: ProtocolSpec,
    host_keys: dict[int, SecretScalars],
    roster: Roster,
    parties: Sequence[int],
    params: bytes,
) -> dict[int, Session]:
    """Return every party's view of one new session."""
    header = Header(spec.name, spec.version, random_bytes(32), roster.digest, tuple(parties), params)
    return {i: Session(spec, header, roster, i, host_keys[i]) for i in (*parties, COORDINATOR)}


def keygen(
    host_keys: dict[int, SecretScalars], roster: Roster, params: SessionParams
) -> dict[int, ParticipantOutput]:
    """Return what each participant of a key generation ends with."""
    sessions = open_session(keygen_rounds.SPEC, host_keys, roster, range(N), params.enc_context)
    openings = {
        i: (sessions[i], keygen_rounds.participate(sessions[i], random_scalars(), SecretSeed.fresh()))
        for i in range(N)
    }
    openings[COORDINATOR] = sessions[COORDINATOR], keygen_rounds.coordinate(sessions[COORDINATOR])
    outcomes = run(openings)
    return {i: outcomes[i].result for i in range(N)}


if __name__ == "__main__":
    main()
