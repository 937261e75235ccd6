"""The audit of a variant: the counts of every source, whether they agree, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.auditing.breakdown import Row, breakdown
from zoo.auditing.causes import UNEXPLAINED, explain_count, explain_figure
from zoo.auditing.checkpoint import Contents, is_path, read_checkpoint
from zoo.auditing.closed_form import ClosedForm, closed_form
from zoo.auditing.cost import BATCH, LENGTHS, Cost, cost
from zoo.auditing.counts import DEFINITIONS, Counts, Definition
from zoo.auditing.sharing import Sharing, sharing
from zoo.core.errors import ZooError
from zoo.core.specs import Record, Variant
from zoo.formulas import sizes
from zoo.registry.catalog import Catalog
from zoo.weights.hub import folder_named, hub_name, is_hub_name


class PublishedCount(Record):
    """A printed figure, and the simplest ways to it; `causes` are those of the first, or "unexplained"."""

    figure: str
    source: str
    causes: tuple[str, ...]
    ways: tuple[str, ...]


class Sources(Record):
    """Where counts come from; None if a source was not asked or has nothing to say."""

    closed_form: Counts | None = None
    module: Counts | None = None
    checkpoint: Counts | None = None
    published: tuple[PublishedCount, ...] = ()


class Disagreement(Record):
    """A source that gives another count than `counts` does, and why."""

    source: str
    definition: Definition
    expected: int
    found: int
    causes: tuple[str, ...]


class Audit(Record):
    """Everything in the audit of a variant.

    `agrees` is true where every exact source gives the same count under each definition that both know; a published
    figure is no exact source. `counts` are the closed form's, or where a formula is missing the module's.
    """

    name: str
    counts: Counts
    sources: Sources
    agrees: bool
    formulas: dict[str, str]
    disagreements: tuple[Disagreement, ...] = ()
    breakdown: tuple[Row, ...] = ()
    sharing: Sharing | None = None
    cost: Cost | None = None
    file: Contents | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Settings:
    """Whether modules are built, at which lengths and for which batch costs are told, which figures are explained."""

    module: bool = False
    lengths: tuple[int, ...] = LENGTHS
    batch: int = BATCH
    figures: tuple[str, ...] = ()


def audited(catalog: Catalog, name: str, settings: Settings, beside: Sequence[str] = ()) -> Audit:
    """The audit of a name, or the reason why there is none."""
    try:
        own, meant = catalog.named(name)
        exchanged = catalog.folder(name) is not None and not (Path(meant).exists() or is_hub_name(meant))
        if meant not in catalog.variants and is_path(meant) and not exchanged:
            audit = audit_checkpoint(catalog, meant, settings)
            return audit.model_copy(update={"name": own}) if own else audit
        return audit_variant(catalog, catalog.variant(name, beside), settings)
    except ZooError as error:
        reason = " ".join(str(error).split())
        return Audit(name=name, counts=Counts(), sources=Sources(), agrees=False, formulas={}, error=reason)


def audit_variant(catalog: Catalog, variant: Variant, settings: Settings) -> Audit:
    """Audit a variant, a pruned one as it is in the end.

    Raises UnknownName or ZooError if its parts are missing or do not fit together.
    """
    return audit_form(catalog, closed_form(catalog, variant.as_pruned(variant.pruning)), settings)


def audit_checkpoint(catalog: Catalog, path: str, settings: Settings) -> Audit:
    """Audit a folder, on the hub too, or a safetensors file. Raises ZooError if it is broken or holds no weights."""
    place = folder_named(path)
    path = hub_name(place) or path
    found = read_checkpoint(catalog, place)
    if found.form is None:
        audit = Audit(
            name=path, counts=found.counts, sources=Sources(checkpoint=found.counts), agrees=True, formulas={}
        )
    else:
        audit = audit_form(catalog, _named(catalog, found.form), settings, found.counts)
    notes = (*found.notes, *audit.notes)
    return audit.model_copy(update={"name": path, "file": found.contents, "notes": notes, "error": found.error})


def _named(catalog: Catalog, form: ClosedForm) -> ClosedForm:
    """A checkpoint's form under the name of the variant whose record it is in all that counts, if there is one."""
    for variant in catalog.variants.values():
        same = (variant.embedding, variant.encoder) == (form.variant.embedding, form.variant.encoder)
        if same and sizes(variant.dims) == form.sizes:
            return replace(form, variant=form.variant.swap(variant.name))
    return form


def audit_form(catalog: Catalog, form: ClosedForm, settings: Settings, checkpoint: Counts | None = None) -> Audit:
    """Audit a variant, with the counts of a checkpoint of it if there is one."""
    counted, module = _on_module(catalog, form) if settings.module or form.unknown else ({}, None)
    stated = None if form.unknown and form.counts == Counts() else form.counts
    reference = module if form.unknown and module is not None else form.counts
    published = [(p.figure, p.source) for p in catalog.published_counts.values() if p.variant == form.variant.name]
    published += [(figure, "given") for figure in settings.figures]
    sources = Sources(
        closed_form=stated,
        module=module,
        checkpoint=checkpoint,
        published=tuple(published_count(form, figure, source, reference) for figure, source in published),
    )
    disagreements = _disagreements(form, reference, sources)
    return Audit(
        name=form.variant.name,
        counts=reference,
        sources=sources,
        agrees=not disagreements,
        disagreements=disagreements,
        formulas={d: str(formula) for d in DEFINITIONS if (formula := form.formula(d)) is not None},
        breakdown=breakdown(form, counted),
        sharing=sharing(form),
        cost=cost(form, settings.lengths, settings.batch),
        notes=_without_formula(form),
    )


def _without_formula(form: ClosedForm) -> tuple[str, ...]:
    """What is not counted as parts state no formula, in a sentence."""
    parts = ", ".join(f"{part.kind} {part.name!r}" for part in form.unknown)
    lacking = "cost" if sharing(form) else "sharing and cost"
    return (f"no formula for {parts}: parameters are the module's, without {lacking}",) if parts else ()


def _on_module(catalog: Catalog, form: ClosedForm) -> tuple[Mapping[str, int], Counts]:
    from zoo.auditing.module import module_counts, on_meta, part_counts

    try:
        model = on_meta(catalog, form.variant)
    except ZooError:
        raise
    except Exception as error:  # a stranger's part
        raise ZooError(f"{form.variant.name} cannot be built: {type(error).__name__}: {error}") from error
    return part_counts(model), module_counts(model)


def printed_elsewhere(catalog: Catalog) -> list[tuple[str, PublishedCount]]:
    """What is printed of models that are no variants of their own, such as the rows of an ablation."""
    found = []
    for published in catalog.published_counts.values():
        if published.variant not in catalog.variants:
            form = closed_form(catalog, catalog.variant(published.variant))
            count = published_count(form, published.figure, published.source, form.counts)
            found.append((published.variant, count))
    return found


def published_count(form: ClosedForm, figure: str, source: str, counts: Counts) -> PublishedCount:
    """A printed figure explained."""
    ways = explain_figure(form, figure, counts)
    return PublishedCount(
        figure=figure,
        source=source,
        causes=ways[0].named if ways else (UNEXPLAINED,),
        ways=tuple(f"{way} = {way.count:,}" for way in ways),
    )


def _disagreements(form: ClosedForm, reference: Counts, sources: Sources) -> tuple[Disagreement, ...]:
    found = []
    for source in ("closed_form", "module", "checkpoint"):
        counts: Counts | None = getattr(sources, source)
        for definition in DEFINITIONS if counts else ():
            expected, count = reference.get(definition), counts.get(definition) if counts else None
            if expected is None or count is None or expected == count:
                continue
            ways = explain_count(form, definition, count)
            causes = ways[0].causes if ways else (UNEXPLAINED,)
            found.append(
                Disagreement(source=source, definition=definition, expected=expected, found=count, causes=causes)
            )
    return tuple(found)
