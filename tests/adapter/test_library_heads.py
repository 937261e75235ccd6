"""Heads of encoders in a folder of the transformers library give its logits, and are written as they were read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

import zoo
import zoo_transformers
from tests.adapter.conftest import DECODERS, TEXTS, WITH_HEADS, MakeFolder, tokenizer
from tests.adapter.test_library_models import packed, sequences
from zoo import Catalog, ZooError
from zoo.core.batch import Batch, Encoding
from zoo.heads import TaskHead
from zoo.inference.fill_mask import fill
from zoo.inference.likelihood import log_probabilities

CATALOG = Catalog.of(zoo_transformers)
HEADS: dict[str, dict[str, Any]] = {
    "ForSequenceClassification": {"num_labels": 3},
    "ForMaskedLM": {},
    "ForTokenClassification": {"num_labels": 5},
    "ForQuestionAnswering": {},
    "ForMultipleChoice": {},
}
CASES = [
    *((family, head) for family in WITH_HEADS for head in [*HEADS][:2]),
    *(("MPNet", head) for head in [*HEADS][2:]),
    *((family, "ForMultipleChoice") for family in ("Albert", "BigBird")),
    *((family, "ForCausalLM") for family in DECODERS),
]


@pytest.mark.parametrize(("family", "head"), CASES)
def test_a_head_gives_the_librarys_logits_and_is_written_as_its_class(
    family: str, head: str, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(family, head, **HEADS.get(head, {}))
    theirs = getattr(transformers, family + head).from_pretrained(folder).eval()
    read = zoo.load(folder, catalog=CATALOG)
    zoo.save(read, tmp_path / "again", catalog=CATALOG)
    zoo.save(read, tmp_path / "own", to="zoo", catalog=CATALOG)
    assert json.loads((tmp_path / "again" / "config.json").read_text())["architectures"] == [family + head]
    (texts,) = sequences()
    batch, choices = packed(texts), [None] * (head == "ForMultipleChoice")
    with torch.no_grad():
        wanted = torch.cat([rows(theirs(input_ids=texts[place][(None, *choices)])) for place in batch.order])
        for place in (folder, tmp_path / "again", tmp_path / "own"):
            found = scores(zoo.load(place, catalog=CATALOG), batch)
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def rows(output: Any) -> Tensor:
    """A class's logits for one sequence, a row for each prediction."""
    if "start_logits" in output:
        return torch.stack([output.start_logits[0], output.end_logits[0]], dim=1)
    logits: Tensor = output.logits
    return logits.flatten(0, -2)


def scores(model: zoo.Model, batch: Batch) -> Tensor:
    """The same of ours; of a language model, at every token."""
    (name,) = model.objective_names
    objective, hidden = model.objective(name), model.hidden(batch)
    if isinstance(objective, TaskHead):
        return objective.scores(hidden, batch)
    return objective.wide_logits(hidden, model.embedding.tokens.weight)


def test_masks_are_filled_and_texts_scored_and_classified(make_folder: MakeFolder) -> None:
    folder = make_folder("MPNet", "ForMaskedLM")
    tokenizer("<s>", "<mask>").save(str(folder / "tokenizer.json"))
    ours, theirs = zoo.load(folder, catalog=CATALOG), transformers.MPNetForMaskedLM.from_pretrained(folder).eval()
    mask = ours.text_tokenizer.mask_id
    ids = torch.from_numpy(ours.text_tokenizer.parsing_special().encode(["the <mask> sang."])[0]).long()
    whole = ours.text_tokenizer.join(ours.text_tokenizer.encode(TEXTS[:1])[0], None, 64)
    with torch.no_grad():
        probable = theirs(input_ids=ids[None]).logits[0, ids == mask].softmax(dim=1)
        (found,) = fill(ours, "the <mask> sang.", top=3)
        wanted = []
        for place, token in enumerate(whole.ids.tolist()):
            hidden = torch.from_numpy(whole.ids).long().index_fill(0, torch.tensor(place), mask)
            wanted.append(theirs(input_ids=hidden[None]).logits[0, place].log_softmax(dim=0)[token].item())
    assert [each.probability for each in found] == pytest.approx(probable.topk(3).values[0].tolist(), rel=1e-4)
    assert log_probabilities(ours, [whole])[0].tolist() == pytest.approx(wanted, rel=1e-4)
    classifier = zoo.load(make_folder("MPNet", "ForSequenceClassification", num_labels=3), catalog=CATALOG)
    assert {row[1] for row in zoo.predict(classifier, TEXTS[:2]).rows} <= {"LABEL_0", "LABEL_1", "LABEL_2"}


@pytest.mark.parametrize("tied", [False, True])
def test_a_decoder_scores_texts_as_the_library_does(make_folder: MakeFolder, tied: bool) -> None:
    folder = make_folder("Qwen2", "ForCausalLM", tie_word_embeddings=tied)
    ours, theirs = zoo.load(folder, catalog=CATALOG), transformers.Qwen2ForCausalLM.from_pretrained(folder).eval()
    (texts,) = sequences()
    zeros = [np.zeros(len(text), np.int32) for text in texts]
    pairs = zip(texts, zeros, strict=True)
    encodings = [Encoding(text.numpy().astype(np.int32), none, none > 0) for text, none in pairs]
    found = log_probabilities(ours, encodings, [range(1, len(each)) for each in encodings])
    for text, logs in zip(texts, found, strict=True):
        with torch.no_grad():
            wanted = theirs(text[None]).logits[0, :-1].log_softmax(dim=1).gather(1, text[1:, None])[:, 0]
        np.testing.assert_allclose(logs, wanted.numpy(), atol=1e-5)


def test_a_text_of_a_decoder_opens_with_the_end_of_another(make_folder: MakeFolder) -> None:
    folder = make_folder("Llama", "ForCausalLM")
    tokenizer("<s>").save(str(folder / "tokenizer.json"))
    with pytest.raises(ZooError, match="name one as bos_token or eos_token in tokenizer_config"):
        zoo.score(zoo.load(folder, catalog=CATALOG), texts=TEXTS[:1])
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<s>"}))
    ours, theirs = zoo.load(folder, catalog=CATALOG), transformers.LlamaForCausalLM.from_pretrained(folder).eval()
    (ids,) = ours.text_tokenizer.encode(TEXTS[:1])
    whole = torch.tensor([[1, *ids.tolist()]])
    with torch.no_grad():
        wanted = theirs(whole).logits[0, :-1].log_softmax(dim=1).gather(1, whole[0, 1:, None])[:, 0]
    (found,) = log_probabilities(ours, [ours.text_tokenizer.join(ids, None, 64)])
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)
