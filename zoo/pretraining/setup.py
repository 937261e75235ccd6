"""A variant made ready for pre-training, the same for a comparison and for a run of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from zoo.core.corpus import TokenCorpus
from zoo.core.interfaces import Tokenizer
from zoo.core.seeds import drawing
from zoo.core.specs import Variant
from zoo.model import Model
from zoo.registry.catalog import Catalog
from zoo.text.pretraining_data import PretrainingData
from zoo.train.prefetch import BatchStream


def train_tokenizer(catalog: Catalog, variant: Variant, documents: Iterable[Sequence[str]]) -> Tokenizer:
    """The variant's tokenizer, learned from documents."""
    tokenizer_class, options = catalog.tokenizer(variant)
    texts = (sentence for document in documents for sentence in document)
    return tokenizer_class.train(texts, variant.dims.vocab_size, **options)


def with_vocabulary(variant: Variant, tokenizer: Tokenizer) -> Variant:
    """The variant with as many rows in its token table as its tokenizer has ids."""
    return variant.model_copy(update={"dims": variant.dims.model_copy(update={"vocab_size": tokenizer.vocab_size})})


def with_vocabulary_of(variant: Variant, other: Variant) -> Variant:
    """The variant with as many rows in its token table as another has."""
    dims = variant.dims.model_copy(update={"vocab_size": other.dims.vocab_size})
    return variant.model_copy(update={"dims": dims})


def new_model(catalog: Catalog, variant: Variant, tokenizer: Tokenizer, counts: NDArray[np.int64], seed: int) -> Model:
    """The variant untrained, its embedding given the text of each id, its objectives how often each occurs."""
    model = catalog.build(variant, seed)
    model.embedding.set_spellings(tokenizer)
    for used in variant.objectives:
        with drawing("observing", seed, used.name):
            model.objective(used.name).set_token_frequencies(torch.from_numpy(counts))
    return model


def pretraining_data(
    catalog: Catalog,
    model: Model,
    corpus: TokenCorpus,
    tokenizer: Tokenizer,
    sequence_length: int,
    batch_tokens: int,
    *,
    seed: int,
    documents: NDArray[np.int64] | None = None,
) -> PretrainingData:
    """The batches that a model's variant asks for."""
    variant = model.variant
    objectives = {used.name: model.objective(used.name) for used in variant.objectives}
    return PretrainingData(
        corpus=corpus,
        tokenizer=tokenizer,
        packing=catalog.packing(variant),
        prepares={name: objective.prepare for name, objective in objectives.items()},
        masking=catalog.masking(variant),
        sequence_length=sequence_length,
        batch_tokens=batch_tokens,
        seed=seed,
        documents=documents,
        labels=[objective.label for objective in objectives.values() if objective.label],
    )


def batch_stream(
    catalog: Catalog,
    model: Model,
    corpus: TokenCorpus,
    tokenizer: Tokenizer,
    *,
    seed: int,
    documents: NDArray[np.int64] | None = None,
) -> BatchStream:
    """All the batches of a pre-training."""
    make = partial(pretraining_data, catalog, model, corpus, tokenizer, seed=seed, documents=documents)
    return BatchStream(make, model.variant.pretraining)
