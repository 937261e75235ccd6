"""Passes that make a vector of each text, from ids or from text, here and with the transformers library."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from benchmarks.gpu_work import CATALOG, built, peer_config
from zoo import Encoding, Model
from zoo.core.interfaces import Tokenizer
from zoo.machine.compute import Compute
from zoo.pooling.config import vector_config
from zoo.tasks.microworld import documents
from zoo.text.encoding import encode_texts

Passes = Callable[[], Iterator[None]]


@cache
def model_with_tokenizer(variant: str) -> Model:
    """The variant with random weights and a tokenizer trained on generated text."""
    model = built(CATALOG.variant(variant))
    tokenizer, options = CATALOG.tokenizer(model.variant)
    model.tokenizer = tokenizer.train(_sentences(), vocab_size=600, **options)
    return model


@cache
def _sentences() -> list[str]:
    return [sentence for document in documents(200, seed=0) for sentence in document]


def texts_of(n: int, tokenizer: Tokenizer) -> list[str]:
    """Texts of 5 to 128 tokens, two of them special, 28 in the mean; in no order."""
    words = sorted({word for sentence in _sentences() for word in sentence.split()})
    words = [word for word, ids in zip(words, tokenizer.encode(words), strict=True) if len(ids) == 1]
    drawn = random.Random(0)
    lengths = np.clip(np.random.default_rng(0).gamma(4.0, 7.0, n).astype(int), 5, 128)
    return [" ".join(drawn.choices(words, k=int(length) - 2)) for length in lengths]


def encoding_runs(variant: str, n_texts: int, from_text: bool, compute: Compute) -> tuple[dict[str, Passes], float]:
    """By name, who passes over all texts again and again; and the tokens of a pass."""
    model = model_with_tokenizer(variant)
    texts = texts_of(n_texts, model.text_tokenizer)
    longest = vector_config(None, model.variant.dims).max_length
    encodings = encode_texts(model.text_tokenizer, texts, longest)[0]
    given = texts if from_text else encodings
    n_tokens = float(sum(map(len, encodings)))
    peer = partial(theirs, model, given, compute)
    n_sorted = min(256, max(1, n_texts // 8))  # all texts in one batch would have the length of the longest
    return {
        "zoo": lambda: ours(model, given, compute),
        "transformers": lambda: peer(batch_size=32),
        "transformers-sorted": lambda: peer(batch_size=n_sorted, by_length=True),
    }, n_tokens


def ours(model: Model, given: Sequence[str] | Sequence[Encoding], compute: Compute) -> Iterator[None]:
    """Passes of `Model.encode`, or of what it does after the tokenizer."""
    model = model.to(compute.torch_device).eval()  # as a model that was loaded is
    config = vector_config(None, model.variant.dims)
    while True:
        with compute.autocast():
            if isinstance(given[0], str):
                model.encode(given)  # type: ignore[arg-type]
            else:
                model.encode_sequences(given, config.vectors)  # type: ignore[arg-type]
        yield


def theirs(
    model: Model, given: Sequence[Any], compute: Compute, *, batch_size: int, by_length: bool = False
) -> Iterator[None]:
    """Passes of transformers' BertModel: padded batches in the order of the texts, or sorted by length; the mean."""
    from transformers import BertModel

    device = compute.torch_device
    with device:
        peer: Any = BertModel(peer_config(model.variant.dims), add_pooling_layer=False).eval()
    padded = padded_texts(model) if isinstance(given[0], str) else padded_ids
    while True:
        order = sorted(range(len(given)), key=lambda i: -len(given[i])) if by_length else range(len(given))
        batches = ([given[i] for i in order[at : at + batch_size]] for at in range(0, len(given), batch_size))
        with torch.inference_mode(), compute.autocast():
            for batch in batches:
                ids, mask = (part.to(device, non_blocking=True) for part in padded(batch))
                hidden = peer(input_ids=ids, attention_mask=mask).last_hidden_state
                weights = mask.unsqueeze(-1).to(hidden.dtype)
                ((hidden * weights).sum(1) / weights.sum(1)).float().cpu()
        yield


def padded_ids(batch: Sequence[Encoding]) -> tuple[Tensor, Tensor]:
    ids = [torch.from_numpy(encoding.ids.astype(np.int64)) for encoding in batch]
    return pad_sequence(ids, True), pad_sequence([torch.ones_like(row) for row in ids], True)


def padded_texts(model: Model) -> Callable[[Sequence[str]], tuple[Tensor, Tensor]]:
    """Our tokenizer's file as transformers reads it."""
    from transformers import PreTrainedTokenizerFast

    with TemporaryDirectory() as folder:
        model.text_tokenizer.save(Path(folder))
        tokenizer: Any = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", pad_token="[PAD]")

    def padded(batch: Sequence[str]) -> tuple[Tensor, Tensor]:
        made = tokenizer(list(batch), padding=True, return_tensors="pt")
        return made["input_ids"], made["attention_mask"]

    return padded
