from __future__ import annotations

import pytest

from zoo.formulas import E, F, H, L, Polynomial, V

SIZES = {"V": 11, "E": 3, "H": 5, "F": 7, "L": 2}


def test_products_and_sums_have_the_value_of_the_numbers_they_stand_for() -> None:
    formula = V * E + L * (4 * H * H + 4 * H) + 2 * H * F + 1 - E
    assert formula(SIZES) == 11 * 3 + 2 * (4 * 25 + 20) + 2 * 5 * 7 + 1 - 3


@pytest.mark.parametrize(
    ("formula", "printed"),
    [
        (V * E + E * H, "V·E + E·H"),
        (L * (4 * H * H + H), "4·L·H² + L·H"),
        (V * H - 2 * H, "V·H - 2·H"),
        (H - H, "0"),
        (V * E + 3, "V·E + 3"),
        (F * H * 2, "2·H·F"),
    ],
)
def test_a_formula_prints_as_one_writes_it(formula: Polynomial, printed: str) -> None:
    assert str(formula) == printed


def test_a_symbol_is_replaced_wherever_it_stands() -> None:
    assert (V * E + E * E + 2).replaced("E", H) == V * H + H * H + 2
    assert (E * H).replaced("E", H + 1)(SIZES) == 6 * 5
