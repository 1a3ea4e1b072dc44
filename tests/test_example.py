import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_example_of_the_readme_ends_with_a_signature_that_libsecp256k1_accepts() -> None:
    run = subprocess.run(
        [sys.executable, "examples/taproot.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.rstrip().endswith("True")
