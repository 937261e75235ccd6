"""Sentence vectors of a folder by zoo, by its exported ONNX programs, and by the transformers library, on one thread.

`python -m benchmarks.export_speed FOLDER TEXTS`: processor time per text, least of several passes taken in turn, and
the largest difference from the transformers library's vectors.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import zoo

BATCH = 32


def main() -> None:
    """Print a line per way, the transformers library first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--n", type=int, default=512)
    parser.add_argument("--passes", type=int, default=5)
    asked = parser.parse_args()
    texts = [line for line in asked.texts.read_text(encoding="utf-8").splitlines() if line.strip()][: asked.n]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        ways = made(asked.folder, Path(place), texts)
        least: dict[str, float] = {}
        vectors: dict[str, np.ndarray] = {}
        for _ in range(asked.passes):
            for name, way in ways.items():
                began = time.process_time()
                vectors[name] = way()
                least[name] = min(least.get(name, np.inf), time.process_time() - began)
    first = next(iter(ways))
    for name, seconds in least.items():
        far = np.abs(vectors[name] - vectors[first]).max()
        speed = f"{1e3 * seconds / len(texts):7.3f} ms per text, {least[first] / seconds:5.2f} x"
        print(f"{name:24} {speed}, difference {far:.1e}")


def made(folder: Path, place: Path, texts: list[str]) -> dict[str, Callable[[], np.ndarray]]:
    """The ways by name."""
    import onnxruntime
    import transformers

    model = zoo.load(folder)
    library = transformers.AutoModel.from_pretrained(folder).eval()
    longest = min(256, model.variant.dims.max_length)
    ids = [model.text_tokenizer.join(row, None, longest).ids for row in model.text_tokenizer.encode(texts)]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))

    def padded(run: Callable[[dict[str, np.ndarray]], np.ndarray]) -> np.ndarray:
        found = np.zeros((len(ids), model.variant.dims.hidden_width), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            width = max(len(ids[row]) for row in rows)
            given = np.zeros((2, len(rows), width), dtype=np.int64)
            for at, row in enumerate(rows):
                given[0, at, : len(ids[row])], given[1, at, : len(ids[row])] = ids[row], 1
            hidden = run({"input_ids": given[0], "attention_mask": given[1], "token_type_ids": np.zeros_like(given[0])})
            mask = given[1][:, :, None]
            found[rows] = (hidden * mask).sum(1) / mask.sum(1)
        return found

    def by_library(given: dict[str, np.ndarray]) -> np.ndarray:
        with torch.no_grad():
            hidden: torch.Tensor = library(**{name: torch.from_numpy(value) for name, value in given.items()})[0]
        return hidden.numpy()

    ways = {
        "transformers, sorted": lambda: padded(by_library),
        "zoo": lambda: model.encode(texts, pool="mean", max_length=longest, normalize=False).numpy(),
    }
    for precision in ("fp32", "int8"):
        zoo.export(model, place / precision, precision=precision, vectors=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(place / precision / "model.onnx", options)
        names = [one.name for one in session.get_inputs()]

        def by_program(given: dict[str, np.ndarray], run=session.run, names=names) -> np.ndarray:  # type: ignore[no-untyped-def]
            made: np.ndarray = run(["last_hidden_state"], {name: given[name] for name in names})[0]
            return made

        ways[f"onnxruntime, {precision}"] = lambda run=by_program: padded(run)  # type: ignore[misc]
    return ways


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
