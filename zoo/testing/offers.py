"""Checks of what a plugin offers besides parts, variants and tasks: formulas, kinds, metrics and records."""

from __future__ import annotations

from pkgutil import resolve_name

from zoo.core.errors import ZooError, listed
from zoo.core.meta import without_memory
from zoo.core.specs import PartRef
from zoo.document import Document, Notes, Section, Table
from zoo.formulas import sizes
from zoo.heads import TaskHead
from zoo.registry.catalog import Catalog
from zoo.registry.describe import summary_of
from zoo.registry.offers import PARTS
from zoo.tasks.kinds import TaskKind
from zoo.tasks.metrics import metrics_of
from zoo.tasks.metrics.metric import Metric
from zoo.testing.material import DIMS


def check_formula(catalog: Catalog, name: str) -> None:
    """It counts as many parameters as the part has at a small size, with default options."""
    kind = next(kind for kind in PARTS if name in catalog.parts[kind])
    dims, part = DIMS, catalog.part(kind, name)
    with without_memory():
        try:
            module = part(dims)
        except ZooError:  # it wants embeddings as wide as the model
            dims = DIMS.model_copy(update={"embedding_width": DIMS.hidden_width})
            module = part(dims)
    components = catalog.components(kind, PartRef(name=name), dims)
    assert components is not None, "the formula gives no components"
    counted = sum(component.stored(sizes(dims)) for component in components)
    there = sum(parameter.numel() for parameter in module.parameters())
    assert counted == there, f"it counts {counted:,} parameters at {dims.hidden_width} wide, and the part has {there:,}"


def check_task_kind(catalog: Catalog, name: str) -> None:
    """It is a TaskKind whose head, baselines and metrics are there. A task of the kind shows whether they work."""
    kind = catalog.task_kind(name)
    assert isinstance(kind, type) and issubclass(kind, TaskKind), f"it should be a zoo.TaskKind; got {kind!r:.80}"
    missing = sorted(getattr(kind, "__abstractmethods__", ()))
    assert not missing, f"it lacks {', '.join(missing)}"
    head = resolve_name(kind.head)
    assert isinstance(head, type) and issubclass(head, TaskHead), f"its head should be a zoo.TaskHead; got {head!r:.80}"
    for baseline, path in kind.baselines.items():
        assert callable(resolve_name(path)), f"its baseline {baseline!r} is no function"
    assert metrics_of(name), "no metric is of this kind"


def check_metric(catalog: Catalog, name: str) -> None:
    """It is a Metric of a kind that exists, with a range."""
    metric = catalog.metric(name)
    assert isinstance(metric, Metric), f"it should be a zoo.Metric; got {metric!r:.80}"
    assert metric.kind in catalog.offered["task_kind"], f"its kind {metric.kind!r} does not exist"
    assert metric.range[0] < metric.range[1], f"its range {metric.range} holds no values"


def check_average(catalog: Catalog, name: str) -> None:
    """Its tasks exist."""
    unknown = [task for task in catalog.offered["average"][name].tasks if task not in catalog.tasks]
    assert not unknown, f"no plugin has the task {listed(unknown)}"


def check_published_count(catalog: Catalog, name: str) -> None:
    """Its variant can be built."""
    catalog.check(catalog.variant(catalog.published_counts[name].variant), trained=True)


def check_paper_table(catalog: Catalog, name: str) -> None:
    """Every row that states variants can be built."""
    for row in catalog.paper_table(name).rows:
        for expression in row.variants.values():
            catalog.check(catalog.variant(expression))


def check_report_format(catalog: Catalog, name: str) -> None:
    """It makes text of tables and notes."""
    blocks = (Table(("model", "score"), (("a", "1.0"),)), Notes(("A sentence.",)))
    made = catalog.report_format(name)(Document("Title", (Section("scores", "Scores", blocks, brief=True),)))
    assert isinstance(made, str) and made.strip(), f"it should return the text of a file; got {made!r:.80}"


def check_executor(catalog: Catalog, name: str) -> None:
    """It can be called."""
    assert callable(catalog.executor(name)), "an executor is a function or class"


def check_documentation(catalog: Catalog, plugin: str) -> None:
    """Each part has a docstring; variants name a paper, and tasks a citation, or say "none"."""
    bare = [
        f"{kind} {name} (a docstring)"
        for kind in PARTS
        for name in catalog.parts[kind]
        if catalog.owner(kind, name).name == plugin and not summary_of(catalog.part(kind, name))
    ]
    for kind, records, field in (("variant", catalog.variants, "paper"), ("task", catalog.offered["task"], "citation")):
        bare += [
            f"{kind} {name} ({field})"
            for name, record in records.items()
            if catalog.owner(kind, name).name == plugin and not getattr(record, field).strip()
        ]
    assert not bare, f"what it is and where it is from is not said of {listed(bare)}"
