"""DeBERTa's design choices: table 4; He et al. 2021, arXiv:2006.03654, section 5.2."""

from __future__ import annotations

from zoo.registry.paper_tables import PaperTable, Row, at_sizes

EMD = "objectives=deberta.emd+objectives.deberta.emd.bias=unigram"


TABLE_4 = PaperTable(
    name="deberta-table-4",
    title="What each part of DeBERTa is worth",
    source="He et al. 2021, arXiv:2006.03654, table 4 (dev, base size)",
    columns=("MNLI-m", "MNLI-mm", "SQuAD 1.1 F1", "SQuAD 1.1 EM", "SQuAD 2.0 F1", "SQuAD 2.0 EM", "RACE"),
    counted=("MNLI-m", "SQuAD 1.1 F1", "SQuAD 2.0 F1", "RACE"),
    tasks={"MNLI-m": "mnli"},
    rows=(
        Row(label="RoBERTa-ReImp base", scores=(84.9, 85.1, 91.1, 84.8, 79.5, 76.0, 66.8)),
        Row(label="DeBERTa base", scores=(86.3, 86.2, 92.1, 86.1, 82.5, 79.3, 71.7), variants=at_sizes("deberta", EMD)),
        Row(
            label="-EMD",
            scores=(86.1, 86.1, 91.8, 85.8, 81.3, 78.0, 70.3),
            variants=at_sizes(
                "deberta",
            ),
            after=("DeBERTa base",),
        ),
        Row(
            label="-C2P",
            scores=(85.9, 85.7, 91.6, 85.8, 81.3, 78.3, 69.3),
            variants=at_sizes("deberta", EMD, "encoder.terms=p2c"),
            after=("DeBERTa base",),
        ),
        Row(
            label="-P2C",
            scores=(86.0, 85.8, 91.7, 85.7, 80.8, 77.6, 69.6),
            variants=at_sizes("deberta", EMD, "encoder.terms=c2p"),
            after=("DeBERTa base",),
        ),
        Row(
            label="-(EMD+C2P)",
            scores=(85.8, 85.9, 91.5, 85.3, 80.3, 77.2, 68.1),
            variants=at_sizes("deberta", "encoder.terms=p2c"),
            after=("-EMD", "-C2P"),
        ),
        Row(
            label="-(EMD+P2C)",
            scores=(85.8, 85.8, 91.3, 85.1, 80.2, 77.1, 68.5),
            variants=at_sizes("deberta", "encoder.terms=c2p"),
            after=("-EMD", "-P2C"),
        ),
    ),
    limits=(
        "The paper's models are version 1, with projections of their own for positions and a decoder that applies the "
        "encoder's last layer; ours are as version 2, and the decoder's layer is its own.",
        "RoBERTa-ReImp has absolute positions instead of relative ones, more than one choice away.",
    ),
)

TABLES = [TABLE_4]
