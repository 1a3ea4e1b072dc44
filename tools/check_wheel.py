"""Check a built wheel: its name, its contents, and an import on every supported interpreter that is here."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

INTERPRETERS = ("python3.11", "python3.12", "python3.13")
PACKAGES = {
    "native",
    "protocol",
    "ecdsa_cggmp",
    "frost_bip340",
    "presig_pool",
    "wallet",
    "storage",
    "cosigner",
}
SOURCES = {".c", ".h", ".S", ".txt"}
# multiplies a point, so that the extension and the libsecp256k1 behind it are both in use
PROGRAM = "from native.curve import G, Scalar; assert Scalar(2) * G == G + G"


def contents_are_right(wheel: Path) -> bool:
    """Tell whether the wheel holds the packages, the extension, and no C source."""
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    packages = {name.parts[0] for name in names if not name.parts[0].endswith(".dist-info")}
    sources = [name for name in names if name.suffix in SOURCES and not name.parts[0].endswith(".dist-info")]
    return (
        "-cp311-abi3-" in wheel.name
        and packages == PACKAGES
        and Path("native/_core.abi3.so") in names
        and Path("storage/migrations/party/001_initial.sql") in names
        and not sources
    )


def imports(interpreter: str, wheel: Path) -> bool:
    """Tell whether the wheel works in a new environment of an interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        for command in (
            [interpreter, "-m", "venv", folder],
            [python, "-m", "pip", "install", "--quiet", str(wheel)],
            [python, "-c", PROGRAM],
        ):
            if subprocess.run(command, cwd=folder, check=False).returncode != 0:
                return False
    return True


def runs(interpreter: str) -> bool:
    """Tell whether an interpreter is there; a shim of a version manager may be without one."""
    found = shutil.which(interpreter)
    return (
        found is not None and subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0
    )


def main(folder: str) -> int:
    """Check the wheel in a folder; return the exit code."""
    (wheel,) = Path(folder).resolve().glob("*.whl")
    failed = not contents_are_right(wheel)
    print(f"{wheel.name}: contents {'wrong' if failed else 'right'}")
    for interpreter in filter(runs, INTERPRETERS):
        works = imports(interpreter, wheel)
        print(f"{interpreter}: {'works' if works else 'fails'}")
        failed |= not works
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
