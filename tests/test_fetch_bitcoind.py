"""tools/fetch-bitcoind without a network: what it says when something is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "fetch-bitcoind"
BROKEN_APT = """
if [ "$1" = indextargets ]; then
    echo http://mirror.invalid/debian
else
    echo "E: broken" >&2
    exit 100
fi
"""
FAKES = {
    "uname": 'case $1 in -s) echo Linux;; *) echo "${MACHINE:-x86_64}";; esac',
    "apt-get": BROKEN_APT,
    "dpkg-deb": "exit 1",
    "gpgv": "exit 1",
}
REAL = ["cat", "chmod", "dirname", "grep", "head", "mkdir", "mv", "readlink", "rm", "sed", "sh", "sort"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the tool, and a PATH where what it needs of Debian is not what it seems."""
    (tmp_path / "tools").mkdir()
    shutil.copy(TOOL, tmp_path / "tools")
    for name, script in FAKES.items():
        program(tmp_path / "bin" / name, script)
    for name in REAL:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    return tmp_path


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def fetch(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [clone / "tools" / "fetch-bitcoind"],
        env={"PATH": str(clone / "bin"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_there_is_not_fetched_again(clone: Path) -> None:
    program(clone / ".cache" / "bitcoind" / "bitcoind", "echo Bitcoin version 1")
    done = fetch(clone)
    assert done.returncode == 0
    assert done.stdout.endswith("bitcoind is there: Bitcoin version 1\n")


def test_what_is_there_but_does_not_run_is_fetched_again(clone: Path) -> None:
    program(clone / ".cache" / "bitcoind" / "bitcoind", "exit 1")
    assert "E: broken" in fetch(clone).stderr


@pytest.mark.parametrize("missing", ["apt-get", "dpkg-deb", "gpgv"])
def test_a_tool_that_is_missing_is_named(clone: Path, missing: str) -> None:
    (clone / "bin" / missing).unlink()
    done = fetch(clone)
    assert done.returncode == 1
    assert f"there is no {missing} on this machine" in done.stderr
    assert "set BITCOIND" in done.stderr


def test_another_architecture_is_refused(clone: Path) -> None:
    done = fetch(clone, MACHINE="aarch64")
    assert done.returncode == 1
    assert "on amd64 only" in done.stderr


def test_a_mirror_that_fails_leaves_nothing_behind(clone: Path) -> None:
    if not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists():
        pytest.skip("the archive keys of Debian are not installed")
    done = fetch(clone)
    assert done.returncode == 1
    assert "E: broken" in done.stderr
    assert "no mirror of apt's configuration gives a valid trixie-backports" in done.stderr
    assert os.listdir(clone / ".cache") == []
