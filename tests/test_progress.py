"""Live displays: what fits a terminal, and how the time left is estimated."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, Group
from rich.text import Text

from zoo.progress import Bars, Pace, clock_time


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_goes_by_the_work_done_since_the_beginning() -> None:
    clock = Clock()
    pace = Pace(100.0, clock)
    clock.now, pace.done = 10.0, 20.0
    assert pace.left == pytest.approx(40.0)
    assert str(pace) == "0:10, 0:40 left"


def test_reused_work_is_no_sign_of_speed() -> None:
    clock = Clock()
    pace = Pace(100.0, clock)
    pace.had(80.0)
    clock.now, pace.done = 10.0, 5.0
    assert pace.left == pytest.approx(30.0)  # 15 left at 0.5 per second


def test_before_the_first_work_the_time_left_is_unknown_and_at_the_end_it_is_nothing() -> None:
    clock = Clock()
    pace = Pace(4.0, clock)
    clock.now = 3.0
    assert pace.left is None and str(pace) == "0:03, ? left"
    pace.done = 4.0
    assert pace.left == 0.0


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3_725, "1:02:05")])
def test_seconds_are_read_as_a_clock(seconds: float, text: str) -> None:
    assert clock_time(seconds) == text


@pytest.mark.parametrize("width", [80, 100])
def test_every_row_fits_the_terminal_and_only_descriptions_are_cut(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    bars = Bars(console)
    row = bars.add("fine-tuning " + "a-variant-of-a-long-name+" * 5, 1_000, lambda: "1:02:05, 10:00 left", "0/1,000")
    bars.move(row, 500, "500/1,000")
    bars.lines = ["tokens/s " * 30]
    with console.capture() as captured:
        console.print(Group(*bars.get_renderables()))
    lines = [line for line in captured.get().splitlines() if line.strip()]
    shown = [Text.from_ansi(line) for line in lines]
    assert len(lines) == 2 and all(text.cell_len <= width for text in shown)
    assert "500/1,000" in lines[0] and "1:02:05, 10:00 left" in lines[0] and "…" in lines[0]


def test_without_a_terminal_no_bar_is_drawn() -> None:
    console = Console(file=io.StringIO(), width=80)
    with Bars(console) as bars:
        bars.add("all", 10, lambda: "")
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]
