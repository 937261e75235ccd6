"""A folder that the zoo writes is to the transformers library what the original was: tokenizer and values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import AddedToken

import zoo
from zoo.inference.fill_mask import fill

from .conftest import SIZES, Save

LETTERS = "abcdefghij"
ROLES = {
    "Bert": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "Roberta": ("<pad>", "<unk>", "<s>", "</s>", "<mask>"),
    "Albert": ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"),
}
HEADS = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
TEXTS = (("a bad cab", None), ("a bad cab", "[E1] fed a hag"), ("", "jab"), ("héd é", "[E1]a"))


def original(save: Save, family: str, head: str) -> Path:
    """A checkpoint of the reference, with its own tokenizer and an entity marker that was added to it."""
    pad, unk, cls, sep, mask = ROLES[family]
    pieces = {
        "Bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)],
        "Roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", *LETTERS],
        "Albert": [pad, unk, cls, sep, mask, "▁", *LETTERS],
    }[family]
    ids = {piece: index for index, piece in enumerate(pieces)}
    vocabulary: Any = [(piece, -1.0) for piece in pieces] if family == "Albert" else ids
    more = {"merges": []} if family == "Roberta" else {}
    mask_token = AddedToken(mask, lstrip=True, special=True)
    tokenizer = getattr(transformers, f"{family}Tokenizer")(vocab=vocabulary, mask_token=mask_token, **more)
    tokenizer.add_special_tokens({"additional_special_tokens": ["[E1]"]})
    tokenizer.add_tokens(["cab"])
    own = {"max_position_embeddings": 40, "vocab_size": len(tokenizer), "initializer_range": 0.5}
    places = {"pad_token_id": 1, "type_vocab_size": 1} if family == "Roberta" else {}
    folder = save(family + head, **SIZES | own | places)
    tokenizer.save_pretrained(folder)
    return folder


def values(folder: Path, head: str, first: str, second: str | None) -> tuple[dict[str, list[int]], torch.Tensor]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = getattr(transformers, f"AutoModel{head.removeprefix('Model')}").from_pretrained(folder).eval()
    inputs = tokenizer([first], [second] if second is not None else None, return_tensors="pt")
    with torch.no_grad():
        return {key: value[0].tolist() for key, value in inputs.items()}, model(**inputs)[0]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", ROLES)
def test_tokenizer_and_values_of_a_written_folder_are_the_original_s(
    family: str, head: str, save: Save, tmp_path: Path
) -> None:
    folder = original(save, family, head)
    zoo.save(zoo.load(folder), tmp_path / "written")
    for first, second in TEXTS:
        keys, wanted = values(folder, head, first, second)
        again, made = values(tmp_path / "written", head, first, second)
        assert again == keys, (first, second)
        torch.testing.assert_close(made, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ROLES)
def test_probabilities_for_a_mask_with_a_space_before_it_are_the_library_s(family: str, save: Save) -> None:
    folder, text = original(save, family, "ForMaskedLM"), f"a bad {ROLES[family][4]} [E1] cab"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    keys, logits = values(folder, "ForMaskedLM", text, None)
    place = keys["input_ids"].index(tokenizer.mask_token_id)
    wanted = logits[0, place].softmax(0).topk(4)
    made = fill(zoo.load(folder), text, top=4)[0]
    assert [round(each.probability, 4) for each in made] == [round(value, 4) for value in wanted.values.tolist()]


@pytest.mark.parametrize(("variant", "segments"), [("bert-tiny", True), ("albert-tiny", True), ("roberta-tiny", False)])
def test_a_model_of_ours_gets_segments_where_its_family_has_them(variant: str, segments: bool, tmp_path: Path) -> None:
    catalog = zoo.Catalog.installed()
    chosen = catalog.variant(f"{variant}+dims.vocab_size=300")
    part, options = catalog.tokenizer(chosen)
    tokenizer = part.train(["the cat sat on the mat", "a dog ran in the park"] * 9, 300, **options)
    dims = chosen.dims.model_copy(update={"vocab_size": tokenizer.vocab_size})
    torch.manual_seed(0)
    model = catalog.build(chosen.model_copy(update={"dims": dims}))
    model.tokenizer = tokenizer
    zoo.save(model, tmp_path / "ours")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "ours")
    made = theirs("the cat", "a dog")
    assert ("token_type_ids" in made) == segments
    joined = tokenizer.join(*tokenizer.encode(["the cat", "a dog"]), 64)
    assert made["input_ids"] == joined.ids.tolist()
    assert not segments or made["token_type_ids"] == joined.segments.tolist()


def test_a_class_that_reads_without_segments_reads_so_in_ours(save: Save, tmp_path: Path) -> None:
    """BERT's weights with RoBERTa's tokenizer, as multilingual MiniLM has XLM-R's: all tokens have segment 0."""
    donor = original(save, "Roberta", "Model")
    folder = save("BertModel", **SIZES | {"vocab_size": 18, "initializer_range": 0.5})
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text((donor / name).read_text())
    assert json.loads((folder / "tokenizer_config.json").read_text())["tokenizer_class"] == "RobertaTokenizer"
    model = zoo.load(folder)
    _, wanted = values(folder, "Model", "a bad", "cab")
    torch.testing.assert_close(model.encode([("a bad", "cab")]), wanted.mean(1), rtol=0, atol=1e-5)
