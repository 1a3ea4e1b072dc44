"""The security level at which the program runs CGGMP24; nothing that a user sets changes it."""

from typing import Final

from ecdsa_cggmp.params import SECURITY_128, Params

PARAMS: Final[Params] = SECURITY_128
