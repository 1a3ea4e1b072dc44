"""Randomness that is a function of a name: a block draws what the last block of that name has drawn."""

import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from hashlib import shake_256
from itertools import count
from types import ModuleType
from typing import Any

import pytest

import native
from native.entropy import random_bytes
from native.hashing import tagged_hash
from native.secret import SecretSeed

OURS = ("native", "protocol", "ecdsa_cggmp", "tests.ecdsa_cggmp")


@contextmanager
def replayed(name: str) -> Iterator[None]:
    """Have every seed that nobody gives, and every public random byte, be the next one of a sequence.

    Args:
        name: of the sequence.
    """
    drawn = count()

    def next_digest() -> bytes:
        return tagged_hash("mpcwallet/test vectors", name.encode(), next(drawn).to_bytes(8, "big"))

    def fresh(*_: object) -> SecretSeed:
        return SecretSeed.from_bytes(next_digest())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: 1)  # threads would draw in any order
        patch.setattr(SecretSeed, "fresh", fresh)
        _put(patch, random_bytes, lambda size: shake_256(next_digest()).digest(size))
        for owner, key, function in _drawing():
            seeded = _seeded(getattr(function, "__func__", function), fresh)
            if isinstance(owner, ModuleType):
                _put(patch, function, seeded)
            else:
                patch.setattr(
                    owner, key, classmethod(seeded) if isinstance(function, classmethod) else seeded
                )
        yield


def _drawing() -> Iterator[tuple[Any, str, Any]]:
    """What takes a seed and draws one itself otherwise: functions and methods, with whose they are."""
    for info in pkgutil.iter_modules(native.__path__, "native."):
        module = importlib.import_module(info.name)
        inner = (value for value in vars(module).values() if inspect.isclass(value))
        for owner in (module, *(cls for cls in inner if cls.__module__ == module.__name__)):
            for key, value in list(vars(owner).items()):
                function = getattr(value, "__func__", value)
                if inspect.isfunction(function) and function.__module__ == module.__name__:
                    seed = inspect.signature(function).parameters.get("seed")
                    if seed is not None and seed.default is None:
                        yield owner, key, value


def _seeded(function: Callable[..., Any], fresh: Callable[[], SecretSeed]) -> Callable[..., Any]:
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        if bound.arguments.get("seed") is None:
            bound.arguments["seed"] = fresh()
        return function(*bound.args, **bound.kwargs)

    return call


def _put(patch: pytest.MonkeyPatch, function: object, instead: object) -> None:
    """Put something in the place of a function wherever our modules have it by name."""
    for name, module in list(sys.modules.items()):
        if name.startswith(OURS):
            for key, value in list(vars(module).items()):
                if value is function:
                    patch.setattr(module, key, instead)
