"""Addresses of output scripts: segwit (BIP-173, BIP-350) and Base58Check (P2PKH, P2SH)."""

import re
from typing import Final

from bitcointx import segwit_addr
from bitcointx.base58 import Base58ChecksumError, Base58Error, CBase58Data

from wallet.errors import MalformedError, NetworkMismatchError
from wallet.network import NETWORKS, Network
from wallet.script import ScriptType, p2pkh, p2sh, script_type, witness_program

MAX_LENGTH: Final = 90  # BIP-173

_OURS: Final = {network.hrp for network in NETWORKS.values()}
_TYPO: Final = "compare it with its source, character by character"


def encode(script: bytes, network: Network) -> str:
    """Return the address of an output script; a segwit address is in lower case.

    Raises:
        MalformedError: a script of this kind has no address.
    """
    program = witness_program(script)
    if program is not None:
        text = segwit_addr.encode(network.hrp, *program)
        if text is not None:
            return text
    kind = script_type(script)
    if kind is ScriptType.P2PKH:
        return str(CBase58Data.from_bytes(bytes([network.p2pkh]) + script[3:23]))
    if kind is ScriptType.P2SH:
        return str(CBase58Data.from_bytes(bytes([network.p2sh]) + script[2:22]))
    raise MalformedError("this output script has no address")


def decode(text: str, network: Network) -> bytes:
    """Return the output script that an address pays.

    Witness versions that have no meaning yet are decoded too, as Bitcoin Core does (BIP-350): wallet.script
    tells them as WITNESS_UNKNOWN.

    Args:
        text: in upper or in lower case where it is a segwit address; white space around it is ignored.
        network: of the wallet.

    Raises:
        MalformedError: it is no address; the text says what is wrong with it.
        NetworkMismatchError: it is an address of another network.
    """
    plain = text.strip()
    if not plain:
        raise MalformedError("the address is empty")
    if len(plain) > MAX_LENGTH:
        raise MalformedError(
            f"an address has at most {MAX_LENGTH} characters and this has {len(plain)}",
            "Lightning invoices and silent payment addresses are not supported",
        )
    if re.search(r"\s", plain):
        raise MalformedError("an address has no spaces", "remove them")
    if plain[:8].lower() == "bitcoin:":
        raise MalformedError("this is a payment URI and no address", "give only what is between : and ?")
    prefix = next((hrp for hrp in _OURS if plain.lower().startswith(hrp + "1")), None)
    if prefix is not None:
        return _decode_segwit(plain, prefix, network)
    if segwit_addr.bech32_decode(plain)[0] is not None:
        raise MalformedError(
            f"an address that begins with {plain.rpartition('1')[0]}1 is of no Bitcoin network"
        )
    return _decode_base58(plain, network)


def grouped(address: str) -> str:
    """Return an address in groups of four characters, to be compared by eye."""
    return " ".join(address[i : i + 4] for i in range(0, len(address), 4))


def _decode_segwit(text: str, prefix: str, network: Network) -> bytes:
    if text not in (text.lower(), text.upper()):
        raise MalformedError("the address mixes upper and lower case", _TYPO)
    data = text.lower()[len(prefix) + 1 :]
    wrong = next((c for c in data if c not in segwit_addr.CHARSET), None)
    if wrong is not None:
        raise MalformedError(f"the address has the character {wrong!r}, which no segwit address has", _TYPO)
    encoding, _, values = segwit_addr.bech32_decode(text)
    if encoding is None or values is None:
        raise MalformedError("the address has a typo: its checksum does not hold", _TYPO)
    version, program = segwit_addr.decode(prefix, text)
    if version is None or program is None:
        raise MalformedError(_why_no_program(encoding, values))
    _check_network({n.name for n in NETWORKS.values() if n.hrp == prefix}, network)
    return bytes([0x50 + version if version else 0, len(program)]) + program


def _why_no_program(encoding: segwit_addr.Encoding, values: list[int]) -> str:
    """Say why the data part of a Bech32 string with a good checksum is no witness program."""
    if not values:
        return "the address is empty after its prefix"
    version = values[0]
    if version > 16:
        return f"the address has witness version {version}, and there are only 0 to 16"
    if (encoding is segwit_addr.Encoding.BECH32) != (version == 0):
        right, wrong = ("Bech32", "Bech32m") if version == 0 else ("Bech32m", "Bech32")
        return f"the address has a {wrong} checksum, and witness version {version} takes {right} (BIP-350)"
    program = segwit_addr.convertbits(values[1:], 5, 8, False)
    if program is None:
        return "the address has bits left over at its end"
    return (
        f"the address has a witness program of {len(program)} bytes, which version {version} does not allow"
    )


def _decode_base58(text: str, network: Network) -> bytes:
    if not 26 <= len(text) <= 35:  # 25 bytes in Base58
        raise MalformedError("this is no Bitcoin address", _TYPO)
    try:
        data = bytes(CBase58Data(text))
    except Base58ChecksumError as e:
        raise MalformedError("the address has a typo: its checksum does not hold", _TYPO) from e
    except Base58Error as e:
        raise MalformedError("this is no Bitcoin address", _TYPO) from e
    if len(data) != 21:
        raise MalformedError(f"an address of this kind holds 21 bytes and this holds {len(data)}")
    version, digest = data[0], data[1:]
    names = {n.name for n in NETWORKS.values() if version in (n.p2pkh, n.p2sh)}
    if not names:
        raise MalformedError("the first character shows that this address is of no Bitcoin network")
    _check_network(names, network)
    return p2pkh(digest) if version == network.p2pkh else p2sh(digest)


def _check_network(names: set[str], network: Network) -> None:
    if network.name not in names:
        *others, last = (name for name in NETWORKS if name in names)
        listed = f"{', '.join(others)} or {last}" if others else last
        raise NetworkMismatchError(f"this is a {listed} address, the wallet is on {network}")
