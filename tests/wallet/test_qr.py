"""QR codes: modules, and the text that draws them."""

import pytest
import segno

from wallet.errors import MalformedError
from wallet.qr import matrix, terminal

TEXT = "BITCOIN:BCRT1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KYGT080"
BORDER = 4
LIGHT = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}


def test_matrix_is_a_qr_code():
    modules = matrix(TEXT)
    finder = [[1] * 7, [1, 0, 0, 0, 0, 0, 1], *[[1, 0, 1, 1, 1, 0, 1]] * 3, [1, 0, 0, 0, 0, 0, 1], [1] * 7]
    for rows in (modules[:7], modules[-7:]):
        assert [list(row[:7]) for row in rows] == finder
    assert [list(row[-7:]) for row in modules[:7]] == finder
    assert len(modules) == 29  # version 3: the alphanumeric mode


def test_lower_case_needs_a_larger_code():
    assert len(matrix(TEXT.lower())) > len(matrix(TEXT))


def test_terminal_draws_the_modules_with_a_border():
    modules = matrix(TEXT)
    lines = terminal(TEXT).splitlines()
    drawn = [[LIGHT[c][half] for c in line] for line in lines for half in (0, 1)]
    size = len(modules) + 2 * BORDER
    for y in range(size):
        for x in range(size):
            inside = BORDER <= x < size - BORDER and BORDER <= y < size - BORDER
            dark = inside and modules[y - BORDER][x - BORDER]
            assert drawn[y][x] is not dark


def test_code_is_segnos():
    assert matrix(TEXT) == tuple(
        tuple(map(bool, row)) for row in segno.make(TEXT, error="m", micro=False).matrix
    )


def test_text_that_is_too_long_is_refused():
    with pytest.raises(MalformedError, match="cannot hold"):
        matrix("a" * 3000)
    with pytest.raises(MalformedError, match="cannot hold"):
        terminal("a" * 3000)
