"""The section on pruned and quantized variants: what they save, and what that changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, median

from zoo.core.specs import Variant
from zoo.document import MISSING, Notes, Section, Table
from zoo.experiments.report.scores import points
from zoo.experiments.results.records import CompressionCost, Measured, TaskResult
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.statistics.costs import REPEATS, withheld

ORIGINAL = (
    "The original is the same fine-tuned model before compression, on the same items; a variant that "
    "was pruned before fine-tuning has none."
)


def compression_section(run: ComparisonRun) -> Section | None:
    """A row per compressed variant; None if there is none with a result."""
    found = [(v, its) for v in run.plan.variants if v.is_compressed and (its := run.finetuned(v.name))]
    if not found:
        return None
    notes = Notes((ORIGINAL, *(line for variant, its in found for line in _told(run, variant, its))))
    return Section("compression", "Compression", (compression_table(run, found), notes), brief=True)


def compression_table(run: ComparisonRun, found: Sequence[tuple[Variant, list[TaskResult]]]) -> Table:
    """Sizes, latency and changes of each compressed variant, with those of its original."""
    columns = (
        "variant",
        "what was done",
        "zero weights, %",
        "weights on disk, MB",
        "original, MB",
        "latency of one item, ms",
        "original, ms",
        "original in onnxruntime, ms",
        "largest change of a logit",
        "score x 100",
        "original x 100",
    )
    rows = tuple((variant.name, *_row(run, variant, its)) for variant, its in found)
    return Table(columns, rows, words=frozenset({"what was done"}))


def _row(run: ComparisonRun, variant: Variant, its: Sequence[TaskResult]) -> tuple[str, ...]:
    done, costs = [r.compression for r in its if r.compression], list(_costs(its))
    has_original = _has_original(variant)
    sizes = [c.bytes for c in costs], [c.original_bytes for c in costs if has_original]
    zero = fmean(100 * each.zeros / max(1, each.weights) for each in done)
    times = [
        [r.cost.latency_s for r in its],
        [c.original_latency_s for c in costs if has_original],
        [c.float_latency_s for c in costs],
    ]
    return (
        in_words(variant),
        f"{zero:.1f}",
        *(f"{median(size) / 1e6:.2f}" if size else MISSING for size in sizes),
        *(MISSING if withheld(run) or not (at := _middle(each)) else f"{1e3 * at.median:.2f}" for each in times),
        f"{max(each.largest_change for each in done):.3g}" if has_original else MISSING,
        points(fmean(result.main_score for result in its)),
        points(_original_score(run, variant, its)),
    )


def _has_original(variant: Variant) -> bool:
    return variant.quantization is not None or variant.pruning.when != "before"


def in_words(variant: Variant) -> str:
    """What is done to a variant."""
    pruned = [f"without {variant.pruning.in_words}"] if variant.pruning.takes else []
    return "; ".join([*pruned, *([variant.quantization] if variant.quantization else [])])


def _original_score(run: ComparisonRun, variant: Variant, its: Sequence[TaskResult]) -> float | None:
    """The mean score of the fine-tuned models that a variant was made from, if they are rows of this run."""
    name = run.plan.finetuning_origins.get(variant.name, variant.name)
    if name == variant.name or run.plan.variant(name).is_compressed:
        return None
    asked = {(result.job.task, result.job.seed) for result in its}
    scores = [r.main_score for r in run.finetuned(name) if (r.job.task, r.job.seed) in asked]
    return fmean(scores) if scores else None


def _told(run: ComparisonRun, variant: Variant, its: Sequence[TaskResult]) -> Iterator[str]:
    """What a variant's compression does not save here."""
    if variant.pruning.weights:
        yield f"{variant.name}: individual zero weights save neither time nor bytes; they are stored like others."
    if withheld(run) or not _has_original(variant) or not (now := _middle([result.cost.latency_s for result in its])):
        return
    costs = list(_costs(its))
    of_float = _middle([cost.float_latency_s for cost in costs])
    before = of_float or _middle([cost.original_latency_s for cost in costs])
    if before and not (now.high < before.low and now.median < (1 - REPEATS) * before.median):
        where = "its original in float32 in onnxruntime" if of_float else "its original"
        yield (
            f"{variant.name} is not measurably faster than {where} here: {1e3 * now.median:.2f} ms per item, "
            f"{1e3 * before.median:.2f} ms before."
        )


def _costs(its: Sequence[TaskResult]) -> Iterator[CompressionCost]:
    return (result.cost.compression for result in its if result.cost.compression)


def _middle(found: Sequence[Measured | None]) -> Measured | None:
    """The medians of medians and quartiles."""
    known = [each for each in found if each]
    if not known:
        return None
    middle, low, high = (median(getattr(each, end) for each in known) for end in ("median", "low", "high"))
    return Measured(median=middle, low=low, high=high, repeats=len(known))
