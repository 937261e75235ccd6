"""Training items changed, mixed, shortened or passed in parts, against hand-made cases and torch's own losses."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats

from tests.train.test_techniques import batch, model, weights
from zoo import Catalog, Example, Finetuning, ZooError
from zoo.core.batch import MIX
from zoo.core.specs import HeadConfig
from zoo.experiments.plan.inputs import finetuning_inputs
from zoo.heads import MultiLabelClassification
from zoo.tasks.kinds import TaskKind, task_kind
from zoo.tasks.kinds.kind import EncodedItem
from zoo.testing.material import Pieces
from zoo.text.synonyms import Synonyms
from zoo.train.augment import WAYS, Augmenter, mixed_in_pairs
from zoo.train.finetune import TrainingItems, shortened
from zoo.train.loop import fit
from zoo.train.step import StepConfig
from zoo.train.techniques import known_to_loss

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
TEXTS = [Example(f"{a} {b} lamps", None, n % 2) for n, (a, b) in enumerate(zip(WORDS, WORDS[::-1], strict=True))]


def kind(name: str = "classification", *labels: str, pair: bool = False) -> TaskKind:
    return task_kind(HeadConfig(kind=name, labels=labels or ("a", "b"), pair=pair))


def augmenter(of: TaskKind, synonyms: Synonyms | None = None, **ways: Any) -> Augmenter:
    recipe = Finetuning(learning_rate=1.0, **{"augmented": 1.0, **ways})
    return Augmenter(of, Pieces(), recipe, 3, 32, synonyms)


def encoded(of: TaskKind, items: list[Example]) -> list[EncodedItem]:
    return of.encode(items, Pieces(), 32)[0]


@pytest.fixture
def synonyms(tmp_path: Path) -> Synonyms:
    (tmp_path / "words.txt").write_text("big large huge\n\nParis paree\nbig grand\n")
    return Synonyms(tmp_path / "words.txt")


@pytest.mark.parametrize("way", sorted(WAYS))
@pytest.mark.parametrize("n", [1, 3, 8])
def test_a_way_changes_as_many_words_as_it_is_asked_and_knows_where_each_is_from(
    way: str, n: int, synonyms: Synonyms
) -> None:
    texts = ["big"] * 8 if way == "synonyms" else WORDS
    words = [(word, place) for place, word in enumerate(texts)]
    found = WAYS[way](words, n, np.random.default_rng(0), synonyms)
    places = Counter(place for _, place in found)
    if way == "synonyms":
        assert [place for _, place in found] == [*range(8)]
        assert sum(word != "big" for word, _ in found) == n
        assert {word for word, _ in found} <= {"big", "large", "huge", "grand"}
        return
    assert all(word == texts[place] for word, place in found)
    expected = {"duplicated_words": 8 + n, "swapped_words": 8, "deleted_words": max(1, 8 - n)}
    assert len(found) == expected[way] and max(places.values()) == 1 + (way == "duplicated_words")
    if way == "swapped_words":
        assert 0 < sum(place != at for at, (_, place) in enumerate(found)) <= 2 * n
    else:
        assert [place for _, place in found] == sorted(place for _, place in found)


def test_a_synonym_keeps_punctuation_and_capital_and_is_of_its_line(synonyms: Synonyms) -> None:
    assert synonyms.of('("Big",') == ['("Large",', '("Huge",', '("Grand",']
    assert synonyms.of("paree") == ["Paris"] and synonyms.of("small") == synonyms.of("--") == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"big large\nalone\n", ":2: 'alone' is one word"),
        (b"\n", "holds no words"),
        (b"big gro\xdf\n", ":1: it is not UTF-8"),
    ],
)
def test_a_file_of_synonyms_that_holds_none_is_refused_with_its_line(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(ZooError, match=problem):
        Synonyms(tmp_path / "words.txt")


def test_what_becomes_of_an_item_depends_on_seed_epoch_and_number_alone() -> None:
    made = augmenter(kind(), deleted_words=0.3, masked_words=0.3, augmented=0.6)
    items = encoded(made.kind, TEXTS)
    first, again, later = (made.changed(TEXTS, items, epoch) for epoch in (0, 0, 1))
    fewer = made.changed(TEXTS[:5], items[:5], 0)

    def ids(found: Any) -> dict[int, list[int]]:
        return {number: item.encodings[0].ids.tolist() for number, (item, _) in sorted(found.items())}

    assert ids(first) == ids(again) != ids(later) and 0 < len(first) < len(TEXTS)
    assert ids(fewer) == {number: its for number, its in ids(first).items() if number < 5}
    assert ids(replace(made, seed=4).changed(TEXTS, items, 0)) != ids(first)


def test_tags_move_with_their_words() -> None:
    tagging = kind("token-classification", "O", "B-PER", "B-LOC")
    tag_of = {"Ann": 1, "saw": 0, "Rome": 2, "again": 0}
    item = Example(" ".join(tag_of), None, (*tag_of.values(),))
    for way in ("swapped_words", "duplicated_words", "deleted_words"):
        made = augmenter(tagging, **{way: 0.4})
        for epoch in range(5):
            new = made.kind.reworded(item, made._rewording(way, np.random.default_rng(epoch)))
            assert new != item and [tag_of[word] for word in new.first.split()] == [*new.label]
            assert tagging.fits_item(new)


def test_an_answer_stays_where_it_is_and_choices_as_they_are() -> None:
    asking = kind("question-answering", pair=True)
    item = Example("who came there", "Ann came here", ((0, "Ann"),))
    made = augmenter(asking, deleted_words=0.3)
    new = asking.reworded(item, made._rewording("deleted_words", np.random.default_rng(0)))
    assert (new.second, new.label) == (item.second, item.label) and len(new.first.split()) == 2
    choosing = task_kind(HeadConfig(kind="multiple-choice", labels=()))
    item = Example("a b c", None, 1, ("d e", "f g"))
    new = choosing.reworded(item, made._rewording("deleted_words", np.random.default_rng(0)))
    assert new.choices == item.choices and len(new.first.split()) == 2


@pytest.mark.parametrize(("way", "n"), [("masked_words", 3), ("cut_out", 3)])
def test_masks_hide_whole_words_and_nothing_else(way: str, n: int) -> None:
    catalog, text = Catalog.installed(), " ".join(WORDS)
    tokenizer_class, options = catalog.tokenizer(catalog.variants["bert-tiny"])
    tokenizer = tokenizer_class.train([text], 24, **options)
    made = replace(augmenter(kind(), **{way: n / 8}), tokenizer=tokenizer)
    items, _ = made.kind.encode([Example(text, None, 0)], tokenizer, 64)
    assert len(items[0]) > 8 + 2  # words of several pieces
    ((found, _),) = made.changed([Example(text, None, 0)], items, 0).values()
    before, after = items[0].encodings[0], found.encodings[0]
    words = np.cumsum(tokenizer.word_starts[before.ids] & ~before.special) * ~before.special
    hidden = {*words[after.ids != before.ids].tolist()}
    assert len(hidden) == n and {*after.ids[after.ids != before.ids].tolist()} == {tokenizer.mask_id}
    assert all((after.ids[words == word] == tokenizer.mask_id).all() for word in hidden)
    assert way == "masked_words" or max(hidden) - min(hidden) == n - 1


def test_items_that_were_changed_are_counted_and_others_are_as_before() -> None:
    made = augmenter(kind(), deleted_words=0.3, augmented=0.5)
    items, labels = encoded(made.kind, TEXTS), [item.label for item in TEXTS]
    plain = TrainingItems(made.kind, items, labels, 3).batches(8)
    learned = TrainingItems(made.kind, items, labels, 3, lambda epoch: made.changed(TEXTS, items, epoch))
    for epoch, (one, other) in enumerate(zip(plain, learned.batches(8), strict=False), 1):
        assert sorted(one.labels["task"].tolist()) == sorted(other.labels["task"].tolist())
        assert learned.n_read == 8 * epoch
        if epoch == 20:
            break
    assert stats.binomtest(learned.n_changed, learned.n_read, 0.5).pvalue > 1e-4


def mixed(n: int = 6) -> Any:
    return mixed_in_pairs(batch(n), 0.5, "test")


def test_a_mixed_loss_is_that_of_mixed_labels_on_mixed_vectors() -> None:
    made, asked = model(), mixed(7)
    output = made(asked)["task"]
    plain = made(batch(7))["task"]
    row = {place: number for number, place in enumerate(asked.order)}
    partners = [row[place] for place in asked.partners]
    share = asked.labels[MIX][:, None]
    labels = F.one_hot(asked.labels["task"], 3).float()
    assert [partners[place] for place in partners] == [*range(7)] and sum(a == b for a, b in enumerate(partners)) == 1
    torch.testing.assert_close(output.logits, share * plain.logits + (1 - share) * plain.logits[partners])
    soft = share * labels + (1 - share) * labels[partners]
    torch.testing.assert_close(output.loss, F.cross_entropy(output.logits, soft))
    known_to_loss(made.objective("task"), Finetuning(learning_rate=1.0, label_smoothing=0.3), [])  # type: ignore[arg-type]
    torch.testing.assert_close(made(asked)["task"].loss, F.cross_entropy(output.logits, soft, label_smoothing=0.3))


def test_the_share_of_a_mixture_is_drawn_from_a_beta_distribution() -> None:
    shares = [float(mixed_in_pairs(batch(2), 0.4, seed).labels[MIX][0]) for seed in range(300)]
    assert stats.kstest(shares, stats.beta(0.4, 0.4).cdf).pvalue > 1e-3


def test_several_labels_are_mixed_as_a_soft_target_is() -> None:
    catalog = Catalog.installed()
    dims = model().variant.dims
    pooling = catalog.variants["bert-tiny"].head.model_copy(update={"dropout": 0.0})
    head = MultiLabelClassification(dims, HeadConfig(kind="multi-label", labels=("a", "b"), pooling=pooling))
    of_two = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0]])
    asked = mixed_in_pairs(replace(batch(4), labels={"task": of_two}), 1.0, 1)
    hidden = torch.randn(len(asked.ids), dims.hidden_width)
    output = head(hidden, asked, hidden)
    row = {place: number for number, place in enumerate(asked.order)}
    partners, share = [row[place] for place in asked.partners], asked.labels[MIX][:, None]
    soft = share * of_two + (1 - share) * of_two[partners]
    torch.testing.assert_close(output.loss, F.binary_cross_entropy_with_logits(output.logits, soft))


@pytest.mark.parametrize("make", [batch, mixed])
@pytest.mark.parametrize(("most", "techniques"), [(1, {}), (2, {"label_smoothing": 0.1}), (4, {"ema_decay": 0.5})])
def test_a_batch_in_parts_teaches_the_same(make: Any, most: int, techniques: dict[str, Any]) -> None:
    recipe = Finetuning(learning_rate=0.01, warmup=0.0, **techniques)
    whole, parts = model(), model()
    for made, how in ((whole, StepConfig(seed=1)), (parts, StepConfig(seed=1, micro_batch=most))):
        fit(made, repeat(make()), recipe, 3, lambda done, total: None, how)
    for name, value in weights(whole).items():
        torch.testing.assert_close(value, weights(parts)[name], rtol=1e-4, atol=1e-5)


def test_a_part_has_no_more_items_than_asked_and_pairs_stay_together() -> None:
    how = StepConfig(micro_batch=4)
    assert [how.n_parts(batch(n)) for n in (3, 4, 5, 8, 9)] == [1, 1, 2, 2, 3]
    asked = mixed(10)
    for number in range(3):
        part = asked.micro_batch(number, 3)
        assert {*part.partners} == {*part.order}


def test_the_length_is_the_shortest_that_cuts_as_few_as_allowed() -> None:
    words = [3, 4, 10, 12, 20, 20, 20, 20, 21, 60]  # one piece each, between two special tokens
    items = [Example(" ".join(["ab"] * n), None, 0) for n in words]
    for share, expected in ((0.0, 64), (0.09, 64), (0.1, 24), (0.5, 24), (0.6, 16), (0.9, 8)):
        recipe = Finetuning(learning_rate=1.0, max_length=80, cut_share=share)
        found = shortened(kind(), items, Pieces(), recipe)
        assert found.max_length == expected
        _, n_cut = kind().encode(items, Pieces(), found.max_length)
        assert n_cut <= share * len(items)
    assert (
        shortened(kind(), items, Pieces(), recipe.model_copy(update={"cut_share": 0.0, "max_length": 16})).max_length
        == 16
    )


def test_a_result_depends_on_what_is_used_and_not_on_where_it_lies() -> None:
    plain = finetuning_inputs(Finetuning(learning_rate=1.0), set())
    unused = {"augmented": 0.3, "synonym_file": "words.txt", "micro_batch": 32}
    assert finetuning_inputs(Finetuning(learning_rate=1.0, **unused), set()) == plain
    for used in ({"mixup": 0.2}, {"micro_batch": 8}, {"deleted_words": 0.1}, {"cut_share": 0.1}):
        assert finetuning_inputs(Finetuning(learning_rate=1.0, **used), set()) != plain  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expression", "task", "problem"),
    [
        ("bert-tiny+finetuning.synonyms=0.1", "micro-sentiment", "counts only with finetuning.synonym_file"),
        ("gpt-tiny+finetuning.masked_words=0.1", "micro-sentiment", "knows no mask, which finetuning.masked_words"),
        ("bert-tiny+finetuning.deleted_words=0.1", "wic", "changes words, and items of 'wic'"),
        ("bert-tiny+finetuning.deleted_words=1.0", "micro-sentiment", "deleted_words"),
        ("bert-tiny+finetuning.mixup=-1", "micro-sentiment", "mixup"),
    ],
)
def test_what_cannot_be_augmented_is_refused(expression: str, task: str, problem: str) -> None:
    catalog = Catalog.installed()
    with pytest.raises(ZooError, match=problem):
        catalog.check(catalog.variant(expression), [catalog.task(task)])
