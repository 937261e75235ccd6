"""Losses and answers of the transformers library's question answering on texts longer than a sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import zoo
from zoo.core.specs import HeadConfig, Reading
from zoo.tasks.kinds import task_kind
from zoo.tasks.task import Example
from zoo.text.windows import widest_of
from zoo.train.finetune import logits_of, training_parts

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "?", ".", *"abcdefghijklmnop"]
LENGTH, STRIDE, LONGEST = 16, 5, 4
ITEMS = [
    Example("who a ?", "b c d e f g h i j k l m n o p a b c d e f g .", ((10, "g h"),)),
    Example("who ?", "p o n m l k j i h g f e d c b a .", ((26, "c b"),)),
    Example("who b c ?", "a b c .", ((2, "b c"),)),
    Example("who ?", "a . b . c . d . e . f . g .", ()),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    transformers.logging.disable_progress_bar()
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(3)
    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 18}
    config = transformers.BertConfig(**sizes, vocab_size=len(WORDS), initializer_range=0.8)
    transformers.BertForQuestionAnswering(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return folder


@pytest.fixture(scope="module")
def theirs(folder: Path) -> list[list[dict[str, Any]]]:
    """Each window of each item as the library makes and scores it."""
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
    model = transformers.BertForQuestionAnswering.from_pretrained(folder).eval()
    found = []
    for item in ITEMS:
        n_question = len(tokenizer.tokenize(item.first))
        made = tokenizer(
            item.first, item.second, truncation="only_second", max_length=LENGTH,
            stride=LENGTH - 3 - n_question - STRIDE, return_overflowing_tokens=True, return_offsets_mapping=True,
        )  # fmt: skip
        windows = []
        for index, ids in enumerate(made["input_ids"]):
            offsets, of = made["offset_mapping"][index], made.sequence_ids(index)
            text = [place for place, which in enumerate(of) if which == 1]
            inputs = {"input_ids": torch.tensor([ids]), "token_type_ids": torch.tensor([made["token_type_ids"][index]])}
            target = _target(item, text, offsets)
            out = model(**inputs, start_positions=torch.tensor(target[:1]), end_positions=torch.tensor(target[1:]))
            window = {"text": text, "offsets": offsets, "target": target, "loss": out.loss.item()}
            windows.append(window | {"start": out.start_logits[0].tolist(), "end": out.end_logits[0].tolist()})
        found.append(windows)
    return found


def _target(item: Example, text: list[int], offsets: list[tuple[int, int]]) -> list[int]:
    """As run_qa.py has it."""
    if not item.label:
        return [0, 0]
    start, answer = item.label[0]
    inside = [place for place in text if offsets[place][0] >= start and offsets[place][1] <= start + len(answer)]
    whole = inside and offsets[inside[0]][0] == start and offsets[inside[-1]][1] == start + len(answer)
    return [inside[0], inside[-1]] if whole else [0, 0]


def best(item: Example, windows: list[dict[str, Any]]) -> tuple[str, float]:
    """The answer of highest score that begins where its window has the widest context, and the margin of none."""
    places = sorted({offset[0] for window in windows for offset in map(window["offsets"].__getitem__, window["text"])})
    spans = []
    for window in windows:
        begins = [places.index(window["offsets"][place][0]) for place in window["text"]]
        spans.append((begins[0], begins[-1] + 1))
    widest = widest_of(spans, len(places)).tolist()
    scores = [
        (window["start"][a] + window["end"][b], window["offsets"][a][0], window["offsets"][b][1])
        for number, window in enumerate(windows)
        for a in window["text"]
        if widest[places.index(window["offsets"][a][0])] == number
        for b in window["text"]
        if a <= b < a + LONGEST
    ]
    score, start, end = max(scores)
    return str(item.second)[start:end], min(window["start"][0] + window["end"][0] for window in windows) - score


def test_losses_and_answers_over_windows_are_the_librarys(folder: Path, theirs: list[list[dict[str, Any]]]) -> None:
    model = zoo.load(folder)
    reading = Reading(max_length=LENGTH, stride=STRIDE, longest_answer=LONGEST)
    config = HeadConfig(kind="question-answering", pair=True, options={"no_answer": True})
    kind = task_kind(config, reading)
    items, n_cut = kind.encode(ITEMS, model.text_tokenizer, LENGTH)
    assert n_cut == 0 and [len(item.parts) for item in items] == list(map(len, theirs)) and len(theirs[0]) > 2
    parts, labels = training_parts(items, [item.label for item in ITEMS])
    targets = [kind.target(part, label) for part, label in zip(parts, labels, strict=True)]
    flat = [window for windows in theirs for window in windows]
    assert targets == [window["target"] for window in flat]
    batch = kind.batch(parts, labels)
    loss = model.eval()(batch)["task"].loss.item()
    assert loss == pytest.approx(sum(window["loss"] for window in flat) / len(flat), rel=1e-5)
    head = model.objective("task")
    for item, encoded, logits, windows in zip(ITEMS, items, logits_of(model, head, items), theirs, strict=True):  # type: ignore[arg-type]
        (_, text), margin = kind.decode(encoded, logits)
        expected, expected_margin = best(item, windows)
        assert text == expected
        assert margin == pytest.approx(expected_margin, abs=1e-4)
