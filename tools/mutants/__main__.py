"""python -m mutants [MODULE ...]: delete each check of threshold ECDSA in turn; no test may pass then."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mutants.run import Project, run

ROOT = Path(__file__).parents[2]
EQUIVALENTS = Path(__file__).parent / "equivalent.toml"
_LOWEST = ("native", "wallet", "wallet.chain.regtest_node", "hypothesis", "pytest_cov.plugin")
_BELOW = (*_LOWEST, "protocol")
# each stands on those before it, which its trials import once
PROJECTS = (
    Project(
        ROOT,
        "protocol",
        (
            "tests/protocol/test_*.py",
            "tests/ecdsa_cggmp/test_keygen*.py",
            "tests/ecdsa_cggmp/test_sign_rounds.py",
            "tests/ecdsa_cggmp/test_resharing.py",
            "tests/ecdsa_cggmp/test_dealer.py",
            "tests/ecdsa_cggmp/test_vectors.py",
            "tests/frost_bip340/test_re*.py",
        ),
        _LOWEST,
        EQUIVALENTS,
    ),
    Project(
        ROOT,
        "ecdsa_cggmp",
        ("tests/ecdsa_cggmp/**/test_*.py", "tests/adversarial/test_cggmp_*.py"),
        _BELOW,
        EQUIVALENTS,
    ),
    Project(
        ROOT,
        "presig_pool",
        ("tests/presig_pool/test_*.py", "tests/storage/test_presig*.py"),
        (*_BELOW, "ecdsa_cggmp"),
        EQUIVALENTS,
    ),
    Project(
        ROOT,
        "storage",
        ("tests/storage/test_presig*.py", "tests/storage/test_reuse_log.py"),
        (*_BELOW, "ecdsa_cggmp", "presig_pool"),
        EQUIVALENTS,
        ("presigs.py", "presig_tallies.py", "reuse_log.py"),
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Run the tool; return the exit code."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("module", nargs="*", help="file of a package; all if none is given")
    parser.add_argument("--changed", action="store_true", help="the modules that differ from main")
    options = parser.parse_args(arguments)
    wanted = {str(Path(name).resolve().relative_to(ROOT)) for name in options.module}
    if options.changed:
        wanted |= set(_git("diff", "--name-only", _git("merge-base", "HEAD", "main")).splitlines())
    some = options.module or options.changed
    chosen = [(project, [it for it in project.modules() if not some or it in wanted]) for project in PROJECTS]
    return max((run(project, names) for project, names in chosen if names), default=0)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
