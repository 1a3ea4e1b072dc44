from dataclasses import replace

import pytest

from ecdsa_cggmp.params import SECURITY_128
from protocol.errors import UsageError
from tests.ecdsa_cggmp.levels import TINY


def test_the_level_is_that_of_the_design() -> None:
    level = SECURITY_128
    assert (level.ell, level.ell_prime, level.epsilon, level.m) == (256, 1280, 512, 128)
    assert (level.modulus_bits, level.modulus_bytes, level.ciphertext_bytes) == (3072, 384, 768)


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({"ell": 192}, "ell >= log q"),
        ({"kappa": 320, "epsilon": 640}, "ell >= kappa"),
        ({"epsilon": 256}, "epsilon >= ell"),
        ({"ell_prime": 1024}, "ell' >= 3 ell"),
        ({"ell_prime": 1280}, "log N > ell' + epsilon"),
        ({"prime_bits": 768}, "2 ell + epsilon <= log p"),
        ({"m": 127}, "m >= 128"),
    ],
)
def test_a_broken_inequality_is_refused_by_name(change: dict[str, int], claim: str) -> None:
    with pytest.raises(UsageError) as caught:
        replace(TINY, **change)
    assert claim in str(caught.value)
