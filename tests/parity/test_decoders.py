"""Folders of GPT and GPT-2: the library's tokens, and its log-likelihoods of texts, the first token's too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
import transformers

import zoo
from zoo.inference.text_scores import Gap, score_gap, score_texts

TEXTS = ["The cat sat on the mat.", "Hello, world! don't 12.5 ünïcödé  spaces", "我是中文", " leading and trailing "]


def gpt2(folder: Path, whole: bool) -> tuple[Any, Any]:
    """A GPT-2 with a tokenizer of vocab.json and merges.txt alone, or with its tokenizer.json too."""
    learner = tokenizers.ByteLevelBPETokenizer()
    learner.train_from_iterator(TEXTS * 3, vocab_size=320, min_frequency=2, special_tokens=["<|endoftext|>"])
    learner.save_model(str(folder))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 64}))
    tokenizer = transformers.GPT2Tokenizer.from_pretrained(folder)
    if whole:
        tokenizer.save_pretrained(folder)
    end = {"bos_token_id": 0, "eos_token_id": 0}
    sizes = {"n_embd": 24, "n_head": 2, "n_layer": 2, "n_positions": 64, "vocab_size": 320}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **end)), tokenizer


def gpt(folder: Path) -> tuple[Any, Any]:
    learner = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    learner.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    learner.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=120, special_tokens=["<unk>"], end_of_word_suffix="</w>")
    learner.train_from_iterator(TEXTS[:2] * 3, trainer)
    learner.model.save(str(folder))
    sizes = {"n_embd": 24, "n_head": 2, "n_layer": 2, "n_positions": 64, "vocab_size": learner.get_vocab_size()}
    tokenizer = transformers.OpenAIGPTTokenizer.from_pretrained(folder)
    return transformers.OpenAIGPTLMHeadModel(transformers.OpenAIGPTConfig(**sizes)), tokenizer


@pytest.fixture(params=["gpt2", "gpt2, tokenizer.json", "gpt"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[zoo.Model, Any, Any]:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(0)
    theirs, tokenizer = gpt(tmp_path) if request.param == "gpt" else gpt2(tmp_path, "json" in request.param)
    theirs.save_pretrained(tmp_path)
    transformers.logging.set_verbosity_warning()
    return zoo.load(tmp_path), theirs.eval(), tokenizer


def test_texts_have_the_librarys_tokens_and_keep_them_when_written(pair: Any, tmp_path: Path) -> None:
    ours, _, theirs = pair
    tokenizer = ours.text_tokenizer
    zoo.save(ours, tmp_path / "again")
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "again")
    for text in TEXTS:
        ids = tokenizer.join(tokenizer.encode([text])[0], None, 64).ids.tolist()
        assert ids == theirs(text)["input_ids"] == again(text)["input_ids"]


def test_texts_have_the_librarys_likelihood(pair: Any) -> None:
    ours, theirs, tokenizer = pair
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    if not start:
        with pytest.raises(zoo.ZooError, match="cannot predict the first token, and its tokenizer puts none before it"):
            list(score_texts(ours, TEXTS[:2]))
        return
    for text, found in zip(TEXTS[:2], score_texts(ours, TEXTS[:2]), strict=True):
        ids = torch.tensor([[*start, *tokenizer(text)["input_ids"]]])
        loss = theirs(ids, labels=ids).loss.item()
        assert found.n_tokens == ids.shape[1] - 1
        assert found.log_probability == pytest.approx(-loss * found.n_tokens, rel=1e-5)
    gap = Gap("The ", " sat on the mat.", ("cat", "mat"))
    scores = [found.log_probability for found in score_texts(ours, [gap.filled(word) for word in gap.candidates])]
    assert score_gap(ours, gap) == pytest.approx(scores, rel=1e-6)


def test_a_text_as_long_as_the_model_reads_leaves_room_for_the_start(pair: Any) -> None:
    ours, _, tokenizer = pair
    if tokenizer.bos_token_id is not None:
        (found,) = score_texts(ours, ["cat " * 200])
        assert found.cut and found.n_tokens == 63


def test_a_folder_without_an_opening_token_opens_texts_with_the_end_of_another(tmp_path: Path) -> None:
    theirs, tokenizer = gpt2(tmp_path, whole=False)
    theirs.eval().save_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 64, "bos_token": None}))
    (found,) = score_texts(zoo.load(tmp_path), TEXTS[:1])
    ids = torch.tensor([[tokenizer.eos_token_id, *tokenizer(TEXTS[0])["input_ids"]]])
    loss = theirs(ids, labels=ids).loss.item()
    assert found.log_probability == pytest.approx(-loss * (ids.shape[1] - 1), rel=1e-5)
