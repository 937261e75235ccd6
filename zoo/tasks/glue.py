"""The GLUE benchmark (Wang et al. 2019, ICLR), one row per task, in the layout of its official files.

Label words are the words in the files, in the order of class ids: 0 and 1 as they are, entailment first. Their aliases
are the words of the data sets library, which checkpoints carry, and a few more that are usual.
"""

from __future__ import annotations

from zoo.tasks.averages import Average, Term
from zoo.tasks.stored import StoredLayout
from zoo.tasks.tsv import TsvFile, TsvTask

BINARY = ("0", "1")
TWO_WAY = ("entailment", "not_entailment")
THREE_WAY = ("entailment", "neutral", "contradiction")
ENTAILS, NOT_ENTAILS = ("entailment", "entail", "entails", "entailed"), ("not_entailment", "non_entailment")
CONTRADICTS = ("contradiction", "contradict", "contradicts")
TEXTS = ("sentence1", "sentence2")
FILES = {"train": "train", "dev": "dev", "test": "test"}
MNLI_FILES = {
    "train": "train",
    "dev": "dev_matched",
    "dev_mismatched": "dev_mismatched",
    "test": "test_matched",
    "test_mismatched": "test_mismatched",
}
DIAGNOSTIC = TsvFile(
    path="diagnostic/diagnostic.tsv",
    also=("AX.tsv", "AX/AX.tsv"),
    first="sentence1",
    second="sentence2",
    optional=True,
)
"""Premises and hypotheses without labels, which GLUE has answered by a model of MNLI."""


def _files(
    folder: str,
    texts: tuple[str, ...],
    label: str = "label",
    files: dict[str, str] = FILES,
    columns: tuple[str, ...] | None = None,
    skip_malformed: bool = False,
) -> dict[str, TsvFile]:
    """The official layout of a task: GLUE's test files have a header, no labels, and may be left out."""
    return {
        split: TsvFile(
            path=f"{folder}/{file}.tsv",
            columns=None if file.startswith("test") else columns,
            first=texts[0],
            second=texts[1] if len(texts) > 1 else None,
            label=None if file.startswith("test") else label,
            optional=file.startswith("test"),
            skip_malformed=skip_malformed,
        )
        for split, file in files.items()
    }


def _stored(config: str, *texts: str, splits: dict[str, str] | None = None) -> StoredLayout:
    """How the data sets library keeps a task."""
    columns = dict(zip(("text", "text_pair"), texts, strict=False))
    layout = StoredLayout(config=config, columns=columns)
    return layout.model_copy(update={"splits": splits, "unlabelled": UNLABELLED}) if splits else layout


STORED_MNLI = {
    "train": "train",
    "dev": "validation_matched",
    "dev_mismatched": "validation_mismatched",
    "test": "test_matched",
    "test_mismatched": "test_mismatched",
}
UNLABELLED = ("test", "test_mismatched")


TASKS: tuple[TsvTask, ...] = (
    TsvTask(
        name="cola",
        suite="glue",
        kind="classification",
        pair=False,
        labels=BINARY,
        label_aliases=(("unacceptable", "ungrammatical"), ("acceptable", "grammatical")),
        metrics=("matthews",),
        files=_files("CoLA", ("sentence",), columns=("source", "label", "annotation", "sentence")),
        stored=_stored("cola", "sentence"),
        citation="Warstadt, Singh and Bowman 2019, TACL 7",
    ),
    TsvTask(
        name="sst2",
        suite="glue",
        kind="classification",
        pair=False,
        labels=BINARY,
        label_aliases=(("negative", "neg"), ("positive", "pos")),
        metrics=("accuracy",),
        files=_files("SST-2", ("sentence",)),
        stored=_stored("sst2", "sentence"),
        citation="Socher et al. 2013, EMNLP",
    ),
    TsvTask(
        name="mrpc",
        suite="glue",
        kind="classification",
        pair=True,
        labels=BINARY,
        label_aliases=(("not_equivalent", "non_equivalent", "not_paraphrase"), ("equivalent", "paraphrase")),
        metrics=("f1", "accuracy"),
        files=_files("MRPC", ("#1 String", "#2 String"), "Quality"),
        stored=_stored("mrpc", *TEXTS),
        citation="Dolan and Brockett 2005, IWP",
    ),
    TsvTask(
        name="stsb",
        suite="glue",
        kind="regression",
        pair=True,
        metrics=("pearson", "spearman"),
        # The papers say 1 to 5; the files hold scores down to 0.
        score_range=(0.0, 5.0),
        files=_files("STS-B", TEXTS, "score"),
        stored=_stored("stsb", *TEXTS),
        citation="Cer et al. 2017, SemEval",
    ),
    TsvTask(
        name="qqp",
        suite="glue",
        kind="classification",
        pair=True,
        labels=BINARY,
        label_aliases=(("not_duplicate", "non_duplicate"), ("duplicate",)),
        metrics=("f1", "accuracy"),
        # Some lines of the older zip are broken in two; every published reader leaves them out.
        files=_files("QQP", ("question1", "question2"), "is_duplicate", skip_malformed=True),
        stored=_stored("qqp", "question1", "question2"),
        citation="Iyer, Dandekar and Csernai 2017, First Quora Dataset Release",
    ),
    TsvTask(
        name="mnli",
        suite="glue",
        kind="classification",
        pair=True,
        labels=THREE_WAY,
        label_aliases=(ENTAILS[1:], (), CONTRADICTS[1:]),
        metrics=("accuracy",),
        dev_splits=("dev", "dev_mismatched"),
        files={**_files("MNLI", TEXTS, "gold_label", MNLI_FILES), "diagnostic": DIAGNOSTIC},
        stored=_stored("mnli", "premise", "hypothesis", splits=STORED_MNLI),
        citation="Williams, Nangia and Bowman 2018, NAACL",
    ),
    TsvTask(
        name="qnli",
        suite="glue",
        kind="classification",
        pair=True,
        labels=TWO_WAY,
        label_aliases=(ENTAILS[1:], NOT_ENTAILS[1:]),
        metrics=("accuracy",),
        files=_files("QNLI", ("question", "sentence")),
        stored=_stored("qnli", "question", "sentence"),
        citation="Rajpurkar et al. 2016, EMNLP; as sentence pairs in Wang et al. 2019, ICLR",
    ),
    TsvTask(
        name="rte",
        suite="glue",
        kind="classification",
        pair=True,
        labels=TWO_WAY,
        label_aliases=(ENTAILS[1:], NOT_ENTAILS[1:]),
        metrics=("accuracy",),
        files=_files("RTE", TEXTS),
        stored=_stored("rte", *TEXTS),
        citation="Dagan et al. 2006; Bar-Haim et al. 2006; Giampiccolo et al. 2007; Bentivogli et al. 2009",
    ),
    TsvTask(
        name="wnli",
        suite="glue",
        kind="classification",
        pair=True,
        labels=BINARY,
        label_aliases=(NOT_ENTAILS, ENTAILS),
        metrics=("accuracy",),
        files=_files("WNLI", TEXTS),
        stored=_stored("wnli", *TEXTS),
        citation="Levesque, Davis and Morgenstern 2012, KR",
    ),
    # It has nothing to train on, and its labels come in a file of their own.
    TsvTask(
        name="ax",
        suite="glue",
        kind="classification",
        pair=True,
        labels=THREE_WAY,
        label_aliases=(ENTAILS[1:], (), CONTRADICTS[1:]),
        metrics=("r3",),
        trained_on="mnli",
        files={
            "dev": TsvFile(
                path="diagnostic/diagnostic-full.tsv",
                also=("diagnostic-full.tsv",),
                first="Premise",
                second="Hypothesis",
                label="Label",
                groups=("Lexical Semantics", "Predicate-Argument Structure", "Logic", "Knowledge"),
                optional=True,
            ),
            "test": DIAGNOSTIC,
        },
        citation="Wang et al. 2019, ICLR",
    ),
)
"""GLUE's nine tasks and its diagnostic set."""

AVERAGES = (
    Average(
        name="glue-score",
        source="Wang et al. 2019, section 3.4",
        note="the mean of nine tasks, the metrics of a task averaged first, MNLI's two sets together",
        terms=tuple(Term(task=task.name) for task in TASKS if task.name != "ax"),
    ),
    Average(
        name="bert-average",
        source="Devlin et al. 2019, table 1",
        note="the mean of nine numbers: MNLI's two sets apart, F1 of QQP and MRPC, Spearman of STS-B, without WNLI",
        terms=(
            Term(task="mnli", splits=("dev",)),
            Term(task="mnli", splits=("dev_mismatched",)),
            Term(task="qqp", metrics=("f1",)),
            *(Term(task=name) for name in ("qnli", "sst2", "cola")),
            Term(task="stsb", metrics=("spearman",)),
            Term(task="mrpc", metrics=("f1",)),
            Term(task="rte"),
        ),
    ),
)
"""The papers report them on test sets, and reports on development sets."""
