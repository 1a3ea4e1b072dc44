"""Vectors of BIP-445 as objects of the package."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frost_bip340.key_share import KeyShare, ThresholdInfo
from frost_bip340.nonce import SecNonce
from frost_bip340.session import SigningSession
from frost_bip340.tweak import Tweak
from native.secret import SecretScalars

VECTORS = Path(__file__).parents[1] / "vectors" / "bip-0445"


def unhex(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def load(name: str) -> dict[str, Any]:
    return json.loads((VECTORS / name).read_text())


def cases(kind: str, *names: str) -> list[Any]:
    """Return (group, case) of all groups of the files."""

    def walk() -> Iterator[Any]:
        for name in names:
            for group in load(name)["test_groups"]:
                for case in group.get(kind, ()):
                    folder = name.partition("/")[0]
                    yield pytest.param(group, case, id=f"{folder}-{group['tg_id']}-{case['tc_id']}")

    return list(walk())


def info_of(group: dict[str, Any], case: dict[str, Any]) -> ThresholdInfo:
    """Return the key of a case; the public shares of its signers, or all when it names none."""
    n, indices = group["n"], case.get("pubshare_indices")
    pubshares: list[bytes | None] = [None] * n
    if indices is None:
        pubshares = [unhex(P) for P in group["pubshares"][:n]]
    else:
        for party, index in zip(case["ids"], indices, strict=True):
            pubshares[party] = unhex(group["pubshares"][index])
    return ThresholdInfo.from_bytes(group["t"], unhex(group["thresh_pk"]), pubshares)


def share_of(group: dict[str, Any], case: dict[str, Any]) -> KeyShare:
    secshare = SecretScalars.from_bytes(unhex(group["secshares"][case["secshare_index"]]))
    return KeyShare(info_of(group, case), case["signer_id"], secshare, bytes(32))


def secnonce_of(group: dict[str, Any], case: dict[str, Any]) -> SecNonce:
    return SecNonce(SecretScalars.from_bytes(unhex(group["secnonces"][case["secnonce_index"]]), 2))


def pubnonces_of(group: dict[str, Any], case: dict[str, Any]) -> dict[int, bytes]:
    pool = (unhex(group["pubnonces"][index]) for index in case["pubnonce_indices"])
    return dict(zip(case["ids"], pool, strict=True))


def tweaks_of(group: dict[str, Any], case: dict[str, Any]) -> tuple[Tweak, ...]:
    values = case.get("tweaks")
    if values is None:
        values = [group["tweaks"][index] for index in case.get("tweak_indices", ())]
    flags = case.get("is_xonly", ())
    return tuple(Tweak.from_bytes(unhex(t), is_xonly=x) for t, x in zip(values, flags, strict=True))


def session_of(group: dict[str, Any], case: dict[str, Any]) -> SigningSession:
    info = info_of(group, case)
    tweaks = tweaks_of(group, case)
    return SigningSession(info, tuple(case["ids"]), unhex(case["aggnonce"]), unhex(case["msg"]), tweaks)


def psigs_of(case: dict[str, Any]) -> dict[int, bytes]:
    # a list of another length than the ids' loses or gains a signer
    return dict(zip([*case["ids"], *range(100, 110)], [unhex(s) for s in case["psigs"]], strict=False))


def blamed(case: dict[str, Any]) -> dict[int, str]:
    """Return the culprits that an InvalidContributionError names."""
    return {case["ids"][case["error"]["signer_index"]]: case["error"]["contrib"]}
