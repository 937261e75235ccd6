"""Fine-tuning settings of BERT's paper and of its small models."""

from __future__ import annotations

from zoo.registry.search_grids import ANY_TASK, Grid, every

GRIDS = [
    Grid(
        name="bert",
        source="Devlin et al. 2019, arXiv:1810.04805, appendix A.3",
        settings={ANY_TASK: every(batch_size=(16, 32), learning_rate=(5e-5, 3e-5, 2e-5), epochs=(2.0, 3.0, 4.0))},
    ),
    Grid(
        name="bert-small",
        source="google-research/bert, README (smaller BERT models)",
        settings={
            ANY_TASK: every(batch_size=(8, 16, 32, 64, 128), learning_rate=(3e-4, 1e-4, 5e-5, 3e-5), epochs=(4.0,))
        },
    ),
]
