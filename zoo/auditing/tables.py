"""Audits as sections of a document, a table each."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.auditing.audit import Audit, PublishedCount
from zoo.auditing.counts import DEFINITIONS, LABELS
from zoo.document import MISSING, Notes, Section, Table

COMPONENTS = ("token", "position", "segment", "projection", "attention", "ffn", "norms", "pooler")
"""The components that the published architectures have; whatever else there is counts as heads or other."""

WORDS = frozenset({"published", "formula"})
"""Columns of words beside the first ones."""


SUPPOSED = (
    "What sharing and factorizing save is counted from a variant with neither. One that does not share layers or "
    "factorize its tables is counted as if it did: one layer for all, tables of the width E that is shown."
)


def _section(
    title: str, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], n_words: int = 1, note: str = ""
) -> Section:
    """A section of one table, whose first columns hold words, and a note."""
    identity = title.split(":")[0].lower().replace(" ", "-")
    words = frozenset(columns[:n_words]) | WORDS
    return Section(identity, title, (Table(columns, rows, words=words), *([Notes((note,))] if note else [])))


def overview(audits: Sequence[Audit]) -> Section:
    """A row per variant: the four counts, whether the other sources agree, and what is published."""
    columns = ("variant", *LABELS.values(), "module", "checkpoint", "published")
    return _section("Parameters", columns, tuple(_overview_row(audit) for audit in audits))


def _overview_row(audit: Audit) -> tuple[str, ...]:
    published = ", ".join(
        f"{count.figure} {'(unexplained)' if not count.ways else ''}".strip() for count in audit.sources.published
    )
    marks = tuple(_mark(audit, source) for source in ("module", "checkpoint"))
    return (audit.name, *(number(audit.counts.get(d)) for d in DEFINITIONS), *marks, published or MISSING)


def _mark(audit: Audit, source: str) -> str:
    if getattr(audit.sources, source) is None:
        return MISSING
    return "differs" if any(d.source == source for d in audit.disagreements) else "equal"


def definitions(audits: Sequence[Audit]) -> Section:
    """A row per definition that applies: every source's count beside the formula."""
    rows = []
    for audit in audits:
        sources = (audit.sources.closed_form, audit.sources.module, audit.sources.checkpoint)
        for d in DEFINITIONS:
            counts = [source.get(d) if source else None for source in sources]
            if all(count is None for count in counts):
                continue
            shown = [
                p.figure for p in audit.sources.published if any(way.startswith(f"{LABELS[d]},") for way in p.ways)
            ]
            formula = audit.formulas.get(d, MISSING)
            rows.append((audit.name, LABELS[d], *map(number, counts), ", ".join(shown) or MISSING, formula))
    columns = ("variant", "definition", "closed form", "module", "checkpoint", "published", "formula")
    return _section("Four counts under four definitions", columns, tuple(rows), n_words=2)


def published(counts: Sequence[tuple[str, PublishedCount]]) -> Section:
    """A row per printed figure: where it is from, and how it can be reached."""
    rows = tuple((name, c.figure, c.source, "; or ".join(c.ways) or c.causes[0]) for name, c in counts)
    return _section("Published figures", ("variant", "figure", "source", "what gives it"), rows, n_words=4)


def breakdown(audits: Sequence[Audit]) -> Section:
    """A row per component."""
    rows = tuple(
        (
            audit.name,
            row.part,
            row.component,
            row.formula or "no formula",
            number(row.each),
            number(row.copies),
            number(row.runs),
            number(row.stored),
            number(row.executed),
            _share(row.stored, audit),
        )
        for audit in audits
        for row in audit.breakdown
    )
    columns = (
        "variant", "part", "component", "one copy", "parameters", "copies", "runs", "stored", "executed", "share"
    )  # fmt: skip
    return _section("Components", columns, rows, n_words=4)


def components(audits: Sequence[Audit]) -> Section:
    """A row per variant, a column per component."""
    rows = []
    for audit in audits:
        sums = {name: 0 for name in (*COMPONENTS, "heads and other")}
        for row in audit.breakdown:
            sums[row.component if row.component in sums else "heads and other"] += row.stored
        rows.append((audit.name, *(number(n or None) for n in sums.values()), _embedding_share(audit)))
    columns = ("variant", *COMPONENTS, "heads and other", "embedding's share of the encoder")
    return _section("Parameters by component, as stored", columns, tuple(rows))


def _share(stored: int, audit: Audit) -> str:
    total = sum(row.stored for row in audit.breakdown)
    return f"{stored / total:.1%}"


def _embedding_share(audit: Audit) -> str:
    embedding, encoder = (sum(r.stored for r in audit.breakdown if r.kind == kind) for kind in ("embedding", "encoder"))
    return f"{embedding / (embedding + encoder):.1%}"


def sharing(audits: Sequence[Audit]) -> Section:
    """A row per variant with formulas: what is stored, what runs, and what sharing and factorizing save."""
    rows = []
    for audit in audits:
        if (s := audit.sharing) is None:
            continue
        numbers = (
            s.stored, s.executed, s.unshared, s.embedding_width, s.unshared_full, s.saved_by_sharing,
            s.saved_by_factorizing, s.saved_by_both,
        )  # fmt: skip
        rows.append((audit.name, *map(number, numbers)))
    columns = (
        "variant", "stored", "executed per token", "unshared equivalent", "E if factorized", "neither shared nor "
        "factorized", "sharing saves", "factorizing saves", "both save",
    )  # fmt: skip
    return _section("Sharing: embedding and encoder", columns, tuple(rows), note=SUPPOSED)


def costs(audits: Sequence[Audit]) -> Section:
    """A row per variant and length."""
    rows = []
    for audit in audits:
        cost = audit.cost
        for at in cost.lengths if cost else ():
            assert cost is not None
            rows.append(
                (
                    audit.name,
                    number(at.length),
                    f"{at.forward / 1e9:,.3f}",
                    f"{at.quadratic / at.forward:.1%}",
                    f"{at.training / 1e9:,.3f}",
                    f"{cost.weights['float32'] / 1e6:,.1f}",
                    f"{cost.weights['float16'] / 1e6:,.1f}",
                    f"{cost.optimizer / 1e6:,.1f}",
                    f"{at.activations / 1e6:,.0f}",
                )
            )
    batch = next((audit.cost.batch for audit in audits if audit.cost), 0)
    columns = (
        "variant", "length", "forward, GFLOP per sequence", "of which quadratic", "training, GFLOP per sequence",
        "weights float32, MB", "float16, MB", "optimizer, MB", f"activations of {batch} sequences, MB",
    )  # fmt: skip
    return _section("Cost", columns, tuple(rows))


def difference(a: Audit, b: Audit) -> Section:
    """A row per component in which two variants differ, and their sum."""
    rows = tuple(
        (
            str(found["kind"]),
            str(found["component"]),
            str(found["formula_a"] or MISSING),
            str(found["formula_b"] or MISSING),
            *(f"{found[side]:,}" for side in ("a", "b")),
            f"{found['difference']:+,}",
        )
        for found in differences(a, b)
    )
    columns = ("kind", "component", f"{a.name}, formula", f"{b.name}, formula", a.name, b.name, "difference")
    return _section(f"From {a.name} to {b.name}", columns, rows, n_words=4)


def differences(a: Audit, b: Audit) -> list[dict[str, str | int | None]]:
    """The components in which two variants differ, and last the sum of all."""
    left, right = _by_component(a), _by_component(b)
    found: list[dict[str, str | int | None]] = []
    for kind, component in dict.fromkeys((*left, *right)):
        (n, formula), (m, other) = (side.get((kind, component), (0, None)) for side in (left, right))
        if n != m:
            found.append(_difference(kind, component, formula, other, n, m))
    totals = [sum(row.stored for row in audit.breakdown) for audit in (a, b)]
    return [*found, _difference("all", "all", None, None, *totals)]


def _difference(
    kind: str, component: str, formula: str | None, other: str | None, n: int, m: int
) -> dict[str, str | int | None]:
    return {
        "kind": kind,
        "component": component,
        "formula_a": formula,
        "formula_b": other,
        "a": n,
        "b": m,
        "difference": m - n,
    }


def _by_component(audit: Audit) -> dict[tuple[str, str], tuple[int, str]]:
    found: dict[tuple[str, str], tuple[int, str]] = {}
    for row in audit.breakdown:
        key = (row.kind, row.component)
        before, formulas = found.get(key, (0, ""))
        formula = row.formula or "no formula"
        if row.copies not in (1, None):
            formula = f"{row.copies}·({formula})"
        found[key] = (before + row.stored, " + ".join(filter(None, (formulas, formula))))
    return found


def number(value: int | None) -> str:
    """A number with separators, or a dash."""
    return MISSING if value is None else f"{value:,}"
