"""A run's text and tokenizer, and which documents it trains on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.core.batch import Batch
from zoo.core.corpus import TokenCorpus
from zoo.core.errors import ZooError
from zoo.core.files import locked, make_folder, sweep, write_folder
from zoo.core.interfaces import Tokenizer
from zoo.core.meta import without_memory
from zoo.core.seeds import seed_of
from zoo.core.specs import Precision, Variant
from zoo.model import Model
from zoo.pretraining.initial_weights import initial_weights, tokenizer_to_keep
from zoo.pretraining.settings import PretrainOptions, PretrainSpec
from zoo.pretraining.setup import pretraining_data, train_tokenizer, with_vocabulary
from zoo.pretraining.source import TextSource
from zoo.pretraining.teacher import teacher_of
from zoo.registry.catalog import Catalog
from zoo.text.cache import CorpusFacts, cached_corpus, hash_tokenizer

HELD_OUT_TOKENS = 100_000
"""At most about so many tokens are evaluated on each time."""


def identify(
    catalog: Catalog,
    variant: Variant,
    text: TextSource,
    options: PretrainOptions,
    *,
    seed: int,
    held_out: float,
    precision: Precision,
) -> PretrainSpec:
    """The run that is asked for. Raises ZooError if tokenizer or initial weights are missing or don't fit."""
    start = options.initial_weights
    tokenizer = _given_tokenizer(catalog, variant, options)
    if tokenizer:
        _check_mask(catalog, variant, tokenizer, str(options.tokenizer or start))
    return PretrainSpec(
        variant=variant,
        corpus_hash=text.content_hash,
        tokenizer=hash_tokenizer(tokenizer) if tokenizer else "trained",
        seed=seed,
        held_out=held_out,
        precision=precision,
        initial_weights=initial_weights(catalog, variant, Path(start)) if start else None,
        teacher=teacher_of(catalog, tokenizer, Path(options.teacher)) if options.teacher else None,
    )


def _given_tokenizer(catalog: Catalog, variant: Variant, options: PretrainOptions) -> Tokenizer | None:
    """The tokenizer that is there already; None if one is to be learned."""
    given = Path(options.tokenizer) if options.tokenizer else None
    if options.teacher and not options.initial_weights:
        given = given or Path(options.teacher)
    if options.initial_weights:
        return tokenizer_to_keep(catalog, variant, Path(options.initial_weights), given)
    if given is None:
        return None
    tokenizer_class, class_options = catalog.tokenizer(variant)
    return tokenizer_class.load(given, **class_options)


def _check_mask(catalog: Catalog, variant: Variant, tokenizer: Tokenizer, folder: str) -> None:
    """Raise ZooError where tokens are to be hidden, and the tokenizer has no mask to hide them with."""
    if catalog.masking(variant).masks_tokens:
        try:
            _ = tokenizer.mask_id
        except ZooError:
            raise ZooError(
                f"{folder}: the tokenizer has no mask token, and masking {variant.masking.name!r} hides tokens; "
                "give another tokenizer, or hide nothing, with --set masking=bert.unmasked"
            ) from None


@dataclass
class Prepared:
    """A run's text as ids, and the variant with the vocabulary that the text gave."""

    text: TextSource
    tokenizer: Tokenizer
    corpus: TokenCorpus
    facts: CorpusFacts
    variant: Variant
    kept: NDArray[np.int64]
    held: TokenCorpus | None

    def counts(self) -> NDArray[np.int64]:
        """How often each id occurs in the documents to train on. [V]"""
        vocab_size = self.variant.dims.vocab_size
        return self.corpus.counts(vocab_size) - (self.held.counts(vocab_size) if self.held else 0)


def prepare(catalog: Catalog, spec: PretrainSpec, text: TextSource, options: PretrainOptions) -> Prepared:
    """The tokenizer and the tokenized corpus, from the run's folder and the cache if they are there already."""
    place = Path(options.out) / "tokenizer"
    tokenizer_class, class_options = catalog.tokenizer(spec.variant)
    if not place.is_dir():
        given = _given_tokenizer(catalog, spec.variant, options)
        write_folder(place, (given or train_tokenizer(catalog, spec.variant, text.documents())).save)
    tokenizer = tokenizer_class.load(place, **class_options)
    corpus, facts = cached_corpus(Path(options.cache), text.content_hash, text.documents(), tokenizer)
    kept, held = split_documents(corpus.n_documents, spec.held_out, spec.seed)
    held_corpus = corpus.documents(held) if held else None
    variant = spec.variant if options.initial_weights else with_vocabulary(spec.variant, tokenizer)
    return Prepared(text, tokenizer, corpus, facts, variant, kept, held_corpus)


def shared_tokenizer(catalog: Catalog, variant: Variant, text: TextSource, cache: Path) -> Path:
    """The folder of the variant's tokenizer, learned from the text by the first process that asks for it."""
    recipe = {"tokenizer": variant.tokenizer.model_dump(mode="json"), "vocab_size": variant.dims.vocab_size}
    words = json.dumps([text.content_hash, recipe], sort_keys=True)
    place = cache / "tokenizers" / hashlib.sha256(words.encode()).hexdigest()[:32]
    if not place.is_dir():
        make_folder(place.parent)
        with locked(place.parent, wait=True):
            if not place.is_dir():
                sweep(place.parent)
                write_folder(place, train_tokenizer(catalog, variant, text.documents()).save)
    return place


def split_documents(n_documents: int, share: float, seed: int) -> tuple[NDArray[np.int64], list[int]]:
    """The documents to train on and those held out: at least two, as a pair of different ones is asked for."""
    if share == 0.0:
        return np.arange(n_documents), []
    n_held = max(2, round(share * n_documents))
    if n_documents - n_held < 2:
        raise ZooError(
            f"the corpus has {n_documents} documents, too few to hold {n_held} out and train on the rest; "
            "separate documents by blank lines, or give --held-out 0"
        )
    order = np.random.default_rng(seed_of("held-out documents", seed)).permutation(n_documents)
    return np.sort(order[n_held:]), sorted(order[:n_held].tolist())


def share_read(catalog: Catalog, variant: Variant, corpus: TokenCorpus, tokenizer: Tokenizer) -> float:
    """The share of a corpus's tokens that an epoch of a variant's pre-training reads."""
    with without_memory():
        model = catalog.assemble(variant)
    recipe = variant.pretraining
    length = recipe.sequence_length
    return pretraining_data(catalog, model, corpus, tokenizer, length, recipe.batch_tokens, seed=0).share_read()


def held_out_batches(catalog: Catalog, model: Model, prepared: Prepared, seed: int) -> list[Batch]:
    """Batches of the documents held out, the same at every evaluation."""
    if not prepared.held:
        return []
    recipe = prepared.variant.pretraining
    data = pretraining_data(
        catalog,
        model,
        prepared.held,
        prepared.tokenizer,
        recipe.sequence_length,
        min(recipe.batch_tokens, max(recipe.sequence_length, 16_384)),
        seed=seed_of("held out", seed),
    )
    batches: list[Batch] = []
    for batch in data.epoch(0):
        batches.append(batch)
        if sum(len(each.ids) for each in batches) >= HELD_OUT_TOKENS:
            break
    return batches
