"""A job: one piece of a plan's work, whose result is one file."""

from __future__ import annotations

import hashlib
import re

from zoo.core.specs import Record
from zoo.registry.search_grids import Selection, Setting


class Job(Record):
    """A kind of work with a system, on a task; `selection` is the rule by which its setting is selected. `kind` is the
    name of a JobKind, which defines everything else.
    """

    kind: str
    system: str
    task: str | None = None
    seed: int
    setting: Setting | None = None
    selection: Selection = "last"

    @property
    def name(self) -> str:
        """The job's file name."""
        parts = (self.kind, self.system, self.task, f"s{self.seed}", self.setting and self.setting.label)
        return slug("-".join(part for part in parts if part))


def slug(name: str) -> str:
    """A name fit for a file: odd characters replaced, long names cut and made unique by a hash."""
    fit = re.sub(r"[^A-Za-z0-9._+=,-]", "_", name)
    if fit == name and len(fit) <= 120:
        return fit
    return f"{fit[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
