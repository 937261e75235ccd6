"""Options as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.core.errors import UnknownName, ZooError
from zoo.core.options import read_count
from zoo.experiments.plan.options import ExperimentOptions


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("20000", 20_000), ("20_000", 20_000), ("20,000", 20_000), ("1e6", 1_000_000), ("1.5e6", 1_500_000),
        ("1M", 1_000_000), ("1.5M", 1_500_000), ("100k", 100_000), ("100K", 100_000), ("2B", 2 * 10**9),
        ("2G", 2 * 10**9), ("1,000,000", 1_000_000),
        (" 3 ", 3), ("1e3k", 1_000_000), ("0", 0),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, number: int) -> None:
    assert read_count(text) == number


@pytest.mark.parametrize("text", ["many", "", "1m", "-3", "1e", "1.2.3", "1e-3", "0x10", "1 000", "4,5", "1,00"])
def test_what_is_no_count_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write 20000, 1e6, 100k or 1M"):
        read_count(text)


def test_a_part_of_a_token_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'1.2345k' is not a whole number"):
        read_count("1.2345k")


def test_a_float_that_is_whole_is_a_count() -> None:
    assert read_count(1e6) == 1_000_000 and isinstance(read_count(1e6), int)


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        (500, {"*": 500}), ("1,500", {"*": 1_500}), ("300, squad = 1.5k", {"*": 300, "squad": 1_500}),
        ("squad=2,rte=3", {"squad": 2, "rte": 3}), ({"*": "1k", "squad": 7}, {"*": 1_000, "squad": 7}),
    ],
)  # fmt: skip
def test_numbers_may_be_given_by_name(given: object, numbers: dict[str, int]) -> None:
    assert ExperimentOptions.of({"finetune_steps": given}).finetune_steps == numbers


@pytest.mark.parametrize("given", ["300,400,squad=5", "squad=1,squad=2", "squad=1,000", "=5", "squad=", "squad=0", {}])
def test_numbers_by_name_of_which_one_is_none_or_given_twice_are_refused(given: object) -> None:
    with pytest.raises(ZooError, match=r"as 300,squad=1500|write 20000|greater than or equal|at least 1"):
        ExperimentOptions.of({"finetune_steps": given})


def test_a_number_for_all_names_is_refused_without_a_name() -> None:
    with pytest.raises(ZooError) as raised:
        ExperimentOptions.of({"finetune_steps": 0})
    assert "greater than or equal to 1 (given: 0)" in str(raised.value) and "*" not in str(raised.value)


def test_lists_may_be_given_as_text_as_lists_and_one_by_one() -> None:
    assert ExperimentOptions.of({"tasks": "rte, mrpc"}).tasks == ("rte", "mrpc")
    assert ExperimentOptions.of({"tasks": ["rte", "mrpc"]}).tasks == ("rte", "mrpc")
    assert ExperimentOptions.of({"corpus": "a.txt"}).corpus == (Path("a.txt"),)


def test_only_what_was_given_counts_as_given() -> None:
    options = ExperimentOptions.of({"seeds": 3, "data": None, "workers": "0"})
    assert options.given == {"seeds": 3, "workers": 0}


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="'pretrain_token' is not an option; did you mean 'pretrain_tokens'"):
        ExperimentOptions.of({"pretrain_token": 3})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": 0}, "seeds: input should be greater than or equal to 1"),
        ({"pretrain_tokens": "few"}, "pretrain_tokens: 'few' is not a number"),
        ({"precision": "fp8"}, "precision: input should be 'fp32' or 'bf16'"),
    ],
)
def test_a_value_that_does_not_fit_is_one_line(given: dict[str, object], message: str) -> None:
    with pytest.raises(ZooError, match=message) as error:
        ExperimentOptions.of(given)
    assert "\n" not in str(error.value)
