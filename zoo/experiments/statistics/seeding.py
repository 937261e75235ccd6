"""Which jobs a run needs next, where seeds are added until differences are decided."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.experiments.plan.job import Job
from zoo.experiments.plan.plan import Plan
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.tests import TOO_FEW, Difference
from zoo.experiments.statistics.verdicts import compare_systems

Cell = tuple[str, str]
"""A variant and a task."""


def wanted_jobs(run: ComparisonRun) -> list[Job]:
    """All jobs that the results so far make necessary, finished ones among them, each after those that it needs."""
    return jobs_for(run.plan, compare_systems(run).differences if run.plan.claims.looks else ())


def jobs_for(plan: Plan, differences: Sequence[Difference]) -> list[Job]:
    """The jobs that undecided differences need for their next look, the likeliest to be decided first; with a fixed
    number of seeds, all.
    """
    if not plan.claims.looks:
        return plan.jobs
    first, seeds, hope = plan.claims.looks[0], dict[Cell, int](), dict[Cell, float]()
    for d in differences:
        if decides(plan, d) and d.verdict == TOO_FEW:
            following = next(number for number in plan.claims.looks if number > d.n_seeds)
            for cell in ((d.first, d.task), (d.second, d.task)):
                seeds[cell] = max(following, seeds.get(cell, first))
                hope[cell] = max(d.chance or 0.0, hope.get(cell, 0.0))

    def is_wanted(job: Job) -> bool:
        number = seeds.get((job.system, str(job.task)), first)
        return job.system in plan.unseeded_on(str(job.task)) or job.seed in plan.seeds[:number]

    wanted = [job for job in plan.jobs if job.task is not None and is_wanted(job)]
    wanted.sort(key=lambda job: -hope.get((job.system, str(job.task)), 0.0))
    return plan.with_needs(wanted)


def decides(plan: Plan, d: Difference) -> bool:
    """Whether seeds are added for a difference: between two variants, of an ablation those of an edge."""
    edges = plan.ablation and {frozenset((edge.first, edge.second)) for edge in plan.ablation.edges}
    return d.second not in plan.baselines and (edges is None or frozenset((d.first, d.second)) in edges)
