"""The starter suite: no leak between splits and text, labels that an independent reader agrees with, any size."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from functools import cache
from typing import Any

import pytest

from zoo.core.errors import ZooError
from zoo.tasks.baselines import logistic_regression, most_frequent_tag
from zoo.tasks.microworld import documents
from zoo.tasks.microworld.lexicon import CATEGORIES, NOUNS, PLACES, TRAITS, VERBS, VERDICTS
from zoo.tasks.microworld.morphology import participle, plural, third_person
from zoo.tasks.scoring import check_task, gold_labels, score
from zoo.tasks.starter import ROLES, SIMILARITY, TASKS, MicroworldTask
from zoo.tasks.tagging import entities
from zoo.tasks.task import Dataset, Example

TASK = {task.name.removeprefix("micro-"): task for task in (*TASKS, SIMILARITY)}

CONTENT = {
    **{form: n.names[0] for n in (*NOUNS, *CATEGORIES.values()) for name in n.names for form in (name, plural(name))},
    **{f: v.names[0] for v in VERBS for name in v.names for f in (name, third_person(name), participle(name))},
    **{name: concept.names[0] for concept in (*PLACES, *VERDICTS) for name in concept.names},
}
BEINGS = {
    form: "several" if form != name else "she" if noun.category == "person" else "it"
    for noun in NOUNS
    if noun.category in ("person", "bird", "beast")
    for name in noun.names
    for form in (name, plural(name))
}
"""What each name of a being stands for, and so do pronouns."""
STANDS_FOR = {"she": "she", "her": "she", "it": "it", "they": "several", "them": "several"}
VERBAL = {f for v in VERBS for name in v.names for f in (name, third_person(name), participle(name))}
TONE = {name: verdict.good for verdict in VERDICTS for name in verdict.names}


@cache
def made(form: str) -> Dataset:
    return TASK[form].load(None)


def task(form: str, **fields: Any) -> MicroworldTask:
    return MicroworldTask.model_validate({**dict(TASK[form]), **fields})


@cache
def gist(sentence: str) -> tuple[tuple[str, ...], ...]:
    """Which things, deeds, places and verdicts a sentence joins: the same for every wording, number and order."""
    parts = re.split(" (?:and|but) (?=the )", sentence)
    return tuple(sorted(tuple(sorted(CONTENT[word] for word in part.split() if word in CONTENT)) for part in parts))


def sentences(items: tuple[Example, ...]) -> set[str]:
    """Every sentence of some items; one with a pronoun is read as what it stands for."""
    return {sentence for item in items for text in (item.first, item.second) if text for sentence in resolved(text)}


def resolved(text: str) -> list[str]:
    """The sentences of a text, the name of the last being that it fits in place of a pronoun."""
    sentences = [f"{sentence.strip()} ." for sentence in text.split(" .") if sentence.strip()]
    beings = [word for word in sentences[0].split() if word in BEINGS]
    read = [sentences[0]]
    for sentence in sentences[1:]:
        words = sentence.split()
        for at, word in enumerate(words):
            if word in STANDS_FOR:
                (words[at],) = {being for being in beings if BEINGS[being] == STANDS_FOR[word]}
        read.append(" ".join(words))
    return read


def positive(statement: str) -> bool:
    last = re.split(" (?:and|but) (?=the )", statement)[-1].split()
    return TONE[last[-2]] != ("not" in last)


def test_five_synthetic_tasks_are_offered() -> None:
    names = [task.name.removeprefix("micro-") for task in TASKS]
    assert names == ["acceptability", "sentiment", "paraphrase", "reference", "entailment"]
    assert all(t.synthetic and t.suite == "microworld" for t in TASKS)
    for task in TASKS:
        check_task(task)


def test_listing_the_tasks_makes_no_item_and_imports_nothing_heavy() -> None:
    code = "import sys, zoo.tasks.starter; print([m for m in sys.modules if m in {'numpy', 'torch', 'sklearn'}])"
    code += "; print([m for m in sys.modules if 'microworld' in m])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n[]\n"


@pytest.mark.parametrize("form", TASK)
def test_sizes_and_pairs_are_as_the_record_says(form: str) -> None:
    splits, record = made(form).splits, task(form)
    assert {name: len(items) for name, items in splits.items()} == {"train": record.n_train, "dev": record.n_dev}
    assert {item.second is not None for items in splits.values() for item in items} == {record.pair}


@pytest.mark.parametrize("form", TASK)
def test_no_item_is_met_twice(form: str) -> None:
    twins = Counter(frozenset((i.first, i.second)) for items in made(form).splits.values() for i in items)
    assert set(twins.values()) == {1}


@pytest.mark.parametrize("form", TASK)
def test_no_sentence_of_dev_is_met_in_train_in_any_wording(form: str) -> None:
    splits = made(form).splits
    dev, train = ({gist(text) for text in sentences(splits[split])} for split in ("dev", "train"))
    assert len(dev) > 100
    assert not dev & train


@pytest.mark.parametrize("form", TASK)
def test_no_sentence_of_an_item_is_met_in_the_text_in_any_wording(form: str) -> None:
    told = {gist(sentence) for document in documents(5_000, 0) for sentence in document}
    asked = {gist(text) for items in made(form).splits.values() for text in sentences(items)}
    assert not asked & told


def test_other_seeds_and_sizes_leak_no_more() -> None:
    text = {sentence for document in documents(1_000, 7) for sentence in document}
    one, other = (task("sentiment", seed=seed, n_train=1_500, n_dev=900).load(None).splits for seed in (1, 2))
    assert not sentences(one["train"] + one["dev"] + other["train"] + other["dev"]) & text
    assert not {gist(s) for s in sentences(one["train"])} & {gist(s) for s in sentences(other["dev"])}


@pytest.mark.parametrize("form", TASK)
def test_novel_words_are_kept_for_dev(form: str) -> None:
    concepts = (*NOUNS, *VERBS, *PLACES, *TRAITS, *VERDICTS)
    novel = {c.names[0] for c in concepts if c.novel}
    train, dev = (
        {word for text in sentences(made(form).splits[split]) for part in gist(text) for word in part}
        for split in ("train", "dev")
    )
    assert not train & novel
    assert dev & novel


@pytest.mark.parametrize("form", [form for form, t in TASK.items() if t.labels])
def test_no_class_is_commoner_than_another(form: str) -> None:
    for items in made(form).splits.values():
        counts = Counter(item.label for item in items)
        assert set(counts) == set(range(len(TASK[form].labels)))
        assert max(counts.values()) - min(counts.values()) <= 1


def test_unacceptable_sentences_are_never_said() -> None:
    items = [item for split in made("acceptability").splits.values() for item in split]
    said = {sentence for document in documents(2_000, 0) for sentence in document}
    said |= {item.first for item in items if item.label == 1}
    for form in ("paraphrase", "similarity"):
        said |= {text for split in made(form).splits.values() for text in sentences(split)}
    assert not {item.first for item in items if item.label == 0} & said


def test_sentiment_is_that_of_the_last_opinion() -> None:
    for items in made("sentiment").splits.values():
        assert [item.label for item in items] == [positive(item.first) for item in items]
        assert any(" but " in item.first for item in items)


def deed(sentence: str) -> tuple[str | None, ...]:
    """Who does what to whom and where, in either voice, in names that synonyms share; categories stay as they are."""
    words = sentence.split()
    places = {name for place in PLACES for name in place.names}
    nouns = [CONTENT[word] for word in words if word in CONTENT and word not in {*places, *VERBAL}]
    (verb,), place = (CONTENT[word] for word in words if word in VERBAL), [word for word in words if word in places]
    agent, patient = reversed(nouns) if "by" in words else nouns
    return agent, verb, patient, *place


def test_paraphrases_say_the_same_and_others_do_not() -> None:
    for items in made("paraphrase").splits.values():
        assert [item.label for item in items] == [deed(item.first) == deed(item.second or "") for item in items]
        assert any("by" in item.first.split() for item in items)


def test_sentences_that_are_no_paraphrase_have_the_same_words_and_without_a_trap_another_verb() -> None:
    plain = task("paraphrase", difficulty=0.0, n_train=40, n_dev=40).load(None)
    for dataset, same_words in ((made("paraphrase"), True), (plain, False)):
        others = [item for item in dataset.splits["dev"] if item.label == 0]
        assert {gist(item.first) == gist(item.second or "") for item in others} == {same_words}


def test_a_reference_is_right_if_the_pronoun_stands_for_what_is_named() -> None:
    for items in made("reference").splits.values():
        for item in items:
            _, told = resolved(item.first)
            assert (deed(told) == deed(item.second or "")) == item.label, item


def test_what_is_entailed_follows() -> None:
    kind = {name: noun.category for noun in NOUNS for name in noun.names}
    for items in made("entailment").splits.values():
        for item in items:
            first, second = item.first, item.second or ""
            if {*first.split()} & {*TONE}:
                follows = positive(first) == positive(second) and first.split()[1] == second.split()[1]
            else:
                told, asked = deed(first), deed(second)
                general = [a == b or kind.get(str(a)) == b for a, b in zip(told, asked, strict=True)]
                follows = all(general)
            assert follows == item.label, item


def test_similar_sentences_share_more() -> None:
    items = made("similarity").splits["dev"]
    shared = [float(len({*gist(i.first)[0]} & {*gist(i.second or "")[0]})) for i in items]
    found = score(TASK["similarity"], [i.label for i in items], shared)
    assert found["spearman"] > 0.9
    assert len({item.label for item in items}) > 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "most"),
    [("acceptability", 0.8), ("sentiment", 0.6), ("paraphrase", 0.6), ("reference", 0.6), ("entailment", 0.6)],
)
def test_words_alone_do_not_decide(form: str, most: float) -> None:
    made_of = logistic_regression(made(form), TASK[form], 0)["dev"]
    assert score(TASK[form], [i.label for i in made(form).splits["dev"]], made_of)["accuracy"] < most


@pytest.mark.parametrize("form", TASK)
def test_fewer_items_are_the_first_of_more(form: str) -> None:
    few, more = (task(form, n_train=n, n_dev=n).load(None).splits for n in (20, 45))
    assert all(few[split] == more[split][:20] for split in few)
    assert few != task(form, n_train=20, n_dev=20, seed=1).load(None).splits


@pytest.mark.parametrize("form", TASK)
@pytest.mark.parametrize("difficulty", [0.0, 1.0])
def test_items_are_made_at_every_difficulty(form: str, difficulty: float) -> None:
    assert len(task(form, n_train=60, n_dev=60, difficulty=difficulty).load(None).splits["dev"]) == 60


def test_the_items_do_not_depend_on_the_process() -> None:
    code = "from zoo.tasks.starter import TASKS; print(TASKS[-1].load(None).content_hash)"
    ran = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": salt}, capture_output=True, text=True, check=True
        ).stdout
        for salt in ("1", "2")
    ]
    assert ran == [f"{made('entailment').content_hash}\n"] * 2


def test_more_items_than_the_world_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.tasks.microworld.items.MOST_TRIES", 2)
    with pytest.raises(ZooError, match=r"holds no more than \d+ sentiment items for dev; ask for fewer"):
        task("sentiment", n_train=10, n_dev=10**9).load(None)


def test_roles_are_tags_of_whole_phrases_whatever_the_voice() -> None:
    items = ROLES.load(None).splits["dev"]
    for item in items:
        words, tags = item.first.split(), [ROLES.labels[tag] for tag in item.label]
        assert len(words) == len(tags) and tags.count("B-agent") == 1 and tags[-1] == "O"
        found = {role: words[start : end + 1] for role, start, end in entities(tags)}
        if "by" in words:
            assert words[words.index("by") + 1 :][: len(found["agent"])] == found["agent"]
            assert words.index("by") > words.index(found["patient"][0])
        elif "patient" in found:
            assert tags.index("B-agent") < tags.index("B-patient")
        assert ("B-place" in tags) == bool({*words} & {name for place in PLACES for name in place.names})
    assert 0.3 < sum("by" in item.first.split() for item in items) / len(items) < 0.6


def test_roles_are_not_told_by_words_alone() -> None:
    data = ROLES.load(None)
    (gold,), (made,) = gold_labels(ROLES, data).values(), most_frequent_tag(data, ROLES, 0).values()
    assert score(ROLES, gold, made)["entity-f1"] < 0.4
