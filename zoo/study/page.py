"""A run as one HTML page that needs nothing else."""

from __future__ import annotations

from zoo.specs import diff
from zoo.study.charts import charts
from zoo.study.findings import difference_table, tier_table
from zoo.study.report import notes, tabulate, where
from zoo.study.results import Run
from zoo.study.tables import Table
from zoo.study.verdicts import Verdicts

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
.scroll { overflow-x: auto; }
svg { max-width: 100%; height: auto; }
pre { overflow-x: auto; background: #f5f5f5; padding: 1em; font-size: 12px; }
h1, h2, li, p { overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; }
@media print { body { margin: 0; max-width: none; } h2, svg, tr { break-inside: avoid; } }
</style>
<h1>{{ title }}</h1>
{% macro show(table) %}<div class="scroll"><table>
<tr><th>{{ table.corner }}</th>{% for column in table.columns %}<th>{{ column }}</th>{% endfor %}</tr>
{% for label, cells in table.rows -%}
<tr><td>{{ label }}</td>{% for cell in cells %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table></div>{% endmacro %}
{{ show(scores) }}
{% if tiers.rows %}{{ show(tiers) }}{% endif %}
<ul>{% for note in notes %}<li>{{ note }}</li>
{% endfor %}</ul>
{% for name, svg in charts %}<h2>{{ name }}</h2>
{{ svg }}
{% endfor %}
{% if differences.rows %}<h2>Differences</h2>
{{ show(differences) }}{% endif %}
{% for name, table in variants %}<h2>{{ name }}</h2>
{{ show(table) }}{% endfor %}
{% if failures %}<h2>Failures</h2>
{{ show(failures) }}{% endif %}
<h2>Where it was made</h2>
<ul>{% for line in environment %}<li>{{ line }}</li>
{% endfor %}</ul>
<h2>Plan</h2>
<p>SHA-256 {{ plan_hash }}</p>
<details><summary>The whole record</summary><pre>{{ plan }}</pre></details>
</html>
"""


def html(run: Run, found: Verdicts) -> str:
    """The page; every name in it is text, whatever it holds. Raises ZooError where matplotlib is missing."""
    from jinja2 import Environment
    from markupsafe import Markup

    failures = tuple((failure.cell.name, (failure.reason,)) for failure in run.failures)
    return (
        Environment(autoescape=True)
        .from_string(PAGE)
        .render(
            title="Comparison of " + ", ".join(variant.name for variant in run.plan.variants),
            scores=tabulate(run),
            tiers=tier_table(found),
            notes=notes(run, found),
            # matplotlib escapes the names that it writes.
            charts=[(title, Markup(svg)) for title, svg in charts(run, found)],
            differences=difference_table(found),
            variants=list(_variants(run).items()),
            failures=Table("cell", ("reason",), failures) if failures else None,
            environment=where(run),
            plan_hash=run.plan.content_hash,
            plan=run.plan.model_dump_json(indent=1),
        )
    )


def _variants(run: Run) -> dict[str, Table]:
    """By heading, the fields in which each variant differs from the first."""
    first, *others = run.plan.variants
    return {
        f"From {first.name} to {other.name}": Table(
            "field",
            (first.name, other.name),
            tuple((path, (f"{a}", f"{b}")) for path, (a, b) in diff(first, other).items() if path != "paper"),
        )
        for other in others
    }
