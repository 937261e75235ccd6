"""What a step of `zoo pretrain` costs outside forward and backward passes and the optimizer, as shares of its time.

From one step's end to the next one's: taking the batch, checks, log and display, all but evaluations and checkpoints.

    python -m benchmarks.bench_overhead [--variant bert-mini] [--steps 40]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from zoo import Catalog
from zoo.machine.compute import Compute
from zoo.pretraining.display import Display
from zoo.pretraining.preparation import identify
from zoo.pretraining.run import pretrain
from zoo.pretraining.settings import PretrainOptions, scaled
from zoo.pretraining.source import text_of_files
from zoo.tasks.microworld import documents
from zoo.train.step import Step, StepConfig


class Timed(Display):
    """Shows a run on the terminal, and notes when each step was shown."""

    def __init__(self) -> None:
        super().__init__(Console(stderr=True))
        self.steps: list[Step] = []
        self.ends: list[float] = []

    def stepped(self, step: Step, n_steps: int, tokens: int, peak_share: float | None) -> None:
        """A step is done."""
        super().stepped(step, n_steps, tokens, peak_share)
        self.steps.append(step)
        self.ends.append(time.perf_counter())


def main(argv: Sequence[str] | None = None) -> None:
    """Print the shares of the time from the end of the first step to the end of the last."""
    parser = argparse.ArgumentParser(description="A pre-training step's overhead.")
    parser.add_argument("--variant", default="bert-mini")
    parser.add_argument("--steps", type=int, default=40)
    asked = parser.parse_args(argv)
    catalog = Catalog.installed()
    with TemporaryDirectory() as folder:
        text = Path(folder) / "microworld.txt"
        text.write_text("\n\n".join("\n".join(document) for document in documents(2_000, seed=0)))
        options = PretrainOptions(
            out=f"{folder}/run",
            cache=f"{folder}/cache",
            checkpoint_every=asked.steps,
            evaluate_every=asked.steps,
        )
        variant = scaled(catalog.variant(asked.variant), None, asked.steps, None)
        source = text_of_files([text])
        spec = identify(catalog, variant, source, options, seed=0, held_out=0.1, precision="fp32")
        with Timed() as display:
            pretrain(catalog, spec, source, options, StepConfig(Compute(threads=1), seed=0), display)
    whole = display.ends[-1] - display.ends[0]
    waited = sum(step.data_wait_seconds for step in display.steps[1:])
    computed = sum(step.compute_seconds for step in display.steps[1:])
    tokens = sum(step.n_tokens for step in display.steps[1:])
    row = {"variant": asked.variant, "tokens/s": round(tokens / whole)}
    row |= {
        "overhead, %": round(100 * (whole - computed - waited) / whole, 2),
        "waiting, %": round(100 * waited / whole, 2),
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main()
