"""Labels and their file, one JSON object per line (BIP-329); plain values that a store keeps as it likes."""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wallet.address import MAX_LENGTH as MAX_ADDRESS
from wallet.errors import MalformedError

MAX_LABEL: Final = 255  # characters (BIP-329, Importing)
MAX_FILE_BYTES: Final = 64 << 20
MAX_LINES: Final = 500_000
MAX_LINE_BYTES: Final = 64 << 10  # additional fields such as heights can be long

_BASE58: Final = "[1-9A-HJ-NP-Za-km-z]"
_ORIGIN = re.compile(r"[a-z_]{1,20}\([0-9A-Za-z_()\[\],{}/']{1,2000}\)")
# explicit directions would make a line on the screen say something else than its bytes
_DIRECTIONS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class LabelType(StrEnum):
    """What a label is attached to."""

    TX = "tx"
    ADDR = "addr"
    PUBKEY = "pubkey"
    INPUT = "input"
    OUTPUT = "output"
    XPUB = "xpub"


_REF: Final = {
    LabelType.TX: re.compile("[0-9a-f]{64}"),
    LabelType.ADDR: re.compile(f"[0-9A-Za-z]{{14,{MAX_ADDRESS}}}"),
    LabelType.PUBKEY: re.compile("(?:0[23])?[0-9a-f]{64}|04[0-9a-f]{128}"),
    LabelType.INPUT: re.compile("[0-9a-f]{64}:(?:0|[1-9][0-9]{0,9})"),
    LabelType.OUTPUT: re.compile("[0-9a-f]{64}:(?:0|[1-9][0-9]{0,9})"),
    LabelType.XPUB: re.compile(f"[a-zA-Z]pub{_BASE58}{{107,108}}"),
}
_LOWER: Final = {LabelType.TX, LabelType.PUBKEY, LabelType.INPUT, LabelType.OUTPUT}


def check_text(text: str) -> str:
    """Return a text that others wrote if it is safe to show on one line of a screen.

    Raises:
        MalformedError: it has a control character, a line break, a change of direction or a lone surrogate.
    """
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _DIRECTIONS:
            raise MalformedError(
                f"a label has the character U+{ord(character):04X}, which a line cannot show"
            )
    return text


@dataclass(frozen=True, slots=True)
class Label:
    """One record.

    Args:
        kind: what it is attached to.
        ref: txid as displayed, address, public key in hex, txid:index or xpub; hex in lower case.
        label: at most 255 characters; None leaves the label that the wallet has.
        origin: the wallet that it is of, as an abbreviated descriptor: wpkh([d34db33f]).
        spendable: of an output, whether it may be spent; None leaves what the wallet has.

    Raises:
        MalformedError: a field is malformed, or spendable is given for another thing than an output.
    """

    kind: LabelType
    ref: str
    label: str | None = None
    origin: str | None = None
    spendable: bool | None = None

    def __post_init__(self) -> None:
        if not _REF[self.kind].fullmatch(self.ref):
            raise MalformedError(f"ref is no reference of type {self.kind}")
        if self.label is not None and len(check_text(self.label)) > MAX_LABEL:
            raise MalformedError(f"a label has at most {MAX_LABEL} characters")
        if self.origin is not None and not _ORIGIN.fullmatch(self.origin):
            raise MalformedError("origin is no abbreviated descriptor such as wpkh([d34db33f/84'/0'/0'])")
        if self.spendable is not None and self.kind is not LabelType.OUTPUT:
            raise MalformedError("spendable belongs to an output")

    def record(self) -> dict[str, str | bool]:
        """Return the JSON object, without what is None."""
        fields = {
            "type": self.kind.value,
            "ref": self.ref,
            "label": self.label,
            "origin": self.origin,
            "spendable": self.spendable,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class LabelFile:
    """What a file of labels held.

    Args:
        labels: in the order of the file; of two with the same type and ref the later one counts.
        refused: number of a line, from 1, and what is wrong with it.
        truncated: numbers of the lines whose label was cut to 255 characters.
        ignored: how many records have a type that BIP-329 does not define.
    """

    labels: tuple[Label, ...]
    refused: tuple[tuple[int, str], ...]
    truncated: tuple[int, ...]
    ignored: int


def read_labels(data: bytes) -> LabelFile:
    """Read a file of labels; a line that is malformed is refused alone.

    Raises:
        MalformedError: the file is larger than any that a wallet writes.
    """
    if len(data) > MAX_FILE_BYTES or data.count(b"\n") > MAX_LINES:
        raise MalformedError(f"a file of labels has at most {MAX_FILE_BYTES >> 20} MiB and {MAX_LINES} lines")
    labels, refused, truncated, ignored = [], [], [], 0
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = _read_line(line)
            label = _label(record)
        except MalformedError as e:
            refused.append((number, str(e)))
            continue
        if label is None:
            ignored += 1
            continue
        labels.append(label)
        if label.label != record.get("label"):
            truncated.append(number)
    return LabelFile(tuple(labels), tuple(refused), tuple(truncated), ignored)


def write_labels(labels: Iterable[Label]) -> bytes:
    """Return the file of labels in UTF-8. It tells who paid whom: it is as private as the wallet."""
    lines = (json.dumps(label.record(), ensure_ascii=False) + "\n" for label in labels)
    return "".join(lines).encode()


def _label(record: Mapping[str, object]) -> Label | None:
    """Return the label of a JSON object, cut to its length; None where its type is one of another version."""
    name, ref, text, origin = (_text(record, field) for field in ("type", "ref", "label", "origin"))
    if name is None or ref is None:
        raise MalformedError(f"{'type' if name is None else 'ref'} is missing")
    if name not in list(LabelType):
        return None
    kind, spendable = LabelType(name), record.get("spendable")
    if not (spendable is None or isinstance(spendable, bool)):
        raise MalformedError("spendable is neither true nor false")
    # a segwit address means the same in both cases (BIP-173)
    lower = kind in _LOWER or ref.startswith(("BC1", "TB1", "BCRT1"))
    return Label(kind, ref.lower() if lower else ref, text and text[:MAX_LABEL], origin, spendable)


def _text(record: Mapping[str, object], name: str) -> str | None:
    """Return a field that is a text; None where it is not there."""
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedError(f"{name} is no text")
    return value


def _read_line(line: bytes) -> dict[str, object]:
    if len(line) > MAX_LINE_BYTES:
        raise MalformedError(f"the line is longer than {MAX_LINE_BYTES} bytes")
    try:
        record = json.loads(line.decode(), object_pairs_hook=_unique)
    except UnicodeDecodeError as e:
        raise MalformedError("the line is not UTF-8") from e
    except (ValueError, RecursionError) as e:
        raise MalformedError("the line is no JSON") from e
    if not isinstance(record, dict):
        raise MalformedError("the line is no JSON object")
    return record


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise MalformedError("a field appears twice")
    return record
