"""Fine-tuning settings of RoBERTa's paper, without its early stopping."""

from __future__ import annotations

from zoo.registry.search_grids import ANY_TASK, Grid, every

GRIDS = [
    Grid(
        name="roberta",
        source="Liu et al. 2019, arXiv:1907.11692, section 5.1, without early stopping",
        settings={
            ANY_TASK: every(
                batch_size=(16, 32),
                learning_rate=(1e-5, 2e-5, 3e-5),
                epochs=(10.0,),
                warmup=(0.06,),
                weight_decay=(0.1,),
            )
        },
    ),
]
