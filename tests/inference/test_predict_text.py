"""What a folder's own head says of plain text, beside what the reference library says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers

import zoo
from zoo import ZooError
from zoo.cli import main
from zoo.inference import predict_text
from zoo.tasks.kinds import make_head
from zoo.tasks.kinds.answer_spans import best_span
from zoo.text.collate import collate

Make = Callable[..., Path]
Predict = Callable[..., tuple[int, list[list[str]], str]]

TEXTS = ["the capital of france is paris.", "a b ac", "", "Paris, the capital: is of  France ac"]
CONTEXT = "the capital of france is paris. a b"


@pytest.fixture(params=[512, 2], ids=["one window", "windows of two"], autouse=True)
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict_text, "WINDOW", request.param)


@pytest.fixture
def predict(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Predict:
    """Type the command for a file of these lines; status, the table's rows without its header, and what was told."""

    def predict(folder: Path, lines: list[str], *more: str) -> tuple[int, list[list[str]], str]:
        path = tmp_path / "lines.txt"
        path.write_text("".join(f"{line}\n" for line in lines))
        monkeypatch.setattr(sys, "argv", ["zoo", "predict", str(folder), str(path), *more])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return int(end.value.code or 0), [line.split("\t") for line in out.splitlines()[1:]], err

    return predict


def reference(folder: Path, head: str) -> tuple[transformers.BertTokenizerFast, torch.nn.Module]:
    return (
        transformers.BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=24),
        getattr(transformers, head).from_pretrained(folder).eval(),
    )


def wide(folder: Path, head: str, spread: float = 0.7) -> Path:
    """The folder with weights so large that predictions differ from text to text."""
    model = getattr(transformers, head).from_pretrained(folder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, spread)
    model.save_pretrained(folder)
    return folder


def test_classes_have_the_folders_own_names(make: Make, predict: Predict) -> None:
    names = {0: "sad", 1: "glad", 2: "cross"}
    folder = wide(make("BertForSequenceClassification", id2label=names), "BertForSequenceClassification")
    tokenizer, theirs = reference(folder, "BertForSequenceClassification")
    status, rows, told = predict(folder, TEXTS)
    assert (status, told) == (0, "")
    for index, text in enumerate(TEXTS):
        with torch.no_grad():
            expected = theirs(**tokenizer(text, return_tensors="pt")).logits[0].softmax(0)
        assert rows[index][:2] == [str(index), names[int(expected.argmax())]]
        assert float(rows[index][2]) == pytest.approx(float(expected.max()), abs=1e-4)
    with torch.no_grad():
        expected = theirs(**tokenizer("a b", "the capital", return_tensors="pt")).logits[0].softmax(0)
    _, rows, _ = predict(folder, ["a b\tthe capital"], "--pairs")
    assert rows == [["0", names[int(expected.argmax())], f"{float(expected.max()):.4f}"]]


def test_every_probable_label_of_several_is_told(make: Make, predict: Predict) -> None:
    names = {index: f"topic {index}" for index in range(6)}
    config = {"id2label": names, "problem_type": "multi_label_classification"}
    folder = wide(make("BertForSequenceClassification", **config), "BertForSequenceClassification", 0.3)
    tokenizer, theirs = reference(folder, "BertForSequenceClassification")
    status, rows, _ = predict(folder, TEXTS)
    assert status == 0
    for index, text in enumerate(TEXTS):
        with torch.no_grad():
            expected = theirs(**tokenizer(text, return_tensors="pt")).logits[0].sigmoid()
        assert rows[index][1] == ",".join(names[place] for place, p in enumerate(expected) if p > 0.5)
    assert len({row[1] for row in rows}) > 1


def test_a_regressions_score_is_told(make: Make, predict: Predict) -> None:
    folder = wide(make("BertForSequenceClassification", num_labels=1), "BertForSequenceClassification")
    tokenizer, theirs = reference(folder, "BertForSequenceClassification")
    _, rows, _ = predict(folder, TEXTS)
    for row, text in zip(rows, TEXTS, strict=True):
        with torch.no_grad():
            expected = float(theirs(**tokenizer(text, return_tensors="pt")).logits)
        assert float(row[1]) == pytest.approx(expected, abs=2e-4)


def test_every_word_has_the_tag_of_its_first_piece(make: Make, predict: Predict) -> None:
    names = {0: "O", 1: "LOC", 2: "PER"}
    folder = wide(make("BertForTokenClassification", id2label=names), "BertForTokenClassification")
    tokenizer, theirs = reference(folder, "BertForTokenClassification")
    status, rows, _ = predict(folder, TEXTS)
    assert status == 0
    expected = []
    for index, text in enumerate(TEXTS):
        read = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            tags = theirs(**read).logits[0].argmax(1).tolist()
        words = read.word_ids()
        for place, word in enumerate(words):
            if word is not None and words[place - 1] != word:
                start, end = read.word_to_chars(word)
                expected.append([str(index), str(start), str(end), text[start:end], names[tags[place]]])
    assert [row[:5] for row in rows] == expected
    assert len({row[4] for row in rows}) > 1


def test_an_answer_is_the_most_probable_stretch_of_the_second_text(make: Make, predict: Predict) -> None:
    folder = wide(make("BertForQuestionAnswering"), "BertForQuestionAnswering")
    tokenizer, theirs = reference(folder, "BertForQuestionAnswering")
    questions = ["of the capital", "is paris", "a"]
    status, rows, told = predict(folder, [f"{question}\t{CONTEXT}" for question in questions] + ["a\t"])
    assert (status, told) == (0, "")
    for row, question in zip(rows, questions, strict=False):
        read = tokenizer(question, CONTEXT, return_tensors="pt", return_offsets_mapping=True)
        offsets = read.pop("offset_mapping")[0].tolist()
        with torch.no_grad():
            made = theirs(**read)
        inside = [place for place, text in enumerate(read.sequence_ids()) if text == 1]
        spans = [(a, b) for a in inside for b in inside if b >= a]
        sums = {(a, b): float(made.start_logits[0, a] + made.end_logits[0, b]) for a, b in spans}
        first, last = max(sums, key=sums.__getitem__)
        start, end = offsets[first][0], offsets[last][1]
        assert row[1:4] == [str(start), str(end), CONTEXT[start:end]]
    assert rows[-1][1:4] == ["0", "0", ""]


def test_answers_are_those_that_the_head_itself_predicts(make: Make) -> None:
    model = zoo.load(wide(make("BertForQuestionAnswering"), "BertForQuestionAnswering"))
    items = [(question, CONTEXT) for question in ("of the capital", "is paris", "a b a b", "")]
    head = predict_text.head_for_text(model)
    for (question, text), row in zip(items, predict_text.predict_texts(model, items).rows, strict=True):
        (first, _), (second, offsets) = model.text_tokenizer.encode_with_offsets([question, text])
        batch = collate([model.text_tokenizer.join(first, second, 24)])
        with torch.no_grad():
            (logits,) = head.by_item(head.logits(model.hidden(batch), batch), batch)
            begin, end = best_span(logits.clone().index_fill_(1, torch.tensor([0]), -torch.inf), 30)[0]
        start = len(first) + 2
        assert row[1:3] == (str(offsets[begin - start][0]), str(offsets[end - start][1]))


def test_one_of_several_choices_is_taken(make: Make, predict: Predict) -> None:
    folder = wide(make("BertForMultipleChoice"), "BertForMultipleChoice")
    tokenizer, theirs = reference(folder, "BertForMultipleChoice")
    items = [("the capital", "paris", "a b", "france is"), ("a", "b ac", "the"), ("is", "of", "of a", "of a b")]
    _, rows, _ = predict(folder, ["\t".join(item) for item in items])
    for row, (first, *choices) in zip(rows, items, strict=True):
        read = tokenizer([first] * len(choices), choices, return_tensors="pt", padding=True)
        with torch.no_grad():
            scores = theirs(**{name: value[None] for name, value in read.items()}).logits[0].softmax(0)
        best = int(scores.argmax())
        assert row[1:] == [str(best), choices[best], f"{float(scores.max()):.4f}"]


@pytest.mark.parametrize(
    ("head", "line", "more", "message"),
    [
        ("BertModel", "a", (), "has no task head, only pool; use zoo encode, or fine-tune it with zoo compare"),
        ("BertForMaskedLM", "a", (), "has no task head, only bert.mlm; use zoo encode or zoo fill, or fine-tune"),
        ("BertForMaskedLM", "a", ("--task", "sst2"), "lines.txt:1: must be a header"),
        (
            "BertForSequenceClassification",
            "a",
            ("--pairs",),
            "lines.txt:1: has 1 texts; --pairs needs two texts",
        ),
        ("BertForTokenClassification", "a\tb", ("--pairs",), "lines.txt:1: has 2 texts; tags need one text"),
        (
            "BertForQuestionAnswering",
            "a",
            (),
            "lines.txt:1: has 1 texts; an answer span needs a quest",
        ),
        ("BertForMultipleChoice", "a\tb", (), "lines.txt:1: has 2 texts; multiple choice needs a text"),
    ],
)
def test_what_cannot_be_predicted_is_one_line(
    head: str, line: str, more: tuple[str, ...], message: str, make: Make, predict: Predict
) -> None:
    status, rows, told = predict(make(head), [line], *more)
    assert (status, rows) == (2, [])
    assert message in told and told.count("\n") == 1


def test_what_was_cut_is_told_and_tags_are_read_in_windows(make: Make, predict: Predict) -> None:
    status, rows, told = predict(make("BertForSequenceClassification"), ["a " * 30, "a"])
    assert (status, len(rows), told) == (0, 2, "1 of 2 items were cut to 24 tokens\n")
    status, rows, told = predict(make("BertForTokenClassification"), ["a " * 30, "a"])
    assert (status, len(rows), told) == (0, 30 + 1, "")


def test_the_first_word_of_a_byte_level_text_is_a_word(tmp_path: Path) -> None:
    catalog = zoo.Catalog.installed()
    small = catalog.variant("roberta-tiny+dims.vocab_size=300+dims.max_length=32")
    part, options = catalog.tokenizer(small)
    tokenizer = part.train(["Ann went to Rome", "Rome was seen"] * 9, 300, **options)
    dims = small.dims.model_copy(update={"vocab_size": tokenizer.vocab_size})
    model = catalog.build(small.model_copy(update={"dims": dims}))
    use = zoo.core.specs.HeadConfig(kind="token-classification", labels=("O", "LOC"))
    tagger = model.with_head("task", make_head(dims, use))
    tagger.tokenizer = tokenizer
    made = predict_text.predict_texts(tagger, [("Ann was seen",)])
    assert [row[3] for row in made.rows] == ["Ann", "was", "seen"]


def test_a_head_of_pairs_reads_pairs_without_being_told() -> None:
    use = zoo.core.specs.HeadConfig(kind="classification", labels=("no", "yes"), pair=True)
    head = make_head(zoo.Catalog.installed().variant("bert-tiny").dims, use)
    item = predict_text.example_of(head, "a man\teats", "lines:1", pairs=False)
    assert (item.first, item.second) == ("a man", "eats")
    with pytest.raises(ZooError, match="lines:1: has 1 texts"):
        predict_text.example_of(head, "a man", "lines:1", pairs=False)
