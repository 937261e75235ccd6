"""The rows that are measured on a CPU or a GPU: what work each is, and who does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
import torch

from benchmarks.encoding import encoding_runs
from benchmarks.gpu_work import CATALOG, Work, finetuning, peer_config, pretraining
from zoo.machine.compute import Compute
from zoo.machine.environment import environment
from zoo.train.loop import train
from zoo.train.step import StepConfig

WHO = ("zoo", "zoo-compiled", "zoo-eager", "transformers", "transformers-compiled", "transformers-sorted")
"""The last two are the best settings of the peer: compiled without a mask, and texts sorted by length."""


@dataclass(frozen=True)
class Row:
    """One kind of work: a variant, and the lengths of the sequences of a step, or how many short texts it has.

    `encoded` is how many texts a pass of inference reads, from ids unless `from_text`.
    """

    name: str
    variant: str
    shape: tuple[int, int] | None = None
    texts: int = 0
    encoded: int = 0
    from_text: bool = False
    goal: str = ""

    def work(self) -> Work:
        """The model and eight steps' batches, or 64 steps' of short texts, as they come in an epoch."""
        if self.shape:
            n, length = self.shape
            alike = "objectives=bert.mlm+pretraining.bias_correction=true"
            return pretraining(f"{self.variant}+{alike}", [(length,) * n] * 8)
        rng = np.random.default_rng(0)
        drawn = np.sort(np.clip(rng.gamma(4.0, 7.0, (8, self.texts * 8)).astype(int), 5, 128), axis=1)
        rows = [[int(n) for n in row] for row in drawn.reshape(-1, self.texts)]
        return finetuning(self.variant, [rows[i] for i in rng.permutation(len(rows))], "classification", dropout=0.1)


BASE, MINI, SMALL = "bert-base-uncased", "bert-mini-uncased", "bert-tiny-uncased+dims.vocab_size=600"
ENCODING = ">= 2,500 k tokens/s"
GPU_ROWS = (
    Row("finetune-mini", MINI, texts=32, goal="<= 2 ms"),
    Row("mlm-mini-256x128", MINI, (256, 128), goal=">= 3,000 k tokens/s"),
    Row("mlm-base-64x128", BASE, (64, 128), goal=">= 400 k tokens/s, memory <= 0.65 x"),
    Row("mlm-base-256x128", BASE, (256, 128), goal=">= 600 k tokens/s"),
    Row("mlm-base-32x512", BASE, (32, 512), goal=">= 400 k tokens/s"),
    Row("finetune-base", BASE, texts=32, goal="<= 8 ms"),
    Row("encode-base-ids", BASE, encoded=16_384, goal=ENCODING),
    Row("encode-base-text", BASE, encoded=16_384, from_text=True, goal=ENCODING),
)
CPU_ROWS = (
    Row("finetune-mini", MINI, texts=32),
    Row("mlm-mini-32x128", MINI, (32, 128)),
    Row("mlm-base-8x128", BASE, (8, 128)),
    Row("mlm-base-2x512", BASE, (2, 512)),
    Row("finetune-base", BASE, texts=32),
    Row("encode-base-ids", BASE, encoded=1_024),
    Row("encode-base-text", BASE, encoded=1_024, from_text=True),
)
TINY = (
    Row("mlm-tiny", SMALL, (2, 16)),
    Row("finetune-tiny", SMALL, texts=2),
    Row("encode-tiny-ids", SMALL, encoded=40),
    Row("encode-tiny-text", SMALL, encoded=40, from_text=True),
)


def rows_for(device: str, *, tiny: bool = False) -> tuple[Row, ...]:
    """Those of a size that the device does in seconds."""
    return TINY if tiny else CPU_ROWS if device == "cpu" else GPU_ROWS


def compute_for(device: str, *, fast: bool = False) -> Compute:
    """How rows are computed there: in bf16 on a GPU; deterministic unless `fast`."""
    precision = "fp32" if device == "cpu" else "bf16"
    return Compute.model_validate({"device": device, "precision": precision, "deterministic": not fast})


@dataclass(frozen=True)
class Run:
    """Someone's steps of a row, endless, after how many of them times are steady, and the tokens of a step."""

    who: str
    steps: Callable[[], Iterator[None]]
    warm: int
    tokens: float


def names_of_runs(row: Row, device: str) -> tuple[str, ...]:
    """Who does a row; of short texts, each length would be compiled, and on a CPU nothing is."""
    if row.encoded:
        return ("zoo", "transformers", "transformers-sorted")
    if row.shape and device != "cpu":
        return ("zoo-compiled", "zoo", "transformers", "zoo-eager", "transformers-compiled")
    return ("zoo", "transformers", "zoo-eager") if device != "cpu" else ("zoo", "transformers")


def runs(row: Row, compute: Compute, warm: int) -> Iterator[Run]:
    """All who do a row, on the same batches or texts. `warm` steps come first, or two epochs, in which all shapes
    of short texts return.
    """
    names = names_of_runs(row, compute.device)
    if row.encoded:
        passes, tokens = encoding_runs(row.variant, row.encoded, row.from_text, compute)
        yield from (Run(name, passes[name], min(warm, 1), tokens) for name in names)
        return
    work = row.work()
    tokens = float(np.mean([batch.layout.n_tokens for batch in work.batches]))
    steps: dict[str, Callable[[], Iterator[None]]] = {
        "zoo-compiled": partial(ours, work, compute, compiles=True),
        "zoo": partial(ours, work, compute),
        "transformers": partial(theirs, row, work, compute, best=False),
        "zoo-eager": partial(ours, work, compute, graphs=False),
        "transformers-compiled": partial(theirs, row, work, compute, best=True),
    }
    shapes_return = 2 * len(work.batches) if row.texts and compute.device != "cpu" else 0
    for name in names:
        yield Run(name, steps[name], max(warm, shapes_return) if "zoo" in name else warm, tokens)


def ours(work: Work, compute: Compute, *, graphs: bool = True, compiles: bool = False) -> Iterator[None]:
    """Our steps, one after the other."""
    model, optimizer = work.fresh(compute.torch_device)
    how = StepConfig(compute, seed=0, read_every=16, graphs=graphs, compiles=compiles)
    for _ in train(model, optimizer, work.endless(), work.recipe, 1_000_000, how=how):
        yield


def theirs(row: Row, work: Work, compute: Compute, *, best: bool) -> Iterator[None]:
    """Transformers' steps; at its best compiled, and without a mask where there is no padding."""
    from transformers import BertForMaskedLM, BertForSequenceClassification

    kind, device = BertForMaskedLM if row.shape else BertForSequenceClassification, compute.torch_device
    with device:
        model: Any = kind(peer_config(work.model.variant.dims)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    inputs = [_padded(batch) for batch in work.batches]
    if best and row.shape:
        model.compile()
        inputs = [{k: v for k, v in its.items() if k != "attention_mask"} for its in inputs]
    for given in cycle(inputs):
        here = {name: value.to(device, non_blocking=True) for name, value in given.items()}
        with compute.autocast():
            loss = model(**here).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield


def _padded(batch: Any) -> dict[str, torch.Tensor]:
    """A batch as transformers reads it."""
    ids, mask = batch.layout.pad(batch.ids)
    given = {"input_ids": ids, "attention_mask": mask.long(), "token_type_ids": batch.layout.pad(batch.segments)[0]}
    if batch.labels:
        given["labels"] = batch.labels["task"]
    else:
        given["labels"] = batch.layout.pad(batch.targets)[0].masked_fill(~mask, -100)
    return {k: v.pin_memory() if torch.cuda.is_available() else v for k, v in given.items()}


def machine(compute: Compute) -> dict[str, Any]:
    """What the figures depend on."""
    import transformers

    device, its = compute.torch_device, environment(CATALOG, compute)
    on_gpu = device.type == "cuda"
    return {
        "zoo": its.zoo,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": its.python,
        "platform": its.platform,
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "driver": its.driver,
        "cuda": torch.version.cuda,
        "memory_GiB": torch.cuda.get_device_properties(device).total_memory / 2**30 if on_gpu else None,
        "processor": its.processor,
        "instruction_set": its.instruction_set,
        "threads": its.threads,
        "precision": compute.precision,
        "deterministic": compute.deterministic,
    }
