"""Fine-tuning settings of ALBERT's paper: one for each task of GLUE, without its lengths and dropouts."""

from __future__ import annotations

from zoo.registry.search_grids import Grid, Setting

_TABLE_14 = {
    "cola": (1e-5, 16, 5_336, 320),
    "stsb": (2e-5, 16, 3_598, 214),
    "sst2": (1e-5, 32, 20_935, 1_256),
    "mnli": (3e-5, 128, 10_000, 1_000),
    "qnli": (1e-5, 32, 33_112, 1_986),
    "qqp": (5e-5, 128, 14_000, 1_000),
    "rte": (3e-5, 32, 800, 200),
    "mrpc": (2e-5, 32, 800, 200),
    "wnli": (2e-5, 16, 2_000, 250),
}
"""Learning rate, batch, steps and steps of warm-up."""

GRIDS = [
    Grid(
        name="albert",
        source="Lan et al. 2020, arXiv:1909.11942, table 14, without its lengths and ALBERT dropouts",
        settings={
            task: (Setting(learning_rate=rate, batch_size=batch, steps=steps, warmup=warmup / steps),)
            for task, (rate, batch, steps, warmup) in _TABLE_14.items()
        },
    ),
]
