"""Fields of PSBT maps: how each is named, keyed, written and checked, and maps of them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol

from wallet.errors import MalformedError
from wallet.psbt.values import check_items
from wallet.wire import Reader, compact_size, sized

# Values of many types by the name of their attribute; each Field knows the type of its own.
Values = Mapping[str, Any]

_PROPRIETARY: Final = 0xFC


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Put the name of a map or field before the message of a MalformedError."""
    try:
        yield
    except MalformedError as e:
        raise MalformedError(f"{where}: {e}", e.hint) from e


@dataclass(frozen=True, slots=True)
class Codec:
    """How the value of a field is written.

    Args:
        read: value of bytes; raises MalformedError.
        write: bytes of a value.
        check: raises MalformedError if a value does not fit.
    """

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    check: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a map.

    Args:
        key_type: the type that its key begins with.
        name: as the BIPs write it.
        attribute: as our values name it.
        value: how its value is written.
        key: check of the key data, for a field that may be there many times; None if it has no key data.
        only: the version of PSBT that may have it; None for both.
        required: whether that version must have it.
    """

    key_type: int
    name: str
    attribute: str
    value: Codec
    key: Callable[[bytes], None] | None = None
    only: int | None = None
    required: bool = False

    def check(self, value: Any) -> None:
        """Check a value, or a mapping of values by key data.

        Raises:
            MalformedError: it does not fit; names the field.
        """
        items = {b"": value} if self.key is None else value
        for key_data, item in items.items():
            if self.key is not None:
                with naming(f"{self.name} key"):
                    self.key(key_data)
            with naming(self.name):
                self.value.check(item)


class Map(Protocol):
    """A frozen dataclass with an attribute for each field that it may have."""

    @property
    def unknown(self) -> Mapping[bytes, bytes]:
        """Values of fields that are not in its table, by key type || key data."""


@dataclass(frozen=True, slots=True)
class Table:
    """The fields that a kind of map has.

    Args:
        fields: ascending by key type.
    """

    fields: tuple[Field, ...]
    by_type: Mapping[int, Field] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_type", {known.key_type: known for known in self.fields})

    def find(self, key: bytes) -> Field | None:
        """Return the field of a key; None if it is not in the table.

        Raises:
            MalformedError: the key has no type, or a proprietary key is malformed.
        """
        reader = Reader(key)
        key_type = reader.compact_size()
        if key_type == _PROPRIETARY:
            reader.sized()  # identifier
            reader.compact_size()  # subtype
        return self.by_type.get(key_type)

    def read(self, reader: Reader) -> Mapping[bytes, bytes]:
        """Read a map up to its separator (BIP-174, Specification).

        Returns:
            Values by key type || key data.

        Raises:
            MalformedError: bytes are missing, a key is there twice, or there are too many.
        """
        pairs: dict[bytes, bytes] = {}
        while key := reader.sized():
            if key in pairs:
                spec = self.find(key)
                raise MalformedError(f"{spec.name if spec else f'the key {key.hex()}'} is there twice")
            check_items(len(pairs) + 1)
            pairs[key] = reader.sized()
        return pairs

    def decode(self, pairs: Mapping[bytes, bytes], version: int) -> dict[str, Any]:
        """Return values by attribute, of keyed fields by attribute and key data; others under "unknown".

        Raises:
            MalformedError: a key or value is malformed, or a field is missing or not allowed.
        """
        values: dict[str, Any] = {"unknown": {}}
        for key, data in pairs.items():
            spec = self.find(key)
            if spec is None:
                values["unknown"][key] = data
            elif spec.only not in (None, version):
                raise MalformedError(f"{spec.name} is not allowed in version {version}")
            else:
                _decode(spec, key[1:], data, values)
        for spec in self.fields:
            if spec.required and spec.only == version and spec.attribute not in values:
                raise MalformedError(f"{spec.name} is missing")
        return values

    def encode(self, values: Values) -> bytes:
        """Return the map of values by attribute, ascending by key, with its separator."""
        pairs = [(spec.key_type, key, data) for spec, key, data in self._pairs(values)]
        pairs += [_split(key, data) for key, data in values["unknown"].items()]
        written = (sized(compact_size(kind) + key) + sized(data) for kind, key, data in sorted(pairs))
        return b"".join(written) + b"\x00"

    def _pairs(self, values: Values) -> Iterator[tuple[Field, bytes, bytes]]:
        for spec in self.fields:
            value = values.get(spec.attribute)
            if value is None:
                continue
            if spec.key is None:
                yield spec, b"", spec.value.write(value)
            else:
                yield from ((spec, key, spec.value.write(item)) for key, item in value.items())

    def freeze(self, owner: Map) -> None:
        """Check the attributes of a frozen dataclass and make its mappings immutable and ascending.

        Raises:
            MalformedError: a value does not fit, or an unknown key is a known one.
        """
        for spec in self.fields:
            value = getattr(owner, spec.attribute, None)
            if value is None:
                continue
            spec.check(value)
            if spec.key is not None:
                _set_mapping(owner, spec.attribute, value)
        for key in owner.unknown:
            known = self.find(key)
            if known is not None:
                raise MalformedError(f"{known.name} is known: give {known.attribute}")
        _set_mapping(owner, "unknown", owner.unknown)

    def values_of(self, owner: Map) -> dict[str, Any]:
        """Return the attributes of a map by name, those of fields that it has not as None."""
        names = (*(spec.attribute for spec in self.fields), "unknown")
        return {name: getattr(owner, name, None) for name in names}

    def check_version(self, owner: Map, version: int) -> None:
        """Check that a map has no field that the version does not allow.

        Raises:
            MalformedError: it has one; names it.
        """
        for spec in self.fields:
            if spec.only not in (None, version) and getattr(owner, spec.attribute, None) is not None:
                raise MalformedError(f"{spec.name} is not allowed in version {version}")


def _decode(spec: Field, key_data: bytes, data: bytes, values: dict[str, Any]) -> None:
    if key_data and spec.key is None:
        raise MalformedError(f"the key of {spec.name} has data")
    with naming(spec.name):
        value = spec.value.read(data)
    if spec.key is None:
        values[spec.attribute] = value
    else:
        values.setdefault(spec.attribute, {})[key_data] = value


def _split(key: bytes, data: bytes) -> tuple[int, bytes, bytes]:
    reader = Reader(key)
    return reader.compact_size(), reader.fixed(reader.left), data


def _set_mapping(owner: object, attribute: str, mapping: Mapping[bytes, Any]) -> None:
    object.__setattr__(owner, attribute, MappingProxyType(dict(sorted(mapping.items()))))
