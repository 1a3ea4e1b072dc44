import errno
import pkgutil
from importlib import import_module

import pytest

from cosigner.exit_codes import EXIT_CODES, MEANINGS, ExitCode, classify
from native.errors import NativeError
from protocol.errors import MpcError
from wallet.errors import WalletError

PACKAGES = (
    "native",
    "protocol",
    "ecdsa_cggmp",
    "frost_bip340",
    "presig_pool",
    "storage",
    "wallet",
    "cosigner",
)
ROOTS = (MpcError, WalletError, NativeError)


def every_error() -> list[type[BaseException]]:
    for name in PACKAGES:
        for module in pkgutil.walk_packages(import_module(name).__path__, f"{name}."):
            if module.name != "native.build_ffi":
                import_module(module.name)
    found: list[type[BaseException]] = list(ROOTS)
    for kind in found:
        found += [sub for sub in kind.__subclasses__() if sub.__module__.split(".")[0] in PACKAGES]
    return found


def bare(kind: type[BaseException]) -> BaseException:
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_name_and_a_code(kind: type[BaseException]) -> None:
    code, name = classify(bare(kind))
    assert name != "unexpected"
    assert code is not ExitCode.OK
    roots = {classify(bare(root))[1] for root in ROOTS}
    # a class that is known only as "some error of wallet/" would tell a script nothing
    assert name not in roots or kind in ROOTS or issubclass(kind, NativeError)


def test_bases_do_not_hide_their_subclasses() -> None:
    kinds = [kind for kind, _, _ in EXIT_CODES]
    for i, kind in enumerate(kinds):
        assert not any(issubclass(later, kind) for later in kinds[i + 1 :]), kind


def test_a_name_has_one_code() -> None:
    assert len({name for _, _, name in EXIT_CODES}) == len({(code, name) for _, code, name in EXIT_CODES})


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_whoever_says_so(number: int) -> None:
    assert classify(OSError(number, "no")) == (ExitCode.STORAGE, "disk-full")


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (errno.ENOENT, ExitCode.NOT_FOUND, "no-such-file"),
        (errno.EACCES, ExitCode.STORAGE, "no-permission"),
        (errno.EIO, ExitCode.STORAGE, "storage"),
    ],
)
def test_errors_of_files_are_told_apart(number: int, code: ExitCode, name: str) -> None:
    assert classify(OSError(number, "no")) == (code, name)


def test_what_nobody_thought_of_is_unexpected() -> None:
    assert classify(ZeroDivisionError()) == (ExitCode.UNEXPECTED, "unexpected")
    assert classify(KeyboardInterrupt()) == (ExitCode.INTERRUPTED, "interrupted")
