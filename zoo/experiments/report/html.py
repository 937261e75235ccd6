"""A run as one HTML page that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from zoo.experiments.report.build import notes, repeat, title, where
from zoo.experiments.report.plots import charts
from zoo.experiments.report.score_tables import audit_table, cost_table, gap_table, score_table, variant_table
from zoo.experiments.report.verdict_tables import difference_table, tier_of, tier_table
from zoo.experiments.results.records import Run
from zoo.experiments.statistics.selection import tuning_table
from zoo.experiments.statistics.verdicts import Verdicts

TEMPLATE = Path(__file__).with_name("page.html")


def html(run: Run, found: Verdicts) -> str:
    """The page; every name in it is text, whatever it holds. Raises ZooError where matplotlib is missing."""
    from jinja2 import Environment
    from markupsafe import Markup, escape

    page = Environment(autoescape=True)
    page.filters |= {"zip": zip, "breakable": lambda name: escape(name).replace("+", Markup("+<wbr>"))}
    scores = score_table(run, found)
    n_means = len(scores.columns) - len(run.plan.tasks)
    return page.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title(run),
        scores=scores,
        tiers=[[*(tier_of(found, t.name, name) for t in run.plan.tasks), *[None] * n_means] for name, _ in scores.rows],
        notes=notes(run, found),
        smallest=tier_table(found),
        # matplotlib escapes the names that it writes.
        charts=[(heading, Markup(svg)) for heading, svg in charts(run, found)],
        tuning=tuning_table(run),
        differences=difference_table(found),
        costs=cost_table(run),
        audit=audit_table(run),
        variants=variant_table(run),
        gaps=gap_table(run),
        n_jobs=len(run.plan.jobs),
        environment=where(run),
        repeat=repeat(run),
        plan_hash=run.plan.content_hash,
        plan=run.plan.model_dump_json(indent=1),
    )
