"""What the pages presuppose: under the names that the pages give it, and no larger than a command needs."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers

from tests.documentation.pages import ROOT
from tests.experiments.synthetic_runs import predicting, saved
from zoo.cli import main

GLUE = {
    "RTE": ("index\tsentence1\tsentence2\tlabel", "{i}\tThe {i} cooks sang. All slept.\tCooks sang.\t{two}"),
    "MNLI": ("index\tsentence1\tsentence2\tgold_label", "{i}\tThe {i} cooks sang.\tCooks sang.\t{three}"),
    "MRPC": ("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", "{bit}\t1\t2\tThe {i} cooks sang.\tCooks sang {i} times."),
    "CoLA": ("", "gj04\t{bit}\t\tThe {i} cooks sang."),
    "STS-B": ("index\tsentence1\tsentence2\tscore", "{i}\tThe {i} cooks sang.\tCooks sang {i} times.\t{bit}.5"),
}
"""A header and a line of each file."""

SPLITS = {"train": 40, "dev": 12, "dev_matched": 12, "dev_mismatched": 12}
"""The files of a task, and their numbers of lines."""

PEOPLE, DOINGS = ("cook", "nurse", "judge", "poet"), ("slept", "sang", "left")
LINES = ("A small dog plays in the garden.", "A little puppy runs on the lawn.", "The stock market fell today.")
PAIRS = """{"sentence_good": "the cook sang .", "sentence_bad": "sang the cook .", "UID": "order", "field": "syntax"}
{"sentence_good": "the nurse left .", "sentence_bad": "the left .", "UID": "subject", "field": "syntax"}
"""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
RUN = (
    "zoo compare bert-tiny --tasks rte --data glue --corpus corpus.txt "
    "--pretrain-tokens 2k --finetune-steps 2 --seeds 2 --workers 0 --keep-finetuned"
)


def type_(*words: str) -> int:
    """Type a command of the zoo; its status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", list(words))
        with pytest.raises(SystemExit) as end:
            main()
    return int(end.value.code or 0)


def glue(folder: Path) -> None:
    """Small files in GLUE's layout."""
    words = {"two": ("entailment", "not_entailment"), "three": ("entailment", "neutral", "contradiction")}
    for task, (header, row) in GLUE.items():
        (folder / task).mkdir(parents=True)
        for split, n in SPLITS.items():
            rows = [
                row.format(i=i, bit=i % 2, **{name: these[i % len(these)] for name, these in words.items()})
                for i in range(n)
            ]
            (folder / task / f"{split}.tsv").write_text("\n".join([header] * bool(header) + rows) + "\n")


def squad(folder: Path) -> None:
    """Small files in SQuAD's layout."""
    folder.mkdir()
    for split, n in (("train", 20), ("dev", 8)):
        asked = [(f"{split}{i}", f"Who {DOINGS[i % 3]}?", f"The {PEOPLE[i % 4]} {DOINGS[i % 3]}.") for i in range(n)]
        paragraphs = [
            {"context": context, "qas": [{"id": name, "question": question, "answers": [
                {"text": context.split()[1], "answer_start": 4}]}]}
            for name, question, context in asked
        ]  # fmt: skip
        (folder / f"{split}-v1.1.json").write_text(json.dumps({"data": [{"title": "", "paragraphs": paragraphs}]}))


def text(path: Path) -> None:
    """Forty documents of twelve sentences."""
    sentences = [f"The {a} {b}." for a in PEOPLE for b in DOINGS]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join("\n".join(sentences[i % 12 :] + sentences[: i % 12]) for i in range(40)))


def checkpoint(folder: Path, head: str = "BertForMaskedLM", *labels: str) -> None:
    """A tiny model of the transformers library with random weights and a vocabulary of whole words."""
    transformers.logging.disable_progress_bar()
    torch.manual_seed(0)
    letters = [mark + letter for letter in "abcdefghijklmnopqrstuvwxyz" for mark in ("", "##")]
    vocabulary = [*SPECIAL, ".", *letters, "the", *PEOPLE, *DOINGS]
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    config = transformers.BertConfig(**sizes, vocab_size=len(vocabulary))
    if labels:
        config.id2label, config.label2id = dict(enumerate(labels)), {name: i for i, name in enumerate(labels)}
    getattr(transformers, head)(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary))


def sentence_encoder(folder: Path) -> None:
    """A model with a pooler and no head, with the files of a sentence encoder: means of at most 256 tokens, norm 1."""
    checkpoint(folder, "BertModel")
    kinds = ("Transformer", "Pooling", "Normalize")
    places = ("", "1_Pooling", "2_Normalize")
    modules = [
        {"idx": n, "name": str(n), "path": place, "type": f"sentence_transformers.models.{kind}"}
        for n, (kind, place) in enumerate(zip(kinds, places, strict=True))
    ]
    (folder / "1_Pooling").mkdir()
    for name, content in {
        "modules.json": modules,
        "1_Pooling/config.json": {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": False},
    }.items():
        (folder / name).write_text(json.dumps(content))


def run(folder: Path) -> None:
    """A small run that kept its models."""
    assert type_(*RUN.split(), "--out", str(folder)) == 0


def made_up_run(folder: Path) -> None:
    """A run in which nothing was trained, with predictions for a task of GLUE's leaderboard."""
    variant = "albert-tiny" if folder.name == "there" else "bert-tiny"
    saved(predicting("wnli", {"test": [0] * 146}, variant, classes=2), folder)


def own_task(path: Path) -> None:
    """The file of a task of one's own, as its page shows it, and its data."""
    path.parent.mkdir(parents=True)
    page = (Path(__file__).resolve().parents[2] / "docs" / "own-tasks.md").read_text()
    path.write_text(page.split("```toml\n")[1].split("```")[0])
    for split, n in (("train", 40), ("dev", 12)):
        rows = [f'"the {PEOPLE[i % 4]} {DOINGS[i % 3]}, {i}",{("bad", "good")[i % 2]}\n' for i in range(n)]
        (path.parent / f"{split}.csv").write_text("review,opinion\n" + "".join(rows))


MAKERS: dict[str, Callable[[Path], None]] = {
    "glue": glue,
    "squad": squad,
    "corpus.txt": text,
    "corpus/part.txt": text,
    "lines.txt": lambda path: path.write_text("\n".join(LINES)) and None,
    "pairs.jsonl": lambda path: path.write_text(PAIRS) and None,
    "cloze.tsv": lambda path: path.write_text("the [MASK] sang .\tcook\tpoets\n") and None,
    "shop/reviews.toml": own_task,
    "FOLDER": checkpoint,
    "classifier": lambda folder: checkpoint(folder, "BertForSequenceClassification", "sad", "glad"),
    "rte": lambda folder: checkpoint(folder, "BertForSequenceClassification", "entailment", "not_entailment"),
    "mnli": lambda folder: checkpoint(folder, "BertForSequenceClassification", "LABEL_0", "LABEL_1", "LABEL_2"),
    "sentence/model": sentence_encoder,
    "run1/checkpoint-500": checkpoint,
    "run2/checkpoint-500": checkpoint,
    "runs/here": made_up_run,
    "runs/there": made_up_run,
    "RUN": run,
    "docs/examples/judging": lambda folder: shutil.copytree(ROOT / "docs/examples/judging", folder) and None,
}
"""What makes each thing; a page's test makes those that its commands name."""

NEEDS = {"RUN": ("glue", "corpus.txt"), "corpus/": ("corpus/part.txt",)}
"""What a thing stands on."""


def make(names: str, place: Path) -> None:
    """All things that are named in some text, in a folder."""
    wanted = [name for name in MAKERS if re.search(rf"(?<![\w/.-]){re.escape(name)}(?![\w-])", names)]
    wanted += [need for name, needs in NEEDS.items() if re.search(rf"(?<![\w/]){name}", names) for need in needs]
    for name in sorted(set(wanted), key=list(MAKERS).index):
        MAKERS[name](place / name)
