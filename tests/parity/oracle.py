"""The transformers library as an oracle: its models, and how far our numbers are from theirs.

Models have random weights. The library gets its input padded, with a mask; we get the same sequences packed.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn

import zoo
from tests.parity.families import FAMILIES
from zoo.checkpoints import inspect
from zoo.checkpoints.reading import Contents
from zoo.core.batch import IGNORE, Batch, Encoding
from zoo.heads import LABEL
from zoo.registry.catalog import Catalog
from zoo.text.collate import Label, collate

CASES = [(family, head) for family, its in FAMILIES.items() for head in its.heads]

N_CHOICES = 3
N_LABELS = 5

FULL = [(family, head) for family in FAMILIES for head in ("Model", "ForMaskedLM", "ForSequenceClassification")]
"""What is compared at that size: hidden states of every layer each time, and pooled vector, words or classes."""


def reference(family: str, head: str, sizes: Mapping[str, Any], seed: int, spread: float = 0.3, norm: float = 0) -> Any:
    """The library's model, every weight drawn anew, norms (around `norm`) and biases too: none is right by chance."""
    torch.manual_seed(seed)
    n_labels = {"ForQuestionAnswering": 2, "ForPreTraining": 2, "ForNextSentencePrediction": 2}.get(head, N_LABELS)
    config = getattr(transformers, f"{family}Config")(**{"num_labels": n_labels, **sizes})
    model: nn.Module = getattr(transformers, f"{family}{head}")(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(norm if "norm" in name.lower() and name.endswith("weight") else 0.0, spread)
    return model


@dataclass(frozen=True)
class Inputs:
    """The same sequences for us and for the library, with labels for every head."""

    batch: Batch
    padded: dict[str, Tensor]
    targets: Tensor

    def alone(self) -> Iterator[tuple[dict[str, Tensor], int]]:
        """Each sequence as the library takes it without padding, and its place."""
        for place, length in enumerate(self.batch.layout.lengths):
            yield {name: value[place : place + 1, :length] for name, value in self.padded.items()}, place


def ragged(family: str, vocab_size: int, longest: int, rng: np.random.Generator, segments: bool = True) -> Inputs:
    """Six sequences of various lengths, some equal."""
    lengths = [longest, 3, 7, 5, 7, longest - 2]
    encodings = [
        Encoding(
            rng.integers(5, vocab_size, length).astype(np.int32),
            (np.arange(length) > length // 2).astype(np.int32) * segments,
            np.zeros(length, dtype=bool),
        )
        for length in lengths
    ]
    targets = [np.where(rng.random(n) < 0.5, rng.integers(0, N_LABELS, n), IGNORE).astype(np.int32) for n in lengths]
    ends = [int(rng.integers(length)) for length in lengths]
    labels: dict[str, Sequence[Label]] = {
        LABEL: rng.integers(0, N_LABELS, len(lengths)).tolist(),
        "multiple-choice": np.repeat(rng.integers(0, N_CHOICES, len(lengths) // N_CHOICES), N_CHOICES).tolist(),
        "score": rng.random(len(lengths)).tolist(),
        "bert.nsp": rng.integers(0, 2, len(lengths)).tolist(),
        "albert.sop": rng.integers(0, 2, len(lengths)).tolist(),
        "question-answering": [(int(rng.integers(end + 1)), end) for end in ends],
    }
    questions = [place // N_CHOICES for place in range(len(lengths))]
    batch = collate(encodings, labels=labels, targets=targets, items=questions)
    ids, mask = batch.layout.pad(batch.ids)
    padded = {"input_ids": ids.masked_fill(~mask, 1), "attention_mask": mask.long()}
    if FAMILIES[family].has_segments and segments:
        padded["token_type_ids"] = batch.layout.pad(batch.segments)[0]
    return Inputs(batch, padded, batch.layout.pad(batch.targets)[0].masked_fill(~mask, IGNORE))


@dataclass(frozen=True)
class Comparison:
    """The largest differences: of values, and of loss and gradients relative to their size."""

    values: float
    loss: float = 0.0
    gradients: float = 0.0


def compare(theirs: Any, head: str, inputs: Inputs, *, gradients: bool = True) -> Comparison:
    """Save the library's model, load it with both as float32, and put the same sequences through both.

    Gradients are compared in float64: in float32 those that cancel out differ by rounding alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        contents = inspect(Path(folder), Catalog.installed())
        found = []
        for precision in (torch.float32, torch.float64) if gradients else (torch.float32,):
            ours = zoo.load(folder, dtype=precision)
            theirs = type(theirs).from_pretrained(folder, dtype=precision).eval()
            expected, expected_loss = their_values(theirs, head, inputs)
            values, loss = _ours(ours, head, inputs)
            worst = max(float((a - b).detach().abs().max()) for a, b in zip(values, expected, strict=True))
            relative = float(((loss - expected_loss) / expected_loss).detach().abs()) if head != "Model" else 0.0
            found.append((worst, relative))
        if head == "Model" or not gradients:
            return Comparison(*found[0])
        loss.backward()
        expected_loss.backward()
        return Comparison(*found[0], _gradients_differ(ours, theirs, contents))


def _gradients_differ(ours: nn.Module, theirs: nn.Module, contents: Contents) -> float:
    """The largest difference of any gradient, relative to the largest value in it.

    Where a gradient is zero but for rounding, as those of the keys' biases are, it is relative to all gradients.
    """
    expected = {name: parameter.grad for name, parameter in theirs.named_parameters(remove_duplicate=False)}
    largest = max(float(grad.abs().max()) for grad in expected.values() if grad is not None)
    found, parameters = defaultdict[str, list[Tensor]](list), dict(ours.named_parameters())
    for name, theirs_name in contents.stored.items():
        grad = parameters[name].grad
        found[theirs_name] += [] if grad is None else [grad]
    worst = 0.0
    for name, grads in found.items():  # several of ours may be one of theirs
        pair = [grad for grad in (torch.cat(grads) if grads else None, expected[name]) if grad is not None]
        if len(pair) < 2:  # rows that are never read, as RoBERTa's other segments
            assert not any(grad.any() for grad in pair), f"only one of the two has a gradient for {name}"
            continue
        own = pair[0].T if name in contents.transposed else pair[0]
        size = max(float(pair[1].abs().max()), 1e-3 * largest)
        worst = max(worst, float((own - pair[1]).abs().max()) / size)
    return worst


def their_values(model: Any, head: str, inputs: Inputs) -> tuple[list[Tensor], Any]:
    """Hidden states of every layer and what the head gives, packed; and the loss."""
    batch, padded = inputs.batch, inputs.padded
    pack, labels = batch.layout.pack, batch.labels
    if head == "ForMultipleChoice":
        shaped = {name: _by_question(value, batch) for name, value in padded.items()}
        out = model(**shaped, labels=_by_question(labels["multiple-choice"], batch)[:, 0])
        return [out.logits], out.loss
    given = _labels_for(model.config, head, inputs)
    out = model(**padded, **given, output_hidden_states=True)
    values = [pack(state) for state in out.hidden_states]
    if head == "Model":
        return [*values, *([out.pooler_output] if hasattr(out, "pooler_output") else [])], None
    if head == "ForPreTraining" and model.config.model_type == "electra":
        return [*values, pack(out.logits)[:, None]], out.loss
    if head == "ForPreTraining":
        pair = out.seq_relationship_logits if model.config.model_type == "bert" else out.sop_logits
        return [*values, pack(out.prediction_logits), pair], out.loss
    if head == "LMHeadModel":
        return [*values, pack(out.logits)[_not_last(batch)]], out.loss
    if head in ("ForMaskedLM", "ForTokenClassification"):
        return [*values, pack(out.logits)], out.loss
    if head == "ForQuestionAnswering":  # the library's loss counts padding as a place for the answer
        ends = labels["question-answering"]
        losses = [
            model(**one, start_positions=ends[place, :1], end_positions=ends[place, 1:]).loss
            for one, place in inputs.alone()
        ]
        return [*values, pack(out.start_logits), pack(out.end_logits)], torch.stack(losses).mean()
    logits = out.logits[:, None] if out.logits.ndim == 1 else out.logits  # DeBERTa's scores are flat
    return [*values, logits], out.loss


def _labels_for(config: Any, head: str, inputs: Inputs) -> dict[str, Tensor]:
    """The labels that the library's model takes besides its input."""
    labels = inputs.batch.labels
    if head == "ForSequenceClassification":
        return {"labels": labels["score" if config.num_labels == 1 else LABEL]}
    if head == "ForNextSentencePrediction":
        return {"labels": labels["bert.nsp"]}
    if head == "ForPreTraining" and config.model_type == "electra":  # no id is below 5, and every target is
        return {"labels": (inputs.targets != IGNORE).long()}
    if head == "ForPreTraining":
        pair = "bert.nsp" if config.model_type == "bert" else "albert.sop"
        name = "next_sentence_label" if pair == "bert.nsp" else "sentence_order_label"
        return {"labels": inputs.targets, name: labels[pair]}
    if head == "LMHeadModel":
        return {"labels": inputs.padded["input_ids"].masked_fill(inputs.padded["attention_mask"] == 0, IGNORE)}
    return {"labels": inputs.targets} if head in ("ForMaskedLM", "ForTokenClassification") else {}


def _not_last(batch: Batch) -> Tensor:
    """The tokens that another follows in their sequence. [T]"""
    return batch.layout.positions < batch.layout.sizes[batch.layout.sequence_of] - 1


def labelled(model: zoo.Model, batch: Batch) -> Batch:
    """The batch with the labels of the model's head, if it has one, under the name where heads look for them."""
    kind = model.objective("task").config.kind if "task" in model.objective_names else ""  # type: ignore[union-attr]
    named = {"regression": "score"}.get(kind, kind if kind in batch.labels else LABEL)
    return replace(batch, labels={**batch.labels, LABEL: batch.labels[named]})


def _ours(model: zoo.Model, head: str, inputs: Inputs) -> tuple[list[Tensor], Any]:
    batch = labelled(model, inputs.batch)
    if head == "ForMultipleChoice":
        out = model(batch)["task"]
        return [out.logits], out.loss
    values, outputs = model.hidden_states(batch), model(batch)
    if head == "Model":
        return [*values, *(output.logits for output in outputs.values())], None
    loss = torch.stack([output.loss for output in outputs.values()]).sum()
    masked = next((name for name in outputs if name.endswith(".mlm")), None)
    if masked:
        every = model(replace(batch, targets=batch.ids))[masked]  # logits are made at tokens with a target only
        return [*values, every.logits, *(outputs[name].logits for name in outputs if name != masked)], loss
    logits = next(iter(outputs.values())).logits
    if head == "ForQuestionAnswering":
        logits = model.objective("task").compared(values[-1], batch)  # type: ignore[operator]  # every token's
        return [*values, *(batch.layout.pack(logits[:, place]) for place in (0, 1))], loss
    return [*values, logits[:, None] if logits.ndim == 1 else logits], loss


def _by_question(values: Tensor, batch: Batch) -> Tensor:
    """One row a sequence, as collated, to [questions, choices, ...] in the order before."""
    back = torch.empty_like(values).index_copy(0, torch.tensor(batch.order), values)
    return back.unflatten(0, (-1, N_CHOICES))


def full_size(family: str, head: str) -> Comparison:
    """The base size with weights as large as trained ones; without gradients."""
    theirs = reference(family, head, FAMILIES[family].base, seed=0, spread=0.02, norm=1)
    return compare(theirs, head, ragged(family, 30_000, 61, np.random.default_rng(0)), gradients=False)
