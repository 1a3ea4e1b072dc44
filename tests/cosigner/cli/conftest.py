"""mpcw run in this process, on a home of its own with a funded 2-of-3 wallet on the embedded chain."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from cosigner.cli.app import main
from tests.cosigner.tiny import tiny_ecdsa
from tests.storage.cheap import cheap_passphrases

PASSPHRASES = ("correct horse 0", "correct horse 1", "correct horse 2")
COINBASE = 5_000_000_000
ROOT = Path(__file__).parents[3]
# what mpcw is, but for the time that unsealing and primes take
PROGRAM = """
import fcntl, os, resource, sys, termios
from contextlib import nullcontext
from cosigner.cli.app import main
from tests.cosigner.tiny import tiny_ecdsa
from tests.storage.cheap import cheap_passphrases
sys.argv[0] = "mpcw"
if os.environ.get("OWN_TERMINAL"):
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if limit := os.environ.get("FILE_LIMIT"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
if marks := os.environ.get("WATERMARKS"):
    from cosigner import parties
    from presig_pool.watermarks import Watermarks
    parties.WATERMARKS = Watermarks(*map(int, marks.split(",")))
with cheap_passphrases(), nullcontext() if os.environ.get("FULL_SIZE") else tiny_ecdsa():
    main()
"""
STRANGER = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The one JSON value on standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        found = self.value["error"]
        assert isinstance(found, dict)
        return found


class Mpcw:
    """The command line; passphrases come from files that variables name."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def passphrase_file(self, party: int) -> Path:
        return self.home.parent / f"{self.home.name}-passphrase-{party}"

    def variables(self) -> dict[str, str]:
        for i, text in enumerate(PASSPHRASES):
            if not self.passphrase_file(i).exists():
                self.passphrase_file(i).write_text(text + "\n")
        files = {f"MPCW_PASSPHRASE_FILE_{i}": str(self.passphrase_file(i)) for i in range(len(PASSPHRASES))}
        return {"MPCW_HOME": str(self.home), "HOME": str(self.home.parent), **files}

    def __call__(self, *args: object, stdin: bytes = b"", variables: dict[str, str] | None = None) -> Result:
        """Run a command."""
        out, err, source = io.StringIO(), io.StringIO(), io.TextIOWrapper(io.BytesIO(stdin))
        settings = self.variables() | (variables or {})
        code = 0
        with (
            patch.dict(os.environ, settings),
            patch.object(sys, "argv", ["mpcw", *map(str, args)]),
            patch.object(sys, "stdin", source),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as e:
                code = e.code if isinstance(e.code, int) else int(e.code is not None)
        return Result(code, out.getvalue(), err.getvalue())

    def ok(self, *args: object, stdin: bytes = b"") -> Result:
        """Run a command that goes well."""
        result = self(*args, stdin=stdin)
        assert result.code == 0, result.out + result.err
        return result

    def json(self, *args: object, stdin: bytes = b"") -> Any:
        """Run a command that goes well with --json: it writes nothing but one JSON value."""
        result = self.ok(*args, "--json", stdin=stdin)
        assert result.err == ""
        return result.value

    def fails(self, *args: object, stdin: bytes = b"") -> dict[str, Any]:
        """Run a command that fails with --json, and return the error."""
        result = self(*args, "--json", stdin=stdin)
        assert result.code != 0, result.out
        assert result.err == ""
        assert result.error["code"] == result.code
        return result.error

    def start(
        self,
        *args: object,
        file_limit: int | None = None,
        variables: dict[str, str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start a command in a process of its own, whose files may grow to a limit of bytes."""
        limit = {} if file_limit is None else {"FILE_LIMIT": str(file_limit)}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, args)],
            env={**os.environ, **self.variables(), **(variables or {}), **limit},
            cwd=ROOT,
            text=True,
            **pipes | options,
        )

    def process(self, *args: object, file_limit: int | None = None) -> Result:
        """Run a command in a process of its own."""
        with self.start(*args, file_limit=file_limit) as process:
            out, err = process.communicate(timeout=600)
        return Result(process.returncode, out, err)

    def send(self, amount: int = 1_000_000, *options: object) -> str:
        """Pay a stranger and return the transaction's id."""
        sent = self.json("send", f"{STRANGER}={amount}", "--yes", "--fee-rate", "2", *options)
        return str(sent["txid"])


@pytest.fixture(scope="session")
def cli_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the wallet `main` and two coinbases that may be spent."""
    mpcw = Mpcw(tmp_path_factory.mktemp("cli") / "home")
    with cheap_passphrases():
        mpcw.ok("wallet", "create", "main", "--no-segwit")
        mpcw.ok("chain", "mine", 1, "--to", mpcw.json("address", "new", "--label", "first")["address"])
        mpcw.ok("chain", "faucet")
    return mpcw.home


@pytest.fixture
def mpcw(tmp_path: Path, cli_template: Path) -> Mpcw:
    """The command line, with a wallet of 2 coins."""
    home = tmp_path / "home"
    shutil.copytree(cli_template, home)
    return Mpcw(home)


@pytest.fixture(scope="session")
def mixed_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the wallet `main`, of both accounts at the tiny level, each with a coinbase."""
    mpcw = Mpcw(tmp_path_factory.mktemp("mixed-cli") / "home")
    with cheap_passphrases(), tiny_ecdsa():
        mpcw.ok("wallet", "create", "main")
        mpcw.ok("chain", "faucet")
        mpcw.ok("chain", "faucet", "--account", "segwit")
    return mpcw.home


@pytest.fixture
def both(tmp_path: Path, mixed_template: Path) -> Mpcw:
    """The command line, with a wallet of a Taproot and a SegWit coin."""
    home = tmp_path / "home"
    shutil.copytree(mixed_template, home)
    return Mpcw(home)


@pytest.fixture
def bare(tmp_path: Path) -> Mpcw:
    """The command line, without a home."""
    return Mpcw(tmp_path / "home")


@pytest.fixture
def unharmed(mpcw: Mpcw) -> Iterator[Callable[[], None]]:
    """Check at the end that the wallet opens with the balance and the drafts that it had."""
    before = mpcw.json("wallet", "balance")

    def check() -> None:
        assert mpcw.json("wallet", "balance") == before
        assert mpcw.json("tx", "list") == []

    yield check
    check()
