"""Log-probabilities of texts without training, against the transformers library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import zoo
from tests.inference.conftest import WORDS, Make
from zoo.core.errors import ZooError
from zoo.inference import likelihood
from zoo.inference.likelihood import log_probabilities
from zoo.inference.text_scores import Gap, score_gap, score_texts
from zoo.model import Model
from zoo.text.encoding import encode_texts

TEXTS = ["the capital of france is paris .", "a", "ac b the ac .", "paris is the capital of the capital"]
MASK, UNKNOWN, CLS, SEP = (WORDS.index(name) for name in ("[MASK]", "[UNK]", "[CLS]", "[SEP]"))


def theirs(folder: Path, words: list[str], hidden: list[list[int]], head: str = "AutoModelForMaskedLM") -> np.ndarray:
    """The library's log-probability of each word, with some places hidden for it; one text at a time."""
    model = getattr(transformers, head).from_pretrained(folder).eval()
    ids = torch.tensor([CLS, *(WORDS.index(word) for word in words), SEP])
    logs = []
    for place, hides in enumerate(hidden, 1):
        seen = ids.clone()
        seen[[1 + at for at in hides]] = MASK
        with torch.no_grad():
            logs.append(model(input_ids=seen[None]).logits[0, place].log_softmax(0)[ids[place]].item())
    return np.array(logs)


def ours(model: Model, texts: list[str], **how: bool) -> list[np.ndarray]:
    encodings, _ = encode_texts(model.text_tokenizer, texts, model.variant.dims.max_length)
    return log_probabilities(model, encodings, **how)


def alone(words: list[str]) -> list[list[int]]:
    return [[place] for place in range(len(words))]


def test_each_token_is_hidden_alone_and_predicted_as_the_library_predicts_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make("BertForMaskedLM")
    pieces = [text.replace("ac", "a ##c").split() for text in TEXTS]
    expected = [theirs(folder, words, alone(words)) for words in pieces]
    model = zoo.load(folder)
    for most in (4_096, 11):
        monkeypatch.setitem(likelihood.TOKENS, "cpu", most)
        for found, wanted in zip(ours(model, TEXTS), expected, strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_within_words_the_later_pieces_of_a_word_are_hidden_too(make: Make) -> None:
    folder = make("BertForMaskedLM")
    (found,) = ours(zoo.load(folder), ["ac bcc the"], within_words=True)
    hidden = [[0, 1], [1], [2, 3, 4], [3, 4], [4], [5]]
    np.testing.assert_allclose(found, theirs(folder, ["a", "##c", "b", "##c", "##c", "the"], hidden), atol=1e-5)


def test_a_causal_model_scores_from_left_to_right(make: Make, tmp_path: Path) -> None:
    folder = make("BertLMHeadModel", is_decoder=True)
    words = TEXTS[0].split()
    library = transformers.BertLMHeadModel.from_pretrained(folder).eval()
    ids = torch.tensor([[CLS, *map(WORDS.index, words), SEP]])
    with torch.no_grad():
        logs = library(input_ids=ids).logits[0].log_softmax(1)
    expected = [logs[place, ids[0, place + 1]].item() for place in range(len(words))]

    library.config.is_decoder = False
    masked = transformers.BertForMaskedLM(library.config)
    masked.load_state_dict(library.state_dict())
    masked.save_pretrained(tmp_path / "masked")
    (tmp_path / "masked" / "vocab.txt").write_text("\n".join(WORDS))
    loaded = zoo.load(tmp_path / "masked")
    model = zoo.Catalog.installed().build(loaded.variant.swap("causal", objectives=(zoo.part("bert.ltr"),)))
    state = {name.replace("bert/mlm", "bert/ltr"): tensor for name, tensor in loaded.state_dict().items()}
    model.load_state_dict(state)
    model.tokenizer = loaded.tokenizer
    np.testing.assert_allclose(ours(model, TEXTS)[0], expected, atol=1e-5)


def test_a_candidate_is_scored_by_its_own_tokens_in_the_text(make: Make) -> None:
    folder = make("BertForMaskedLM")
    found = score_gap(zoo.load(folder), Gap("the capital of ", " is paris .", ("france", "ac")))
    france = theirs(folder, ["the", "capital", "of", "france", "is", "paris", "."], alone(["."] * 7))[3]
    pieces = ["the", "capital", "of", "a", "##c", "is", "paris", "."]
    np.testing.assert_allclose(found, [france, theirs(folder, pieces, alone(pieces))[3:5].sum()], atol=1e-5)


def test_texts_are_scored_in_order_and_what_is_cut_is_said(make: Make) -> None:
    long = " ".join(["the"] * 30)
    first, second = score_texts(zoo.load(make("BertForMaskedLM")), ["a b", long])
    assert (first.n_tokens, first.n_words, first.cut) == (2, 2, False)
    assert (second.n_tokens, second.n_words, second.cut) == (22, 30, True)


def test_a_model_that_predicts_no_tokens_is_refused(make: Make) -> None:
    with pytest.raises(ZooError, match="has no output layer for tokens, only pool"):
        list(score_texts(zoo.load(make("BertModel")), ["a"]))
    with pytest.raises(ZooError, match="text 2 is '', which holds no token"):
        list(score_texts(zoo.load(make("BertForMaskedLM")), ["a", ""]))
