"""What must be equal on a GPU: values and gradients to the CPU's, repeated and resumed runs to each other."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.encoding import model_with_tokenizer, texts_of
from benchmarks.gpu_work import CATALOG, HEADS, Work, finetuning, packed, pretraining
from zoo import Batch, Layout, Model
from zoo.blocks import attend
from zoo.blocks.fused import fused_layers
from zoo.blocks.kernels import kernels_taken
from zoo.core.batch import CPU, Encoding
from zoo.machine.compute import Compute
from zoo.text.collate import Sequences
from zoo.text.device_batches import mapped_by_length
from zoo.train import graphs
from zoo.train.loop import train
from zoo.train.state import TrainingState, load_optimizer, optimizer_tensors, save_state
from zoo.train.step import StepConfig

LAYOUTS = {"one length": (24,) * 6, "several lengths": (31, 5, 17, 17, 40, 9, 26, 1)}
FAMILIES = ("bert-tiny", "roberta-tiny", "albert-tiny", "bert-tiny+objectives=bert.ltr+masking=bert.unmasked")
TOLERANCE = {"fp32": 2e-4, "bf16": 6e-2}
"""Of the largest difference, as a share of the largest value."""


def off(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, as a share of the largest value wanted."""
    found, wanted = found.detach().float().cpu(), wanted.detach().float().cpu()
    return float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-6)) if wanted.numel() else 0.0


def passed(model: Model, batch: Batch, compute: Compute) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Losses and gradients of a model in evaluation mode."""
    device = compute.torch_device
    model.to(device).eval().zero_grad(set_to_none=True)
    with compute.autocast():
        outputs = model(batch.to(device))
    torch.stack([output.loss for output in outputs.values()]).sum().backward()
    losses = {name: output.loss.detach().cpu() for name, output in outputs.items()}
    return losses, {name: p.grad.cpu().clone() for name, p in model.named_parameters() if p.grad is not None}


def apart(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> float:
    """The largest difference between gradients, as a share of the largest value of all."""
    largest = max(float(value.abs().max()) for value in wanted.values())
    return max(float((found[name] - value).abs().max()) for name, value in wanted.items()) / largest


def _pretraining(name: str, lengths: Sequence[int]) -> Work:
    return pretraining(name, [lengths])


def _finetuning(kind: str, lengths: Sequence[int]) -> Work:
    return finetuning("bert-tiny", [lengths], kind)


def parity(device: str, most: int | None = None) -> Iterator[dict[str, Any]]:
    """Every family, head, layout and precision against fp32 on the CPU, whose own bf16 may be as far from it."""
    makers: dict[str, Callable[[Sequence[int]], Work]] = {
        **{name: partial(_pretraining, name) for name in FAMILIES},
        **{kind: partial(_finetuning, kind) for kind in HEADS},
    }
    for name, make in islice(makers.items(), most):
        for layout, lengths in LAYOUTS.items():
            work = make(lengths)
            losses, gradients = passed(work.model, work.batches[0], Compute())
            for precision, tolerance in TOLERANCE.items():
                rounded = Compute.model_validate({"precision": precision})
                own = apart(passed(work.model, work.batches[0], rounded)[1], gradients) if precision != "fp32" else 0.0
                compute = Compute.model_validate({"device": device, "precision": precision})
                here, theirs = passed(work.model, work.batches[0], compute)
                loss = max(off(here[key], losses[key]) for key in losses)
                gradient = apart(theirs, gradients)
                yield {
                    "check": f"parity, {name}, {layout}, {precision}", "loss": loss, "gradient": gradient,
                    "gradient on the CPU": own,
                    "ok": loss <= tolerance and gradient <= max(tolerance, 1.5 * own) and set(theirs) == set(gradients),
                }  # fmt: skip


def attention(device: torch.device) -> Iterator[dict[str, Any]]:
    """Each kernel in windows and causal, values and gradients, against the CPU in fp32."""
    for name, lengths in LAYOUTS.items():
        for width in (64, 20):
            given = torch.randn(3, sum(lengths), 2, width, generator=torch.Generator().manual_seed(0))
            for causal in (False, True):
                for window in (None, 4):
                    found = {}
                    for where, dtype in ((CPU, torch.float32), (device, torch.float32), (device, torch.bfloat16)):
                        q, k, v = given.to(where, dtype).clone().requires_grad_().unbind()
                        leaf = q._base if q._base is not None else q
                        layout = Layout(lengths, where, causal)
                        out = attend(q, k, v, layout, window=window)
                        (gradient,) = torch.autograd.grad(out.float().square().sum(), leaf)
                        found[where.type, dtype] = out, gradient
                    wanted = found["cpu", torch.float32]
                    for dtype, tolerance in ((torch.float32, 2e-4), (torch.bfloat16, 3e-2)):
                        wrong = max(map(off, found[device.type, dtype], wanted))
                        said = f"attention, {name}, heads of {width}, causal {causal}, window {window}, {dtype}"
                        yield {"check": said, "off": wrong, "ok": wrong <= tolerance}


def fused(device: torch.device) -> Iterator[dict[str, Any]]:
    """Inference with our layers and kernels, in either half precision, beside torch's own, and the CPU in fp32."""
    lengths = [int(n) for n in np.random.default_rng(3).integers(3, 60, 700)]
    for name in ("bert-tiny", "albert-tiny", "roberta-mini", "modernbert-tiny"):
        work = pretraining(name, [sorted(lengths)])
        model, batch = work.model.eval(), work.batches[0]
        for dtype, tolerance in ((torch.bfloat16, 3e-2), (torch.float16, 4e-3)):
            with torch.no_grad():
                wanted = model.to(CPU).hidden(batch)
                sent = batch.to(device)
                with torch.autocast(device.type, dtype):
                    usual = model.to(device).hidden(sent).float()
                    with kernels_taken() as names, fused_layers(len(batch.ids), model.embedding, model.encoder):
                        found = model.hidden(sent)
            yield {
                "check": f"inference, {name}, {dtype}", "off": off(found, wanted), "off before": off(usual, wanted),
                "kernels": sorted(names),
                "ok": off(found, wanted) <= max(tolerance, 1.2 * off(usual, wanted))
                and _took("short flash", names, device),
            }  # fmt: skip


def short_attention(device: torch.device) -> Iterator[dict[str, Any]]:
    """Our kernel for many short sequences, causal and in windows, against the CPU in fp32."""
    lengths = tuple(sorted(int(n) for n in np.random.default_rng(4).integers(1, 90, 200)))
    for width, causal, window in product((64, 40), (False, True), (None, 4)):
        given = torch.randn(3, sum(lengths), 2, width, generator=torch.Generator().manual_seed(0))
        q, k, v = given.to(device, torch.bfloat16)
        with torch.no_grad(), kernels_taken() as names:
            wanted = attend(given[0], given[1], given[2], Layout(lengths, CPU, causal), window=window)
            found = attend(q, k, v, Layout(lengths, device, causal), window=window)
        wrong = off(found, wanted)
        said = f"short attention, heads of {width}, causal {causal}, window {window}"
        yield {
            "check": said,
            "off": wrong,
            "kernels": sorted(names),
            "ok": wrong <= 3e-2 and _took("short flash", names, device),
        }


def repeated(device: torch.device, n_texts: int = 24_000) -> Iterator[dict[str, Any]]:
    """Vectors of many texts, for which batches are repeated, beside those of batches that are launched one by one; once
    more after the weights changed behind torch's back.
    """
    lengths = np.random.default_rng(5).integers(3, 60, n_texts)
    for name, precision in product(("bert-tiny", "albert-tiny", "modernbert-tiny"), ("fp32", "bf16")):
        compute = Compute.model_validate({"device": str(device), "precision": precision})
        model = pretraining(name, [[4]]).model.eval().to(device)
        vocabulary = np.random.default_rng(6)
        ids = [vocabulary.integers(5, model.variant.dims.vocab_size, n).astype(np.int32) for n in lengths]
        encodings = [Encoding(its, np.zeros_like(its), np.zeros(len(its), np.bool_)) for its in ids]
        for change in (1.0, 1.1):
            for weight in model.parameters():
                weight.data.mul_(change)
            with compute.autocast(), kernels_taken() as names:
                found = model.encode_sequences(encodings, mean)
                again = model.encode_sequences(encodings, mean)
            with compute.autocast(), model.eval_mode(10**6):
                usual = torch.empty_like(found)
                sequences, dims = Sequences(encodings), model.variant.dims
                for indices, _, rows in mapped_by_length(sequences, model.hidden, dims, mean, device, 256):
                    usual[indices] = rows
            yield {
                "check": f"repeated batches, {name}, {precision}, weights x {change}", "off": off(again, usual),
                "first off": off(found, usual), "kernels": sorted(names),
                "ok": max(off(again, usual), off(found, usual)) <= {"fp32": 1e-4, "bf16": 2e-2}[precision]
                and (precision == "fp32" or _took("CUDA graph", names, device)),  # attention in fp32 pads
            }  # fmt: skip


def streamed(device: torch.device, n_texts: int = 12_000) -> Iterator[dict[str, Any]]:
    """Vectors of texts, which are read while others are computed, beside those of few texts at a time."""
    model = deepcopy(model_with_tokenizer("bert-tiny")).eval().to(device)
    texts = texts_of(n_texts, model.text_tokenizer)
    usual = torch.cat([model.encode(texts[start : start + 256]) for start in range(0, n_texts, 256)])
    for precision in ("fp32", "bf16"):
        with Compute.model_validate({"device": str(device), "precision": precision}).autocast():
            model.encode(texts)  # the first pass learns what is repeated
            found = [model.encode(texts), torch.stack([its for some in model.embed(texts) for its in some])]
        wrong = max(off(its, usual) for its in found)
        same = torch.equal(*found)
        yield {
            "check": f"stream of texts, {precision}", "off": wrong, "repeats": same,
            "ok": same and wrong <= {"fp32": 1e-4, "bf16": 3e-2}[precision],
        }  # fmt: skip


def mean(hidden: Tensor, batch: Batch) -> Tensor:
    """Of the tokens of each sequence."""
    return batch.layout.mean(hidden.float())


def _took(kernel: str, names: set[str], device: torch.device) -> bool:
    """Whether a kernel ran that runs on a GPU alone."""
    return (kernel in names) == (device.type == "cuda")


def attention_dropout(device: torch.device) -> Iterator[dict[str, Any]]:
    """Dropped weights leave the mean as it was, and differ between two calls."""
    lengths = (64, 17, 40)
    q, k = torch.zeros(2, sum(lengths), 4, 64, device=device, dtype=torch.bfloat16)
    v = torch.ones_like(q)
    draws = [attend(q, k, v, Layout(lengths, device), dropout=0.1).float() for _ in range(64)]
    mean, spread = float(torch.stack(draws).mean()), float(torch.stack(draws).std())
    differ = not torch.equal(draws[0], draws[1])
    ok = differ and math.isclose(mean, 1, abs_tol=5e-3)
    yield {"check": "attention dropout", "mean": mean, "spread": spread, "ok": ok}


def weights_after(work: Work, how: StepConfig, n: int, folder: Path | None = None, stop: int = 0) -> list[Tensor]:
    """The weights after n steps; with a folder, interrupted after some, saved and resumed."""
    device = how.compute.torch_device
    model, optimizer = work.fresh(device)
    for _ in islice(train(model, optimizer, work.endless(), work.recipe, n, how=how), stop or n):
        pass
    if folder:
        save_state(folder, optimizer_tensors(model, optimizer), TrainingState(step=stop, position=(0, 0, 0), labels={}))
        state = {name: value.clone() for name, value in model.state_dict().items()}
        model, optimizer = work.fresh(device)
        model.load_state_dict(state)
        load_optimizer(folder, model, optimizer)
        list(train(model, optimizer, islice(work.endless(), stop, None), work.recipe, n, done=stop, how=how))
    return [parameter.detach().clone() for parameter in model.parameters()]


@contextmanager
def none_recorded() -> Iterator[None]:
    """Inside, batches are filled up as for graphs, but every step is launched kernel by kernel."""
    most, graphs.MOST_GRAPHS = graphs.MOST_GRAPHS, 0
    try:
        yield
    finally:
        graphs.MOST_GRAPHS = most


def same(left: list[Tensor], right: list[Tensor]) -> dict[str, Any]:
    """Whether weights are equal bit for bit, or how far they are apart."""
    worst = max(float((a - b).abs().max()) for a, b in zip(left, right, strict=True))
    return {"largest difference": worst, "bit for bit": all(map(torch.equal, left, right))}


def repetition(device: str, most: int | None = None) -> Iterator[dict[str, Any]]:
    """The same job twice, recorded as graphs or not, resumed or not: with dropout, for both kinds of layout."""
    compute = Compute.model_validate({"device": device, "precision": "fp32" if device == "cpu" else "bf16"})
    many = [
        [int(n) for n in row] for row in np.random.default_rng(1).integers(4, 60, (5, 16 if device != "cpu" else 4))
    ]
    works: dict[str, Callable[[], Work]] = {
        "fine-tuning, first token": lambda: finetuning(
            "bert-tiny+head.pooling=first", many, "classification", dropout=0.1
        ),
        "fine-tuning, mean of tokens": lambda: finetuning("bert-tiny", many, "classification", dropout=0.1),
        "pre-training, one length": lambda: pretraining("bert-tiny", [(128,) * 8] * 4, dropout=0.1),
        "pre-training, length 512": lambda: pretraining("bert-tiny+dims.max_length=512", [(512,) * 8] * 4, dropout=0.1),
        "ALBERT with LAMB": lambda: pretraining("albert-tiny", [(64,) * 8] * 4, dropout=0.1),
    }
    for name, make in islice(works.items(), most):
        work, how, n = make(), StepConfig(compute, seed=5), 4 if most else 12
        first = weights_after(work, how, n)
        again = same(first, weights_after(work, how, n))
        yield {"check": f"twice, {name}", **again, "ok": again["bit for bit"]}
        with none_recorded():
            one_by_one = same(first, weights_after(work, how, n))
        yield {"check": f"as graphs and not, {name}", **one_by_one, "ok": one_by_one["bit for bit"]}
        with TemporaryDirectory() as folder:
            resumed = same(first, weights_after(work, how, n, Path(folder), stop=n // 2 + 1))
        yield {"check": f"resumed, {name}", **resumed, "ok": resumed["bit for bit"]}


def waiting(device: str) -> Iterator[dict[str, Any]]:
    """Steps in which CUDA reports every wait for the device as an error."""
    compute = Compute.model_validate({"device": device, "precision": "fp32" if device == "cpu" else "bf16"})
    many = [[int(n) for n in row] for row in np.random.default_rng(1).integers(4, 60, (4, 14))]
    works = {name: pretraining(name, [many[0], (32,) * 8]) for name in FAMILIES}
    works |= {kind: finetuning("bert-tiny", many, kind) for kind in HEADS}
    for name, work in works.items():
        model, optimizer = work.fresh(compute.torch_device)
        how = StepConfig(compute, seed=1, read_every=100, graphs=False)
        steps = train(model, optimizer, work.endless(), work.recipe, 100, how=how)
        next(steps), next(steps)
        torch.cuda.set_sync_debug_mode("error")
        try:
            next(steps), next(steps)
            said = None
        except RuntimeError as error:
            said = str(error).split("\n")[0]
        finally:
            torch.cuda.set_sync_debug_mode("default")
        yield {"check": f"no waiting, {name}", "said": said, "ok": said is None}


def cross_entropy(device: torch.device) -> Iterator[dict[str, Any]]:
    """The loss in chunks and its gradient, against torch's."""
    from zoo.blocks.cross_entropy import cross_entropy_sum

    rows, classes = (50, 300) if device.type == "cpu" else (1500, 30_522)
    logits = torch.randn(rows, classes, generator=torch.Generator().manual_seed(0)).to(device, torch.bfloat16)
    targets = torch.randint(0, classes, (rows,), device=device)
    targets[7] = -100
    made = []
    for loss in (cross_entropy_sum, lambda a, b: F.cross_entropy(a.float(), b, reduction="sum")):
        leaf = logits.clone().requires_grad_()
        value = loss(leaf, targets)
        value.backward()
        made.append((value.view(1), leaf.grad))
    wrong = max(off(a, b) for a, b in zip(*made, strict=True))
    yield {"check": "cross-entropy in chunks", "off": wrong, "ok": wrong < 1e-2}


def checks(device: str, most: int | None = None) -> Iterator[dict[str, Any]]:
    """All of them, or at most so many of each kind; one that breaks off is a check that failed."""
    place = Compute.model_validate({"device": device}).torch_device
    parts: list[Callable[[], Iterator[dict[str, Any]]]] = [lambda: attention(place), lambda: cross_entropy(place)]
    if place.type == "cuda":
        parts += [
            lambda: fused(place),
            lambda: short_attention(place),
            lambda: repeated(place),
            lambda: streamed(place),
            lambda: attention_dropout(place),
            lambda: waiting(device),
        ]
    parts += [lambda: repetition(device, most), lambda: parity(device, most)]
    for part in parts:
        try:
            yield from part()
        except Exception as error:
            place_of = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {error} ({place_of.filename}:{place_of.lineno})"
            yield {"check": "broke off", "failed": said, "where": traceback.format_exc(limit=-6), "ok": False}


__all__ = ["CATALOG", "checks", "packed"]
