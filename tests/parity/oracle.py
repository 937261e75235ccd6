"""The transformers library as an oracle: its models, and how far our numbers are from theirs.

Models have random weights. The library gets its input padded, with a mask; we get the same sequences packed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn

import zoo
from zoo.checkpoints import inspect
from zoo.core.batch import IGNORE, Batch, Encoding
from zoo.heads import LABEL
from zoo.registry.catalog import Catalog
from zoo.text.collate import Label, collate

HEADS = {
    "Bert": (
        "Model", "ForPreTraining", "ForMaskedLM", "ForNextSentencePrediction", "ForSequenceClassification",
        "ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice",
    ),
    "Roberta": (
        "Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
        "ForMultipleChoice",
    ),
    "Albert": (
        "Model", "ForPreTraining", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification",
        "ForQuestionAnswering", "ForMultipleChoice",
    ),
}  # fmt: skip
"""The library's classes, by family."""

CASES = [(family, head) for family, heads in HEADS.items() for head in heads]

N_CHOICES = 3
N_LABELS = 5

BASE: dict[str, dict[str, Any]] = {
    "Bert": {},
    "Roberta": {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
    "Albert": {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072},
}
"""What makes bert-base, roberta-base and albert-base of the library's defaults."""


FULL = [(family, head) for family in BASE for head in ("Model", "ForMaskedLM", "ForSequenceClassification")]
"""What is compared at that size: hidden states of every layer each time, and pooled vector, words or classes."""


def tiny(family: str, rng: np.random.Generator) -> dict[str, Any]:
    """Sizes that are odd and pairwise different, so that no swapped axis passes."""
    n_heads, per_head = rng.choice([3, 5, 7], 2, replace=False).tolist()
    sizes = {
        "num_attention_heads": n_heads,
        "hidden_size": n_heads * per_head,
        "intermediate_size": 37 + 2 * int(rng.integers(10)),
        "num_hidden_layers": int(rng.integers(2, 5)),
        "vocab_size": 67 + 2 * int(rng.integers(20)),
        "max_position_embeddings": 17 + 2 * int(rng.integers(2)),
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout_prob" if family == "Albert" else "classifier_dropout": 0.0,
    }
    if family == "Roberta":
        sizes |= {"type_vocab_size": 1, "pad_token_id": 1}
    if family == "Albert":
        groups = {"num_hidden_groups": int(rng.integers(1, 3)), "inner_group_num": int(rng.integers(1, 3))}
        sizes |= {"embedding_size": 11, **groups}
    return sizes


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
    if family != "Roberta" and segments:
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
        stored = inspect(Path(folder), Catalog.installed()).stored
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
        return Comparison(*found[0], _gradients_differ(ours, theirs, stored))


def _gradients_differ(ours: nn.Module, theirs: nn.Module, stored: Mapping[str, str]) -> float:
    """The largest difference of any gradient, relative to the largest value in it.

    Where a gradient is zero but for rounding, as those of the keys' biases are, it is relative to all gradients.
    """
    expected = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    largest = max(float(grad.abs().max()) for grad in expected.values() if grad is not None)
    worst = 0.0
    for name, parameter in ours.named_parameters():
        pair = [grad for grad in (parameter.grad, expected[stored[name]]) if grad is not None]
        if len(pair) < 2:  # rows that are never read, as RoBERTa's other segments
            assert not any(grad.any() for grad in pair), f"only one of the two has a gradient for {name}"
            continue
        size = max(float(pair[1].abs().max()), 1e-3 * largest)
        worst = max(worst, float((pair[0] - pair[1]).abs().max()) / size)
    return worst


def their_values(model: Any, head: str, inputs: Inputs) -> tuple[list[Tensor], Any]:
    """Hidden states of every layer and what the head gives, packed; and the loss."""
    batch, padded = inputs.batch, inputs.padded
    pack, labels = batch.layout.pack, batch.labels
    if head == "ForMultipleChoice":
        shaped = {name: _by_question(value, batch) for name, value in padded.items()}
        out = model(**shaped, labels=_by_question(labels["multiple-choice"], batch)[:, 0])
        return [out.logits], out.loss
    given: dict[str, Tensor] = {}
    if head in ("ForMaskedLM", "ForTokenClassification", "ForPreTraining"):
        given["labels"] = inputs.targets
    if head == "ForPreTraining" and model.config.model_type == "bert":
        given["next_sentence_label"] = labels["bert.nsp"]
    elif head == "ForPreTraining":
        given["sentence_order_label"] = labels["albert.sop"]
    if head == "ForNextSentencePrediction":
        given["labels"] = labels["bert.nsp"]
    if head == "ForSequenceClassification":
        given["labels"] = labels["score" if model.config.num_labels == 1 else LABEL]
    out = model(**padded, **given, output_hidden_states=True)
    values = [pack(state) for state in out.hidden_states]
    if head == "Model":
        return [*values, out.pooler_output], None
    if head == "ForPreTraining":
        pair = out.seq_relationship_logits if model.config.model_type == "bert" else out.sop_logits
        return [*values, pack(out.prediction_logits), pair], out.loss
    if head in ("ForMaskedLM", "ForTokenClassification"):
        return [*values, pack(out.logits)], out.loss
    if head == "ForQuestionAnswering":  # the library's loss counts padding as a place for the answer
        ends = labels["question-answering"]
        losses = [
            model(**one, start_positions=ends[place, :1], end_positions=ends[place, 1:]).loss
            for one, place in inputs.alone()
        ]
        return [*values, pack(out.start_logits), pack(out.end_logits)], torch.stack(losses).mean()
    return [*values, out.logits], out.loss


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
    loss = torch.stack([output.loss for output in outputs.values()]).sum()
    if head == "Model":
        return [*values, outputs["pool"].logits], None
    if head in ("ForMaskedLM", "ForPreTraining"):
        every = model(replace(batch, targets=batch.ids))["bert.mlm"]  # logits are made at tokens with a target only
        return [*values, every.logits, *(outputs[name].logits for name in outputs if name != "bert.mlm")], loss
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
    """bert-base, roberta-base or albert-base with weights as large as trained ones; without gradients."""
    theirs = reference(family, head, BASE[family], seed=0, spread=0.02, norm=1)
    return compare(theirs, head, ragged(family, 30_000, 61, np.random.default_rng(0)), gradients=False)
