import os
import subprocess
import sys
from pathlib import Path

import pytest

PATHS = {
    "portable": "MPCW_PATH_PORTABLE",
    "adx": "MPCW_PATH_ADX",
    "avx2": "MPCW_PATH_AVX2",
    "ifma": "MPCW_PATH_IFMA",
}
FILES = ["test_bigint.py", "test_prm_proof.py", "test_mod_proof.py", "test_fac_proof.py", "test_bit_proof.py"]


def run(path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MPCW_TEST_PATH": path}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3600, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_powers_and_proofs_pass_on_every_engine(path: str) -> None:
    used = run(
        path, "-c", f"from native._core import lib; print(lib.mpcw_path_in_use() == lib.{PATHS[path]})"
    )
    assert used.returncode == 0, used.stderr
    if used.stdout.strip() != "True":
        pytest.skip(f"this processor has no {path}")
    files = [str(Path(__file__).parent / name) for name in FILES]
    done = run(path, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *files)
    assert done.returncode == 0, done.stdout
