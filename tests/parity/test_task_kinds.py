"""From texts and labels to losses, steps and predictions: task kinds beside the transformers library's heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers.trainer_pt_utils import get_parameter_names

import zoo
from zoo.core.specs import Finetuning, HeadConfig
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Example
from zoo.train.finetune import logits_of
from zoo.train.loop import train
from zoo.train.optimizers import make_optimizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *"abcdefgh", *(f"##{letter}" for letter in "abcdefgh")]
TEXTS = ["a bc d .", "de .", "f g h a bbc", "c a", "gh ab c d e ."]
OTHERS = ["b .", "c d", "e", "f g h .", "a"]
RECIPE = Finetuning(learning_rate=0.01, steps=5, warmup=0.4, weight_decay=0.1, clip_norm=0.5)
NO_TAG = -100


@dataclass(frozen=True)
class Case:
    """A kind's items, the library's head for it, and the labels that this takes."""

    head: str
    items: list[Example]
    targets: Callable[[Any], torch.Tensor]
    """From what the tokenizer gives to the labels of a padded batch."""
    decode: Callable[[torch.Tensor, Any], list[Any]]
    """From the library's logits to the kind's predictions."""
    config: dict[str, Any]
    labels: tuple[str, ...] = ()
    pair: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def at_first_pieces(made: Any, row: int) -> list[int | None]:
    """For each token the word that begins there, as run_ner.py has it."""
    words = made.word_ids(row)
    return [None if word == before else word for before, word in zip([None, *words], words, strict=False)]


def tag_targets(made: Any) -> torch.Tensor:
    tags = [[NO_TAG if word is None else TAGS[row][word] for word in at_first_pieces(made, row)] for row in range(5)]
    return torch.tensor(tags)


def tags_of(logits: torch.Tensor, made: Any) -> list[Any]:
    best = logits.argmax(-1).tolist()
    return [
        [tag for tag, word in zip(best[row], at_first_pieces(made, row), strict=True) if word is not None]
        for row in range(5)
    ]


TAGS = [[(at + row) % 3 for at in range(len(text.split()))] for row, text in enumerate(TEXTS)]
ANY = [(), (0,), (1, 2), (0, 2), (2,)]
CASES: dict[str, Case] = {
    "classification": Case(
        "ForSequenceClassification",
        [Example(text, other, row % 3) for row, (text, other) in enumerate(zip(TEXTS, OTHERS, strict=True))],
        lambda made: torch.tensor([row % 3 for row in range(5)]),
        lambda logits, made: logits.argmax(1).tolist(),
        {"num_labels": 3},
        labels=("x", "y", "z"),
        pair=True,
    ),
    "multi-label": Case(
        "ForSequenceClassification",
        [Example(text, None, label) for text, label in zip(TEXTS, ANY, strict=True)],
        lambda made: torch.tensor([[float(place in label) for place in range(3)] for label in ANY]),
        lambda logits, made: [(row > 0).nonzero().flatten().tolist() for row in logits],
        {"num_labels": 3, "problem_type": "multi_label_classification"},
        labels=("x", "y", "z"),
    ),
    "regression": Case(
        "ForSequenceClassification",
        [Example(text, None, row / 2) for row, text in enumerate(TEXTS)],
        lambda made: torch.tensor([row / 2 for row in range(5)]),
        lambda logits, made: logits.flatten().tolist(),
        {"num_labels": 1, "problem_type": "regression"},
    ),
    "token-classification": Case(
        "ForTokenClassification",
        [Example(text, None, tuple(tags)) for text, tags in zip(TEXTS, TAGS, strict=True)],
        tag_targets,
        tags_of,
        {"num_labels": 3},
        labels=("O", "B-x", "B-y"),
    ),
    "multiple-choice": Case(
        "ForMultipleChoice",
        [Example(text, None, row % 4, tuple(OTHERS[:4])) for row, text in enumerate(TEXTS)],
        lambda made: torch.tensor([row % 4 for row in range(5)]),
        lambda logits, made: logits.argmax(1).tolist(),
        {},
    ),
}


def tokenized(tokenizer: Any, case: Case) -> tuple[Any, dict[str, torch.Tensor]]:
    """What the library makes of the items, and the same as its model takes it."""
    if case.head == "ForMultipleChoice":
        pairs = [(item.first, choice) for item in case.items for choice in item.choices]
        made = tokenizer([one for one, _ in pairs], [other for _, other in pairs], padding=True, return_tensors="pt")
        return made, {name: its.reshape(len(case.items), 4, -1) for name, its in made.items()}
    if case.head == "ForTokenClassification":
        words = [text.split() for text in TEXTS]
        made = tokenizer(words, is_split_into_words=True, padding=True, return_tensors="pt")
    else:
        texts = [item.first for item in case.items]
        made = tokenizer(texts, OTHERS if case.pair else None, padding=True, return_tensors="pt")
    return made, dict(made)


def librarys_optimizer(model: Any) -> torch.optim.Optimizer:
    """As the library's Trainer makes it: what decays is all but biases and norms."""
    decayed = {name for name in get_parameter_names(model, [torch.nn.LayerNorm]) if "bias" not in name}
    groups = [
        {"params": [p for name, p in model.named_parameters() if (name in decayed) is decays], "weight_decay": decay}
        for decays, decay in ((True, RECIPE.weight_decay), (False, 0.0))
    ]
    return torch.optim.AdamW(groups, betas=(RECIPE.beta1, RECIPE.beta2), eps=RECIPE.epsilon)


@pytest.mark.parametrize("name", CASES)
def test_losses_of_training_steps_and_predictions_are_the_librarys(name: str, tmp_path: Path) -> None:
    transformers.logging.disable_progress_bar()
    case = CASES[name]
    torch.manual_seed(7)
    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 18}
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.5}
    config = transformers.BertConfig(**sizes, **still, **case.config, vocab_size=len(WORDS))
    if case.labels:
        config.id2label = dict(enumerate(case.labels))
        config.label2id = {label: place for place, label in enumerate(case.labels)}
    theirs = getattr(transformers, f"Bert{case.head}")(config).train()
    theirs.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    made, inputs = tokenized(transformers.BertTokenizerFast(str(tmp_path / "vocab.txt")), case)

    model = zoo.load(tmp_path).train()
    kind = task_kind(HeadConfig(kind=name, labels=case.labels, pair=case.pair, options=case.options))
    items, n_cut = kind.encode(case.items, model.text_tokenizer, 32)
    batch = kind.batch(items, [item.label for item in case.items])
    assert n_cut == 0
    optimizer = librarys_optimizer(theirs)
    for step in train(model, make_optimizer(model, RECIPE), repeat(batch), RECIPE, int(RECIPE.steps or 0)):
        expected = theirs(**inputs, labels=case.targets(made)).loss
        assert step.losses["task"] == pytest.approx(expected.item(), rel=1e-4)
        expected.backward()
        norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), RECIPE.clip_norm)
        assert step.gradient_norm == pytest.approx(norm.item(), rel=1e-3)
        for group in optimizer.param_groups:
            group["lr"] = step.learning_rate
        optimizer.step()
        optimizer.zero_grad()

    logits = logits_of(model, model.objective("task"), items)  # type: ignore[arg-type]
    predicted = [kind.decode(item, its) for item, its in zip(items, logits, strict=True)]
    with torch.no_grad():
        wanted = case.decode(theirs.eval()(**inputs).logits, made)
    assert predicted == (pytest.approx(wanted, abs=1e-4) if name == "regression" else wanted)
    assert len({str(each) for each in predicted}) > 1
