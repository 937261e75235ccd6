"""Pseudo-log-likelihoods of minimal pairs against a plain loop over transformers' BertForMaskedLM, in one run.

The same weights, sentences and one thread. The loop is what most scripts do: a padded batch of the masked copies of one
sentence at a time, logits of all tokens. Ours packs the copies of many sentences, with logits at the masked places.

    python -m benchmarks.bench_score
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
import transformers

import zoo
from zoo.tasks.starter import PAIRS
from zoo.text.encoding import encode_texts

SIZES = {"tiny": (128, 2), "mini": (256, 4), "base": (768, 12)}
"""Width and layers; heads of 64, as BERT's."""


def checkpoint(folder: Path, size: str, words: list[str]) -> None:
    """A BERT with random weights, and a vocabulary of whole words filled up to BERT's 30,522."""
    width, layers = SIZES[size]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    vocabulary += [f"unused{number}" for number in range(30_522 - len(vocabulary))]
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
    )
    torch.manual_seed(0)
    transformers.BertForMaskedLM(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary))


def theirs(folder: Path, ids: list[list[int]], mask: int) -> tuple[list[float], float]:
    """Each sentence's pseudo-log-likelihood, one sentence at a time; and the processor's seconds."""
    model = transformers.BertForMaskedLM.from_pretrained(folder).eval()
    found = []
    began = time.process_time()
    with torch.inference_mode():
        for each in ids:
            n = len(each) - 2
            places = torch.arange(1, n + 1)
            copies = torch.tensor(each).repeat(n, 1)
            copies[torch.arange(n), places] = mask
            logits = model(input_ids=copies).logits[torch.arange(n), places]
            found.append(float(logits.log_softmax(1)[torch.arange(n), torch.tensor(each)[places]].double().sum()))
    return found, time.process_time() - began


def ours(model: zoo.Model, texts: list[str]) -> tuple[list[float], float]:
    """The same by zoo."""
    from zoo.inference.text_scores import score_texts

    began = time.process_time()
    return [score.log_probability for score in score_texts(model, texts)], time.process_time() - began


def main(sizes: list[str], n_pairs: int) -> None:
    """A line per size: speeds, their ratio, and the largest difference."""
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    pairs = PAIRS["micro-pairs"].pairs()
    texts = [text for pair in pairs[:: max(1, len(pairs) // n_pairs)] for text in (pair.good, pair.bad)]
    words = sorted({word for text in texts for word in text.split()})
    for size in sizes:
        with tempfile.TemporaryDirectory() as place:
            checkpoint(Path(place), size, words)
            model = zoo.load(place)
            encodings, _ = encode_texts(model.text_tokenizer, texts, 512)
            ids = [each.ids.tolist() for each in encodings]
            ours(model, texts[:4]), theirs(Path(place), ids[:4], 4)
            (packed, quick), (plain, slow) = ours(model, texts), theirs(Path(place), ids, 4)
            row = {
                "size": size,
                "sentences": len(texts),
                "zoo, sentences/s": round(len(texts) / quick, 1),
                "transformers, sentences/s": round(len(texts) / slow, 1),
                "times as fast": round(slow / quick, 2),
                "largest difference, nats": max(abs(a - b) for a, b in zip(packed, plain, strict=True)),
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--pairs", type=int, default=100)
    asked = parser.parse_args()
    main(asked.sizes, asked.pairs)
