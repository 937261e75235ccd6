"""A job: one piece of a plan's work, whose result is one file."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from zoo.core.specs import Count, Record
from zoo.registry.search_grids import Selection, Setting


class Job(Record):
    """A kind of work with a system, on a task; `selection` is the rule by which its setting is selected. `kind` is the
    name of a JobKind, which defines everything else. `at` is the number of tokens after which its model is taken from
    the pre-training; None for all of them.
    """

    kind: str
    system: str
    task: str | None = None
    seed: int
    setting: Setting | None = None
    selection: Selection = "last"
    at: Count | None = None

    @property
    def name(self) -> str:
        """The job's file name."""
        return _name(self)


@lru_cache(maxsize=65_536)
def _name(job: Job) -> str:
    """The same; a run asks for each job's dozens of times."""
    parts: tuple[object, ...] = (job.kind, job.system, job.task, f"s{job.seed}", job.at and f"at-{job.at}")
    parts += (job.setting and job.setting.label,)
    return slug("-".join(str(part) for part in parts if part))


def slug(name: str) -> str:
    """A name fit for a file: odd characters replaced, long names cut and made unique by a hash."""
    fit = re.sub(r"[^A-Za-z0-9._+=,-]", "_", name)
    if fit == name and len(fit) <= 120:
        return fit
    return f"{fit[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
