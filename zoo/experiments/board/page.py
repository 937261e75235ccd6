"""A board as one HTML page that needs nothing else; what runs folders hold is text in it, and never runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from pathlib import Path
from statistics import stdev

from zoo.core.errors import listed
from zoo.document import MISSING, Notes, Table
from zoo.document.abbreviated import legend, short_names
from zoo.document.html import escaped, figure, page, table
from zoo.experiments.board.charts import cost_chart
from zoo.experiments.board.records import Board, Cell, Row
from zoo.experiments.statistics.costs import PARAMETERS

TITLE = "Leaderboard"
MOST_PRINTED = 8
"""Tasks whose scores are shown with their spread; of more, a row holds the scores alone."""

MOST_NAMED = 3
"""Groups that the first sentence names."""


def render(board: Board) -> str:
    """The page: answer, filters, table, chart, and what is compared with what."""
    short = short_names([row.system for row in board.rows])
    body = "\n".join(
        [
            f"<header><h1>{TITLE}</h1><p class='made'>{escaped(_counts(board))}</p></header>",
            *(f'<p class="lead">{escaped(line)}</p>' for line in _answers(board, short)),
            "<section>",
            _controls(board),
            _table(board, short),
            _notes(
                "Bold: no system of the group is significantly better (5% over seeds and items, Holm over systems).",
                "Scores of different groups are not compared. Click a score for its seeds, settings and verdict.",
                *legend(short).lines,
            ),
            "</section>",
            *_charts(board),
            *_groups(board),
            *_left_out(board),
            '<dialog aria-label="A score"><button type="button">Close</button><h2></h2><dl></dl></dialog>',
            f'<script type="application/json" id="board-data">{_data(board)}</script>',
        ]
    )
    return page(TITLE, body, scripts=[_text("board.js")], styles=[_text("board.css")])


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _data(board: Board) -> str:
    """The board as JSON in which no markup can end the element around it."""
    return board.model_dump_json().replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _counts(board: Board) -> str:
    counts = {"run": len(board.runs), "system": len(board.rows), "task": len(board.tasks), "group": len(board.groups)}
    named = [f"{n:,} {what}{'s' * (n != 1)}" for what, n in counts.items()]
    return " · ".join([*named[:3], f"{named[3]} of comparable runs"])


def _answers(board: Board, short: Mapping[str, str]) -> Iterator[str]:
    """The best mean of each group, of the first few."""
    for label, rows in list(_by_group(board))[:MOST_NAMED]:
        ranked = [row for row in rows if row.mean is not None]
        if ranked:
            first = max(ranked, key=lambda row: row.mean or 0.0)
            leads, n = sum(cell.leads for cell in first.cells.values()), len(first.cells)
            where = f"Group {label}: " if len(board.groups) > 1 else ""
            what, on = ("score", "") if n == 1 else ("mean", f" on {leads} of {n} tasks")
            name = short.get(first.system, first.system)
            yield (
                f"{where}{name} has the highest {what}, {100 * (first.mean or 0):.1f}; no system is significantly "
                f"better than it{on}."
            )


def _by_group(board: Board) -> Iterator[tuple[str, list[Row]]]:
    return ((label, list(rows)) for label, rows in groupby(board.rows, key=lambda row: row.group))


def _controls(board: Board) -> str:
    data = {group.label: group.data for group in board.groups}
    options = {
        "family": ("Family", [row.family for row in board.rows]),
        "group": ("Group", [group.label for group in board.groups]),
        "data": ("Text", list(data.values())),
        "device": ("Device", [row.device for row in board.rows]),
    }
    selects = "".join(
        f'<label>{title}<select name="{name}"><option value="">all</option>{"".join(map(_option, sorted(set(values))))}'
        "</select></label>"
        for name, (title, values) in options.items()
        if len(set(values)) > 1
    )
    size = '<label>Million parameters at most<input type="number" min="0" step="any" inputmode="decimal"></label>'
    return f'<div class="controls">{selects}{size}<output></output></div>'


def _option(value: str) -> str:
    return f'<option value="{escape(value)}">{escaped(value)}</option>'


def _table(board: Board, short: Mapping[str, str]) -> str:
    """A body of rows per group, so that sorting never mixes what is not comparable."""
    data = {group.label: group.data for group in board.groups}
    places = {id(row): place for place, row in enumerate(board.rows)}
    heads = "".join(
        f'<th scope="col"{_words(kind)}>{escaped(name)}</th>'
        for name, kind in (
            *(("system", "words"), *[("group", "words")] * (len(board.groups) > 1), ("family", "words")),
            *((cost, "") for cost in _costs(board)),
            ("mean", ""),
            *((f"{task} ({board.metrics[task]})", "") for task in board.tasks),
        )
    )
    wide = " wide" * (len(board.tasks) > MOST_PRINTED)
    bodies = "\n".join(
        f"<tbody>\n{''.join(_row(board, row, short, places[id(row)], data[label]) for row in rows)}</tbody>"
        for label, rows in _by_group(board)
    )
    return (
        f'<div class="scroll whole" tabindex="0" role="region" aria-label="{TITLE}"><table class="board{wide}">\n'
        f"<thead><tr>{heads}</tr></thead>\n{bodies}\n</table></div>"
    )


def _row(board: Board, row: Row, short: Mapping[str, str], place: int, data: str) -> str:
    facts = {"family": row.family, "group": row.group, "data": data, "device": row.device}
    facts |= {"parameters": str(int(row.costs[PARAMETERS]))} if PARAMETERS in row.costs else {}
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in facts.items())
    costs = "".join(f"<td>{_cost(row.costs.get(cost))}</td>" for cost in _costs(board))
    mean = MISSING if row.mean is None else f"{100 * row.mean:.1f}"
    spread = len(board.tasks) <= MOST_PRINTED
    cells = "".join(_cell(row.cells.get(task), place, number, spread) for number, task in enumerate(board.tasks))
    name = short.get(row.system, row.system)
    floor = ' class="floor"' * row.is_baseline
    group = f'<td class="words">{row.group}</td>' * (len(board.groups) > 1)
    return (
        f'<tr{floor}{attributes}><th scope="row" class="words">{escaped(name)}</th>'
        f'{group}<td class="words">{escaped(row.family)}</td>'
        f"{costs}<td>{mean}</td>{cells}</tr>\n"
    )


def _cost(value: float | None) -> str:
    return MISSING if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _cell(cell: Cell | None, row: int, task: int, with_spread: bool) -> str:
    if cell is None:
        return f"<td>{MISSING}</td>"
    values = [100 * value for value in cell.seeds.values()]
    spread = f" ± {stdev(values):.1f}" if with_spread and len(values) > 1 else ""
    kind = ' class="best"' * cell.leads
    shown = f"{100 * cell.score:.1f}{spread}"
    return f'<td{kind}><button type="button" data-row="{row}" data-task="{task}">{shown}</button></td>'


def _charts(board: Board) -> Iterator[str]:
    if chart := cost_chart(dict(_by_group(board)), _costs(board)):
        drawn = figure("Mean over the tasks of a group against cost", chart)
        yield f"<section><h2>Score against cost</h2>{drawn}</section>"


def _costs(board: Board) -> list[str]:
    """The costs that are known of any system."""
    return list(dict.fromkeys(cost for row in board.rows for cost in row.costs))


def _groups(board: Board) -> Iterator[str]:
    rows = tuple(
        (
            group.label,
            listed([board.runs[run].name for run in group.runs]),
            "; ".join(group.settings),
            "; ".join(group.why) or MISSING,
        )
        for group in board.groups
    )
    columns = ("group", "runs", "what they have in common", "why not with another group")
    shown = table(Table(columns, rows, words=frozenset(columns)), "What is compared with what")
    places = _notes(*board.environments)
    yield f"<section><h2>What is compared with what</h2>{shown}</section>"
    yield f"<section><h2>Environment</h2>{places}</section>"


def _left_out(board: Board) -> Iterator[str]:
    if board.left_out:
        lines = _notes(*(f"{each.name}: {each.reason}" for each in board.left_out))
        yield f"<section><h2>Left out</h2>{lines}</section>"


def _notes(*lines: str) -> str:
    return f"<ul>{''.join(f'<li>{escaped(line)}</li>' for line in Notes(lines).lines)}</ul>"


def _words(kind: str) -> str:
    return f' class="{kind}"' * bool(kind)
