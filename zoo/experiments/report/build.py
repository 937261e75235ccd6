"""A run as a document, made from its saved results alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from zoo.core.files import write_text
from zoo.document import Document, Made, Section, markdown
from zoo.experiments.plan.plan import Plan
from zoo.experiments.report import (
    ablation,
    calibration,
    categories,
    compression,
    costs,
    differences,
    features,
    learning,
    metrics,
    models,
    parts,
    provenance,
    scores,
    seeding,
    selection,
)
from zoo.experiments.report.answer import answer_section
from zoo.experiments.report.more_seeds import more_seeds
from zoo.experiments.report.results_json import summary
from zoo.experiments.results.folder import read_made
from zoo.experiments.results.records import FailedResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.analysis import Analysis
from zoo.experiments.statistics.costs import quantities
from zoo.experiments.statistics.seeding import jobs_for
from zoo.experiments.statistics.verdicts import Comparisons

MOST_NAMES = 5
"""Variants that a title names."""

HELD_EQUAL = {
    "tokens": "Held equal: the text and the number of tokens read. Parameters and operations differ.",
    "parameters": "Held equal: the text, the number of tokens read, and the parameters of embedding and encoder "
    "according to the records, as closely as a change of widths allows; a tokenizer that finds fewer "
    "words stores fewer. Operations differ.",
    "operations": "Held equal: the operations of pre-training, as counted by the audit. A model that needs more "
    "operations per token reads fewer tokens.",
}
"""What was made equal, in words."""


def document(analysis: Analysis, made: Made | None = None) -> Document:
    """The sections of a run, the most important first; an ablation's own come first."""
    plan = analysis.run.plan
    return Document(
        title=title(plan),
        sections=tuple(sections(analysis, made)),
        data=lambda: summary(analysis, costs=True),
        files={"plan.json": plan.model_dump_json(indent=1)},
        made=made,
        names=tuple(plan.names),
    )


def sections(analysis: Analysis, made: Made | None = None) -> Iterator[Section]:
    """The whole report: the answer, what it rests on, details, and how it was made."""
    run, comparisons, effects = analysis.run, analysis.comparisons, analysis.effects
    warned = tuple(caveats(run, comparisons))
    whole = (
        *(
            ablation.sections(run, effects, warned)
            if effects
            else [answer_section(run, comparisons, quantities(run), warned, partial(more_seeds, run, made))]
        ),
        scores.scores_section(run, comparisons),
        differences.tiers_section(comparisons),
        seeding.seeding_section(run, comparisons),
        differences.differences_section(comparisons, drawn=effects is None),
        compression.compression_section(run),
        costs.costs_section(run),
        costs.pareto_section(run, comparisons),
        learning.learning_section(run, comparisons, analysis.learning),
        metrics.metrics_section(run),
        categories.categories_section(run),
        selection.selection_section(run),
        parts.parts_section(run),
        calibration.calibration_section(run),
        scores.seeds_section(run),
        features.features_section(run),
        models.pretraining_section(run),
        models.variants_section(run),
        models.parameters_section(run),
        provenance.missing_section(run, comparisons),
        provenance.environment_section(run),
        provenance.repeat_section(run),
    )
    return (section for section in whole if section)


def caveats(run: ComparisonRun, comparisons: Comparisons) -> Iterator[str]:
    """What the answer must not be read without."""
    synthetic = [task.synthetic for task in run.plan.tasks]
    if any(synthetic):
        which = "The tasks are" if all(synthetic) else f"{sum(synthetic)} of {len(synthetic)} tasks are"
        yield f"{which} synthetic: they show differences of design, not of language understanding."
    if run.plan.equal:
        yield HELD_EQUAL[run.plan.equal]
    own = [name for name in run.plan.names if run.plan.is_pretrained(name)]
    if own and len(run.plan.seeds) > 1 and not run.plan.pretrain_each_seed:
        yield "All seeds of a variant share one pre-training: intervals leave out the variation between pre-trainings."
    there = {result.job for result in run.results if not isinstance(result, FailedResult)}
    jobs = jobs_for(run.plan, comparisons.differences)
    n_missing = sum(job not in there for job in jobs)
    if n_missing:
        yield f"{n_missing} of {len(jobs)} jobs are missing; see Missing results."


def write_report(analysis: Analysis, folder: Path) -> None:
    """Write results.json and report.md into a run folder."""
    write_text(folder / "results.json", json.dumps(summary(analysis), indent=1) + "\n")
    write_text(folder / "report.md", markdown.render(document(analysis, read_made(folder))))


def title(plan: Plan) -> str:
    """The title of a report."""
    names = [variant.name for variant in plan.variants]
    if plan.ablation:
        paper = plan.ablation.paper
        return f"Ablation: {paper.name if paper else f'{names[0]} to {names[-1]}'}"
    return f"Comparison of {', '.join(names) if len(names) <= MOST_NAMES else f'{len(names)} variants'}"
