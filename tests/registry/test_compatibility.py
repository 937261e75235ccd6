"""What does not go together is refused before any work, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

import zoo
import zoo_albert
import zoo_bert
import zoo_roberta
from zoo import Batch, Catalog, Dataset, Dims, Embedding, Example, Offers, Task, ZooError
from zoo.experiments.plan.make import check_plan, make_plan, with_budget
from zoo.heads import LABEL
from zoo.tasks.task import content_hash
from zoo.testing import check_embedding, check_variant, head_batch

CATALOG = Catalog.installed()


class Made(Task):
    """Two items to learn from and one to answer."""

    def load(self, folder: Path | None) -> Dataset:
        second = "b" if self.pair else None
        items = tuple(Example("a", second, label) for label in (0, 1))
        splits = {"train": items, "dev": items}
        return Dataset(splits, content_hash(splits))


def task(name: str, *, pair: bool) -> Made:
    return Made(
        name=name, suite="mine", kind="classification", pair=pair, labels=("0", "1"), metrics=("accuracy",),
        citation="none",
    )  # fmt: skip


SINGLE, PAIR = task("single", pair=False), task("double", pair=True)


class Words(Embedding):
    """A stranger's, which says by itself that it reads no pairs."""

    reads_pairs = False

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.tokens = nn.Embedding(dims.vocab_size, dims.embedding_width)
        self.segment = nn.Embedding(1, dims.embedding_width)
        self.widen = nn.Linear(dims.embedding_width, dims.hidden_width)

    def forward(self, batch: Batch) -> Tensor:
        """[T] -> [T, H]"""
        out: Tensor = self.widen(self.tokens(batch.ids) + self.segment(batch.segments))
        return out


CATALOG_OF_A_STRANGER = Catalog.of(
    zoo_bert, zoo_roberta, zoo_albert,
    mine=Offers(api_version=1, tasks=[SINGLE, PAIR], embeddings={"mine.words": Words}),
)  # fmt: skip

ALONE = "+packing=roberta.full_sentences+objectives=bert.mlm"

REFUSED = [
    "bert-tiny+embedding.n_segments=1",
    "albert-tiny+embedding.n_segments=1",
    "bert-tiny+embedding=mine.words+init.positions=normal",
]


@pytest.mark.parametrize("expression", REFUSED)
def test_pairs_to_pretrain_on_are_refused_where_there_is_one_segment(expression: str) -> None:
    variant = CATALOG_OF_A_STRANGER.variant(expression)
    with pytest.raises(ZooError, match=r"packing '.*' makes pairs, but embedding '.*' has one segment alone") as told:
        CATALOG_OF_A_STRANGER.check(variant)
    assert "\n" not in str(told.value) and str(told.value).startswith(f"variant {expression!r}: ")
    CATALOG_OF_A_STRANGER.check(variant, trained=True)


@pytest.mark.parametrize("expression", REFUSED)
def test_a_task_of_pairs_is_refused_and_one_of_single_texts_is_not(expression: str) -> None:
    variant = CATALOG_OF_A_STRANGER.variant(expression + ALONE)
    CATALOG_OF_A_STRANGER.check(variant)
    CATALOG_OF_A_STRANGER.check(variant, [SINGLE])
    with pytest.raises(ZooError, match=r"task 'double' is of pairs, but embedding '.*' has one segment alone"):
        CATALOG_OF_A_STRANGER.check(variant, [SINGLE, PAIR])


@pytest.mark.parametrize(
    "expression", ["roberta-tiny", "bert-tiny", "bert-tiny+embedding=roberta.absolute", "albert-tiny"]
)
def test_embeddings_that_know_two_texts_or_ask_for_none_read_pairs(expression: str) -> None:
    CATALOG.check(CATALOG.variant(expression), [PAIR])


def test_an_embedding_that_reads_single_texts_alone_conforms() -> None:
    check_embedding(Words)
    single = CATALOG_OF_A_STRANGER.variant("bert-tiny+embedding=mine.words+init.positions=normal" + ALONE)
    check_variant(CATALOG_OF_A_STRANGER, single)


def test_a_plan_is_refused_when_it_is_made_and_when_it_is_read() -> None:
    catalog = CATALOG_OF_A_STRANGER
    variant = with_budget(catalog.variant("bert-tiny+embedding.n_segments=1" + ALONE), 2_000, 2)
    plan = make_plan(catalog, [variant], ["single"], n_seeds=1)
    check_plan(catalog, plan)
    with pytest.raises(ZooError, match="task 'double' is of pairs"):
        make_plan(catalog, [variant], ["single", "double"], n_seeds=1)
    other = make_plan(catalog, [with_budget(catalog.variant("bert-tiny"), 2_000, 2)], ["double"], n_seeds=1)
    with pytest.raises(ZooError, match="task 'double' is of pairs"):
        check_plan(catalog, other.model_copy(update={"variants": (variant,)}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of the BERT format with one row in its segment table, and no tokenizer."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 99,
        "max_position_embeddings": 40, "type_vocab_size": 1, "num_labels": 3,
    }  # fmt: skip
    place = tmp_path_factory.mktemp("one") / "segment"
    transformers.BertForSequenceClassification(transformers.BertConfig(**sizes)).save_pretrained(place)
    return place


def test_a_pair_is_refused_by_a_loaded_model_as_the_library_refuses_it_and_a_single_text_is_read(folder: Path) -> None:
    ours = zoo.load(folder)
    theirs = transformers.BertForSequenceClassification.from_pretrained(folder).eval()
    batch = head_batch("classification").micro_batch(0, 7)
    with pytest.raises(IndexError):
        theirs(input_ids=batch.ids[None], token_type_ids=batch.segments[None])
    for read in (ours.hidden, ours.hidden_states, ours):
        with pytest.raises(ZooError, match="reads single texts, as its embedding has only one segment"):
            read(batch)
    single = Batch(batch.ids, batch.segments * 0, batch.special, batch.layout, batch.targets, batch.labels)
    expected = theirs(input_ids=batch.ids[None], labels=batch.labels[LABEL])
    found = ours.eval()(single)["task"]
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.loss, expected.loss)
