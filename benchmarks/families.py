"""Each family of the transformers library's beside it: code, parity, counts, speed; prints one row per family.

python -m benchmarks.families
python -m benchmarks.families --families Bert ModernBert --configs 2 --out rows.json
python -m benchmarks.families --show rows.json

Parity is the worst over all heads of random tiny configurations, `--configs` each: of values in float32, of gradients
in float64. Counts are those of embedding and encoder of all released variants, on the meta device. Speeds are processor
time of the library over ours, medians of alternating passes over the same texts, the library's padded and sorted by
length; a fine-tuning step is forward, backward and AdamW.
"""

from __future__ import annotations

import argparse
import ast
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
from torch import Tensor, nn

import zoo
from tests.parity.families import FAMILIES, tiny
from tests.parity.oracle import compare, ragged, reference
from zoo import Catalog, Encoding, Model, Variant
from zoo.auditing.module import on_meta
from zoo.core.batch import Batch
from zoo.core.specs import HeadConfig
from zoo.heads import LABEL
from zoo.tasks.kinds import make_head
from zoo.text.collate import collate
from zoo.weights.format import CheckpointFormat

Steps = Callable[[], None]

CATALOG = Catalog.installed()
TIMED = {
    "OpenAIGPT": "gpt-mini",
    "XLMRoberta": "roberta-mini+tokenizer=roberta.xlm_unigram",
    "Camembert": "roberta-mini+tokenizer=roberta.camembert_unigram",
}
"""What is timed where a family has no variant called after it and mini."""


PLUGINS = {"OpenAIGPT": "gpt", "GPT2": "gpt", "XLMRoberta": "roberta", "Camembert": "roberta", "DebertaV2": "deberta"}
"""The plugin of a family, where it is called otherwise."""

VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__}


class Row(NamedTuple):
    """What is measured of a family."""

    family: str
    lines: int
    values: float
    gradients: float
    counts: str
    encoding: float
    finetuning: float


def row(family: str, n_configs: int, n_texts: int, n_passes: int) -> Row:
    """All of a family."""
    format = CATALOG.checkpoint_formats[getattr(transformers, f"{family}Config").model_type]
    return Row(
        family,
        lines_of(PLUGINS.get(family, family.lower())),
        *parity(family, n_configs),
        counts(family, format),
        *speed(family, format, n_texts, n_passes),
    )


def lines_of(plugin: str) -> int:
    """Lines of a plugin's code, without blank ones, comments and docstrings."""
    spec = find_spec(f"zoo_{plugin}")
    assert spec is not None and spec.origin is not None
    return sum(map(_lines, Path(spec.origin).parent.glob("*.py")))


def _lines(path: Path) -> int:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    counted: set[int] = set()
    for node in ast.walk(tree):
        is_text = (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        if isinstance(node, ast.stmt) and not is_text:
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or node.lineno
            counted |= set(range(node.lineno, max(node.lineno, last) + 1))
    return len(counted)


def parity(family: str, n_configs: int) -> tuple[float, float]:
    """The largest differences of values and gradients over all heads and random configurations."""
    worst = [0.0, 0.0]
    for seed in range(n_configs):
        for head in FAMILIES[family].heads:
            rng = np.random.default_rng(seed)
            sizes = tiny(family, rng)
            found = compare(reference(family, head, sizes, seed), head, ragged(family, sizes["vocab_size"], 13, rng))
            worst = [max(worst[0], found.values), max(worst[1], found.gradients)]
    return worst[0], worst[1]


def counts(family: str, format: CheckpointFormat) -> str:
    """How many of the released variants have as many parameters as the library's class that predicts words."""
    released = [v for v in CATALOG.variants.values() if _is_released(v, format)]
    agree = sum(_ours(variant) == _theirs(family, format, variant) for variant in released)
    return f"{agree} of {len(released)}"


def _is_released(variant: Variant, format: CheckpointFormat) -> bool:
    same = variant.embedding.name == format.base.embedding.name and variant.encoder.name == format.base.encoder.name
    return same and variant.tokenizer.name == format.base.tokenizer.name and not variant.paper.startswith("ours")


def _ours(variant: Variant) -> int:
    model = on_meta(CATALOG, variant)
    return sum(p.numel() for part in (model.embedding, model.encoder) for p in part.parameters())


def _theirs(family: str, format: CheckpointFormat, variant: Variant) -> int:
    config = getattr(transformers, f"{family}Config")(**(format.config(variant) or {}))
    with torch.device("meta"):
        model = getattr(transformers, f"{family}{FAMILIES[family].language_model}")(config)
    return sum(parameter.numel() for parameter in model.base_model.parameters())


def speed(family: str, format: CheckpointFormat, n_texts: int, n_passes: int) -> tuple[float, float]:
    """How many times as fast we encode and fine-tune as the library does, from the same weights."""
    variant = CATALOG.variant(TIMED.get(family, f"{family.lower().removesuffix('v2')}-mini"))
    built = CATALOG.build(variant)
    config = HeadConfig(kind="classification", labels=("a", "b"), pooling=format.pooling)
    alone = Model(variant, built.embedding, built.encoder, {}, causal=built.causal)
    headed = alone.with_head("task", make_head(variant.dims, config))
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.gamma(4.0, 7.0, n_texts).astype(int), 5, 128)
    encodings = [_encoding(rng.integers(5, variant.dims.vocab_size, length)) for length in sorted(lengths)]
    batches = [encodings[start : start + 32] for start in range(0, n_texts, 32)]
    with TemporaryDirectory() as folder:
        zoo.save(alone, f"{folder}/bare")
        zoo.save(headed, f"{folder}/head")
        bare = getattr(transformers, f"{family}Model").from_pretrained(f"{folder}/bare").eval()
        head = getattr(transformers, f"{family}ForSequenceClassification").from_pretrained(f"{folder}/head").train()
        if head.config.pad_token_id is None:  # without one, GPT-2 does not look for the last token
            head.config.pad_token_id = 0
    encoding = ratio(lambda: _encode(alone.eval(), encodings), lambda: _their_encode(bare, batches), n_passes)
    return encoding, ratio(*_steps(headed.train(), head, batches), n_passes)


def _encoding(ids: np.ndarray[Any, Any]) -> Encoding:
    zeros = np.zeros(len(ids), dtype=np.int32)
    return Encoding(ids.astype(np.int32), zeros, zeros.astype(bool))


def _encode(model: Model, encodings: Sequence[Encoding]) -> None:
    model.map_sequences(encodings, lambda hidden, batch: batch.layout.mean(hidden), lambda means, batch: means)


def _padded(batch: Batch) -> dict[str, Tensor]:
    ids, mask = batch.layout.pad(batch.ids)
    return {"input_ids": ids, "attention_mask": mask.long()}


def _their_encode(model: nn.Module, batches: Sequence[Sequence[Encoding]]) -> None:
    with torch.inference_mode():
        for encodings in batches:
            given = _padded(collate(encodings))
            hidden, mask = model(**given).last_hidden_state, given["attention_mask"][:, :, None]
            (hidden * mask).sum(1) / mask.sum(1)


def _steps(ours: Model, theirs: nn.Module, batches: Sequence[Sequence[Encoding]]) -> tuple[Steps, Steps]:
    """A step of each on every batch."""
    made = [collate(one, labels={LABEL: [place % 2 for place in range(len(one))]}) for one in batches]

    def run(model: nn.Module, loss: Callable[[Batch], Tensor]) -> Steps:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

        def steps() -> None:
            for batch in made:
                loss(batch).backward()
                optimizer.step()
                optimizer.zero_grad()

        return steps

    return (
        run(ours, lambda batch: ours(batch)["task"].loss),
        run(theirs, lambda batch: theirs(**_padded(batch), labels=batch.labels[LABEL]).loss),
    )


def ratio(ours: Steps, theirs: Steps, n_passes: int) -> float:
    """Median processor time of theirs over that of ours, in alternating passes after one of each."""
    found: dict[int, list[float]] = {0: [], 1: []}
    for turn in range(2 * (n_passes + 1)):
        start = time.process_time()
        (ours, theirs)[turn % 2]()
        found[turn % 2].append(time.process_time() - start)
    return median(found[1][1:]) / median(found[0][1:])


def table(rows: Iterable[Row]) -> Iterator[str]:
    """The rows in Markdown."""
    yield "| family | lines of code | worst value | worst gradient | counts that agree | encode | fine-tune |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for one in rows:
        speeds = f"{one.encoding:.2f} x | {one.finetuning:.2f} x"
        yield f"| {one.family} | {one.lines} | {one.values:.1e} | {one.gradients:.1e} | {one.counts} | {speeds} |"


def stored(path: Path) -> dict[str, dict[str, Any]]:
    """The rows of a file of --out, by family."""
    lines = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return {line["family"]: line for line in lines}


def measured(families: Iterable[str], out: Path | None, sizes: Mapping[str, int]) -> Iterator[Row]:
    """A row per family; each takes the place of the family's in the file, with the `sizes` of its run."""
    for family in families:
        one = row(family, *sizes.values())
        if out is not None:
            lines = {**stored(out), family: {**one._asdict(), **sizes, "versions": VERSIONS}}
            text = json.dumps([lines[name] for name in FAMILIES if name in lines], indent=1)
            out.write_text(f"{text}\n", encoding="utf-8")
        yield one


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = list(FAMILIES)
    parser.add_argument("--families", nargs="+", choices=known, default=known)
    parser.add_argument("--configs", type=int, default=5, help="random configurations per head")
    parser.add_argument("--texts", type=int, default=128, help="texts of a pass")
    parser.add_argument("--passes", type=int, default=5, help="passes that are timed")
    parser.add_argument("--out", type=Path, help="a JSON file to put the rows into")
    parser.add_argument("--show", type=Path, help="print the rows of such a file, and measure nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    sizes = {"configs": given.configs, "texts": given.texts, "passes": given.passes}
    rows = measured(given.families, given.out, sizes)
    if given.show:
        rows = (Row(**{key: line[key] for key in Row._fields}) for line in stored(given.show).values())
    for line in table(rows):
        print(line, flush=True)


if __name__ == "__main__":
    main()
