"""The work of a pre-training job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

from zoo.experiments.results.records import Cost, ModelResult
from zoo.experiments.runner.context import JobContext
from zoo.experiments.runner.model_statistics import model_statistics
from zoo.machine.memory import peak_memory, reset_peak_memory
from zoo.pretraining.setup import batch_stream, new_model, train_tokenizer, with_vocabulary
from zoo.text.tokenizing import tokenize
from zoo.train.loop import fit
from zoo.weights.checkpoint import save_checkpoint

CURVE_POINTS = 100


def pretrain(work: JobContext) -> ModelResult:
    """Train the tokenizer on the corpus, then the variant on the tokenized corpus, and save both."""
    catalog, plan, job, how = work.catalog, work.plan, work.job, work.how
    asked = plan.variant(job.system)
    reset_peak_memory(how.compute.torch_device)
    documents = [list(document) for document in plan.corpus.documents(catalog)]
    tokenizer = train_tokenizer(catalog, asked, documents)
    variant = with_vocabulary(asked, tokenizer)
    corpus = tokenize(documents, tokenizer)
    model = new_model(catalog, variant, corpus.counts(variant.dims.vocab_size), job.seed)
    model.to(how.compute.torch_device)
    feed = batch_stream(catalog, model, corpus, tokenizer, seed=job.seed)
    recipe = variant.pretraining
    began = time.perf_counter()
    history = fit(model, feed, recipe, recipe.steps, work.progress, how)
    seconds = time.perf_counter() - began
    place = work.model_folder()
    save_checkpoint(place, variant, model, tokenizer)
    return ModelResult(
        job=job,
        variant=variant,
        corpus=plan.corpus.description,
        corpus_hash=corpus.content_hash,
        corpus_documents=corpus.n_documents,
        corpus_tokens=corpus.n_tokens,
        share_read=feed.share_read(),
        steps=recipe.steps,
        gradient_accumulation_steps=how.gradient_accumulation_steps,
        tokens=history.n_tokens,
        losses={name: downsample(values) for name, values in history.losses.items()},
        accuracies={name: downsample(values) for name, values in history.accuracies.items()},
        **model_statistics(catalog, variant, model, work.folder, place, work.how.compute),
        cost=Cost(
            seconds=seconds, peak_bytes=peak_memory(how.compute.torch_device), tokens_per_s=history.n_tokens / seconds
        ),
    )


def downsample(values: Sequence[float]) -> list[float]:
    """At most a hundred means of neighbours, for a curve."""
    n = min(CURVE_POINTS, len(values))
    edges = [len(values) * point // n for point in range(n + 1)] if n else [0]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
