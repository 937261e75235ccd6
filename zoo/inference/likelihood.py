"""How probable a language model finds texts, token by token, without training.

A masked language model gives the pseudo-log-likelihood: each token is predicted with it alone hidden; Salazar et al.
2020, arXiv:1910.14659, eq. 2. A causal one gives the log-likelihood from left to right. Special tokens do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.core.batch import IGNORE, Batch, Encoding, Ids
from zoo.core.errors import ZooError
from zoo.core.interfaces import Objective
from zoo.inference.fill_mask import mask_objective
from zoo.model import Model
from zoo.text.collate import collate

LogProbabilities: TypeAlias = NDArray[np.float64]

TOKENS = {"cpu": 4_096, "cuda": 65_536}
"""Tokens that a device reads at once."""

SHARE = 8
"""A causal model predicts every token that it reads, so it reads this many times fewer at once."""

Copy: TypeAlias = tuple[int, int]
"""A text and the place of a token in it, to be predicted in a copy of its own."""


def language_model(model: Model) -> Objective:
    """The objective that predicts a model's tokens. Raises ZooError if it has none, or its tokenizer has no mask."""
    objective = mask_objective(model)
    if objective is None:
        has = ", ".join(model.objective_names) or "an encoder alone"
        raise ZooError(
            f"the model {model.variant.name!r} has no output layer for tokens, only {has}; give a model that was "
            "pre-trained to predict tokens"
        )
    if not objective.causal:
        _ = model.text_tokenizer.mask_id
    return objective


def log_probabilities(
    model: Model,
    encodings: Sequence[Encoding],
    places: Sequence[Sequence[int]] | None = None,
    *,
    within_words: bool = False,
) -> list[LogProbabilities]:
    """The log-probability in nats of each token of each sequence, or of those at some places of each.

    With `within_words` the later pieces of a token's own word are hidden with it, so that a word of several pieces does
    not reveal itself; Kauf and Ivanova 2023, arXiv:2305.10588. Raises ZooError as `language_model` does.
    """
    objective = language_model(model)
    asked = [np.flatnonzero(~each.special).tolist() for each in encodings] if places is None else places
    if objective.causal:
        start = _start(model)
        if start is not None:  # so that the first token is predicted too
            encodings = [_opened(encoding, start) for encoding in encodings]
            asked = [[place + 1 for place in its] for its in asked]
        return _from_left_to_right(model, objective, encodings, asked)
    hides = _word_ends(model, encodings) if within_words else None
    found = [np.zeros(len(its)) for its in asked]
    copies = [(text, place) for text, its in enumerate(asked) for place in range(len(its))]
    copies.sort(key=lambda copy: len(encodings[copy[0]]))
    with model.eval_mode(sum(len(encodings[text]) for text, _ in copies)) as device:
        for chosen in _together(copies, encodings, TOKENS.get(device.type, TOKENS["cpu"])):
            tokens = [(text, int(asked[text][place])) for text, place in chosen]
            batch = _hidden_copies(model, encodings, tokens, hides).to(device)
            logs = _of_targets(model, objective, batch).tolist()
            for place, log in zip(batch.order, logs, strict=True):
                text, number = chosen[place]
                found[text][number] = log
    return found


def _together(copies: Sequence[Copy], encodings: Sequence[Encoding], most: int) -> Iterator[list[Copy]]:
    """The copies in batches of about as many tokens as are read at once; sorted by length, they stay so."""
    batch: list[Copy] = []
    tokens = 0
    for copy in copies:
        length = len(encodings[copy[0]])
        if batch and tokens + length > most:
            yield batch
            batch, tokens = [], 0
        batch.append(copy)
        tokens += length
    if batch:
        yield batch


def _hidden_copies(
    model: Model, encodings: Sequence[Encoding], tokens: Sequence[Copy], hides: Sequence[Ids] | None
) -> Batch:
    """A copy of a text for each of its tokens, in which that token is hidden and to be predicted."""
    mask, made, targets = model.text_tokenizer.mask_id, [], []
    for text, its in groupby(tokens, key=lambda token: token[0]):
        encoding, places = encodings[text], np.array([place for _, place in its])
        rows = np.arange(len(places))
        ids, wanted = np.tile(encoding.ids, (len(places), 1)), np.full((len(places), len(encoding)), IGNORE)
        wanted[rows, places] = encoding.ids[places]
        if hides is None:
            ids[rows, places] = mask
        else:
            columns = np.arange(len(encoding))
            ids[(columns >= places[:, None]) & (columns < hides[text][places][:, None])] = mask
        made += [replace(encoding, ids=row) for row in ids]
        targets += list(wanted.astype(np.int32))
    return collate(made, targets=targets)


def longest(model: Model) -> int:
    """The most tokens of a sequence that a language model scores."""
    opened = language_model(model).causal and _start(model) is not None
    return model.variant.dims.max_length - opened


def _start(model: Model) -> int | None:
    """The token to put before a text, if the tokenizer puts none there."""
    tokenizer = model.text_tokenizer
    return None if tokenizer.n_special(pair=False) else tokenizer.bos_id


def _opened(encoding: Encoding, start: int) -> Encoding:
    first = np.array([start], dtype=np.int32)
    return Encoding(
        np.concatenate([first, encoding.ids]),
        np.concatenate([first * 0, encoding.segments]),
        np.concatenate([[True], encoding.special]),
    )


def _word_ends(model: Model, encodings: Sequence[Encoding]) -> list[Ids]:
    """For each token, the place after the last piece of its word. [S] per sequence"""
    starts = model.text_tokenizer.word_starts
    ends = []
    for encoding in encodings:
        breaks = np.append(starts[encoding.ids] | encoding.special, True)
        breaks[1:] |= encoding.special  # one that is special ends with itself
        after = np.where(breaks, np.arange(len(breaks)), len(encoding))
        ends.append(np.minimum.accumulate(after[::-1])[::-1][1:].astype(np.int32))
    return ends


def _of_targets(model: Model, objective: Objective, batch: Batch) -> Tensor:
    """The log-probability of each token that is predicted, in the batch's order. [M]"""
    output = objective(model.hidden(batch), batch, model.embedding.tokens.weight)
    logs: Tensor = output.logits.float().log_softmax(dim=1).gather(1, output.targets[:, None]).squeeze(1).double()
    return logs


def _from_left_to_right(
    model: Model, objective: Objective, encodings: Sequence[Encoding], asked: Sequence[Sequence[int]]
) -> list[LogProbabilities]:
    """Each token given those before it; the first of a sequence, given none, is refused if it is asked for."""
    found: list[LogProbabilities] = [np.zeros(0)] * len(encodings)
    order = sorted(range(len(encodings)), key=lambda index: len(encodings[index]))
    with model.eval_mode(sum(map(len, encodings))) as device:
        most = TOKENS.get(device.type, TOKENS["cpu"]) // SHARE
        for chosen in _together([(index, 0) for index in order], encodings, most):
            batch = collate([encodings[index] for index, _ in chosen]).to(device)
            logs = _of_targets(model, objective, batch)
            sizes = [length - 1 for length in batch.layout.lengths]
            if len(logs) != sum(sizes):
                raise ZooError(
                    f"the objective of {model.variant.name!r} is causal and predicts {len(logs)} of {sum(sizes)} "
                    "tokens; all but the first of each sequence are needed"
                )
            for place, row in zip(batch.order, torch.split(logs, sizes), strict=True):
                index = chosen[place][0]
                if 0 in asked[index]:
                    raise ZooError(
                        "a causal model cannot predict the first token, and its tokenizer puts none before it; name "
                        "one as bos_token or eos_token in tokenizer_config.json"
                    )
                found[index] = row.cpu().numpy()[np.array(asked[index], dtype=np.int64) - 1]
    return found
