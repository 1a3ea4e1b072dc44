"""Output descriptors of one key: wpkh() and tr() (BIP-380, 382, 386) with multipath steps (BIP-389)."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from wallet.account import Account, Branch, output_script
from wallet.bip32 import HARDENED, ExtendedKey
from wallet.errors import MalformedError
from wallet.network import Network
from wallet.script import ScriptType

MAX_LENGTH: Final = 1000  # characters; an account's descriptor has about 150
CHECKSUM_LENGTH: Final = 8

# BIP-380, Character Set and Checksum
_INPUT: Final = (
    "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
)
_OUTPUT: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)

_FUNCTIONS: Final = {"wpkh": ScriptType.P2WPKH, "tr": ScriptType.P2TR}
_NAMES: Final = {kind: name for name, kind in _FUNCTIONS.items()}
_SUPPORTED: Final = "supported are wpkh(KEY) and tr(KEY), each with one extended public key"

_SCRIPT = re.compile(r"([a-z_]{1,20})\((.*)\)")
_KEY = re.compile(r"(?:\[([^][]*)\])?([^][/]+)((?:/[^/]+)*)")
_ORIGIN = re.compile(r"([0-9a-fA-F]{8})((?:/[0-9]{1,10}[h']?)*)")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_HARDENED_STEP = re.compile(r"[h'H](?:[;>]|$)")


def checksum(text: str) -> str:
    """Return the checksum of a descriptor, 8 characters (BIP-380, Checksum).

    Args:
        text: without # and what follows it.

    Raises:
        MalformedError: it has a character that no descriptor has.
    """
    state = 1
    for symbol in (*_symbols(text), *bytes(CHECKSUM_LENGTH)):
        top = state >> 35
        state = (state & 0x7FFFFFFFF) << 5 ^ symbol
        for i, generator in enumerate(_GENERATOR):
            state ^= generator if top >> i & 1 else 0
    state ^= 1
    return "".join(_OUTPUT[state >> 5 * (7 - i) & 31] for i in range(CHECKSUM_LENGTH))


def _symbols(text: str) -> Iterator[int]:
    """Yield the place of each character in its group, and after each third the three groups as one symbol."""
    groups = 0
    for i, character in enumerate(text, 1):
        place = _INPUT.find(character)
        if place < 0:
            raise MalformedError(f"character {i} of the descriptor is one that no descriptor has")
        yield place & 31
        groups = groups * 3 + (place >> 5)
        if i % 3 == 0:
            yield groups
            groups = 0
    if len(text) % 3:
        yield groups


@dataclass(frozen=True, slots=True)
class KeyOrigin:
    """Where the key of a descriptor comes from (BIP-380, Key Expressions).

    Args:
        fingerprint: of the key that the path starts from, 4 bytes.
        path: from there to the key; a hardened index has 2^31 added.
    """

    fingerprint: bytes
    path: tuple[int, ...] = ()

    def __str__(self) -> str:
        steps = (f"/{i - HARDENED}h" if i >= HARDENED else f"/{i}" for i in self.path)
        return f"[{self.fingerprint.hex()}{''.join(steps)}]"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor of one extended public key.

    Args:
        kind: P2WPKH or P2TR; P2TR without a script path.
        key: what the steps start from.
        network: where it lives.
        origin: where the key comes from, if it is told.
        steps: below the key, each 0..2^31-1. One of them may be a tuple of distinct alternatives, each of
            which makes a descriptor of its own: the first receives, the second is for change (BIP-389).
        ranged: whether a last step /* follows.

    Raises:
        MalformedError: the kind is another, or the steps break a rule.
    """

    kind: ScriptType
    key: ExtendedKey
    network: Network
    origin: KeyOrigin | None = None
    steps: tuple[int | tuple[int, ...], ...] = ((0, 1),)
    ranged: bool = True

    def __post_init__(self) -> None:
        if self.kind not in _NAMES:
            raise MalformedError("a descriptor of this kind is not supported", _SUPPORTED)
        tuples = [step for step in self.steps if isinstance(step, tuple)]
        if len(tuples) > 1:
            raise MalformedError("a descriptor has more than one <...> step")
        if any(len(step) < 2 or len(set(step)) != len(step) for step in tuples):
            raise MalformedError("a <...> step of a descriptor takes two or more different numbers")
        singles = [i for step in self.steps for i in (step if isinstance(step, tuple) else (step,))]
        if not all(0 <= i < HARDENED for i in singles):
            raise MalformedError("a step of a descriptor is out of range: it is 0..2147483647")
        if self.key.depth + len(self.steps) + self.ranged > 255:
            raise MalformedError("a descriptor has more steps than an extended key can take")

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return the multipath descriptor of an account, with the fingerprint of its own key as the origin.

        A threshold key has no seed: an origin such as 84h/0h/0h would have recovery tools look for one.
        """
        return cls(account.kind, account.key, account.network, KeyOrigin(account.key.fingerprint))

    @classmethod
    def parse(cls, text: str, network: Network) -> Self:
        """Read a descriptor, with or without its checksum.

        Raises:
            MalformedError: the checksum is wrong, or it is malformed or not supported; the text says which.
            NetworkMismatchError: its key is of another network.
        """
        match = _SCRIPT.fullmatch(_checked(text.strip()))
        if match is None:
            raise MalformedError("this is no descriptor", _SUPPORTED)
        name, inner = match[1], match[2]
        if name not in _FUNCTIONS:
            raise MalformedError(f"{name}() descriptors are not supported", _SUPPORTED)
        foreign = re.search("[,(]", inner)
        if foreign is not None:
            what = "a script tree" if name == "tr" and foreign[0] == "," else "another expression"
            raise MalformedError(f"{name}() with {what} in it is not supported", _SUPPORTED)
        key = _KEY.fullmatch(inner)
        if key is None:
            raise MalformedError(f"the key of the {name}() descriptor is malformed", _SUPPORTED)
        origin = None if key[1] is None else _parse_origin(key[1])
        steps = key[3].split("/")[1:]
        if any(_HARDENED_STEP.search(step) for step in steps):
            raise MalformedError(
                "the descriptor has a hardened step after its key, which a public key cannot take",
                "a threshold key has no hardened path: use unhardened steps such as /<0;1>/*",
            )
        ranged = steps[-1:] == ["*"]
        parsed = tuple(map(_parse_step, steps[:-1] if ranged else steps))
        return cls(_FUNCTIONS[name], ExtendedKey.parse(key[2], network), network, origin, parsed, ranged)

    def text(self) -> str:
        """Return the descriptor with its checksum."""
        steps = "".join(
            f"/<{';'.join(map(str, step))}>" if isinstance(step, tuple) else f"/{step}" for step in self.steps
        )
        key = f"{self.origin or ''}{self.key.text(self.network)}{steps}{'/*' if self.ranged else ''}"
        plain = f"{_NAMES[self.kind]}({key})"
        return f"{plain}#{checksum(plain)}"

    def abbreviated(self) -> str:
        """Return what names the wallet in a file of labels, such as wpkh([d34db33f]) (BIP-329, origin)."""
        return f"{_NAMES[self.kind]}({self.origin or KeyOrigin(self.key.fingerprint)})"

    def singles(self) -> tuple[Self, ...]:
        """Return the descriptors that a multipath step stands for (BIP-389), or this one if it has none."""
        for i, step in enumerate(self.steps):
            if isinstance(step, tuple):
                head, tail = self.steps[:i], self.steps[i + 1 :]
                return tuple(replace(self, steps=(*head, index, *tail)) for index in step)
        return (self,)

    def branch(self, branch: Branch) -> str:
        """Return the single-branch descriptor of a branch with its checksum.

        Raises:
            MalformedError: the descriptor has no such branch.
        """
        singles = self.singles()
        if branch >= len(singles):
            raise MalformedError("the descriptor has no branch for change", "give one with /<0;1>/*")
        return singles[branch].text()

    def script(self, index: int = 0) -> bytes:
        """Return an output script of a single-branch descriptor.

        Args:
            index: of the child; 0 where the descriptor is not ranged.

        Raises:
            MalformedError: the descriptor is multipath, or the index does not fit it.
        """
        return self._scripts((index,))[0]

    def scripts(self, end: int) -> tuple[bytes, ...]:
        """Return the output scripts of the children 0..end-1 of a single-branch descriptor; see script."""
        return self._scripts(range(end))

    def _scripts(self, indices: Sequence[int]) -> tuple[bytes, ...]:
        path = [step for step in self.steps if isinstance(step, int)]
        if len(path) != len(self.steps):
            raise MalformedError("a multipath descriptor has a script for each of its branches")
        if not self.ranged and any(indices):
            raise MalformedError("a descriptor without /* has one script, index 0")
        parent = self.key.derive(path)
        keys = [(parent.derive([index]) if self.ranged else parent).key for index in indices]
        return tuple(output_script(self.kind, key) for key in keys)

    def account(self, name: str, birth: int) -> Account:
        """Return the account that this describes.

        Args:
            name: what users call it.
            birth: Unix seconds; no address was used before.

        Raises:
            MalformedError: it describes something else than a key of depth 0 with branches 0 and 1.
        """
        own = self.origin in (None, KeyOrigin(self.key.fingerprint))
        if self.steps != ((0, 1),) or not self.ranged or not own:
            raise MalformedError(
                "this is no descriptor of an account",
                "an account's key has no origin but its own fingerprint, and its steps are /<0;1>/*",
            )
        return Account(name, self.kind, self.key, self.network, birth)


def import_json(*accounts: Account, end: int = 1000) -> str:
    """Return what Bitcoin Core's importdescriptors takes to watch accounts: a JSON array.

    Ranged descriptors get no label: importdescriptors refuses one.

    Args:
        accounts: of one wallet.
        end: indices 0..end-1 of each branch are watched from the start.
    """
    requests = [
        {
            "desc": Descriptor.of(account).branch(branch),
            "active": True,
            "range": [0, end - 1],
            "timestamp": account.birth,
            "internal": branch is Branch.CHANGE,
        }
        for account in accounts
        for branch in Branch
    ]
    return json.dumps(requests, indent=2)


def _checked(text: str) -> str:
    """Return a descriptor without its checksum, which must be right where it is there."""
    if len(text) > MAX_LENGTH:
        raise MalformedError(f"a descriptor has at most {MAX_LENGTH} characters and this has {len(text)}")
    plain, *rest = text.split("#")
    if len(rest) > 1:
        raise MalformedError("a descriptor has one # before its checksum, and this has more")
    right = checksum(plain)
    if rest and len(rest[0]) != CHECKSUM_LENGTH:
        raise MalformedError(f"a descriptor checksum has 8 characters and this has {len(rest[0])}")
    if rest and rest[0] != right:
        raise MalformedError("the descriptor has a typo: its checksum does not hold", "copy it again")
    return plain


def _parse_origin(text: str) -> KeyOrigin:
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise MalformedError("the key origin of the descriptor is malformed", "it is [fingerprint/84h/0h/0h]")
    path = []
    for step in match[2].split("/")[1:]:
        index = int(step.rstrip("h'"))
        if index >= HARDENED:
            raise MalformedError("a step of the key origin is out of range: it is 0..2147483647")
        path.append(index if step.isdigit() else index + HARDENED)
    return KeyOrigin(bytes.fromhex(match[1]), tuple(path))


def _parse_step(step: str) -> int | tuple[int, ...]:
    if step.startswith("<") and step.endswith(">"):
        return tuple(map(_parse_index, step[1:-1].split(";")))
    return _parse_index(step)


def _parse_index(text: str) -> int:
    if not _INDEX.fullmatch(text):
        raise MalformedError(
            "a step of the descriptor is no number", "steps are /0, /<0;1>, and /* at the end"
        )
    return int(text)
