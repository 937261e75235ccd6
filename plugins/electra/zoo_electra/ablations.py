"""Where ELECTRA's gain comes from: table 5; Clark et al. 2020, arXiv:2003.10555, section 3.4."""

from __future__ import annotations

from zoo.registry.paper_tables import PaperTable, Row, at_sizes


def _original(over: str) -> dict[str, str]:
    return at_sizes(
        "electra",
        "objectives=electra.generator,electra.original"
        f"+objectives.electra.original.over={over}+objectives.electra.original.bias=unigram",
    )


TABLE_5 = PaperTable(
    name="electra-table-5",
    title="Detecting or predicting tokens, at all tokens or at the masked ones",
    source="Clark et al. 2020, arXiv:2003.10555, table 5 (GLUE dev, base size)",
    columns=("GLUE",),
    counted=("GLUE",),
    rows=(
        Row(label="ELECTRA", scores=(85.0,), variants=at_sizes("electra")),
        Row(
            label="ELECTRA 15%",
            scores=(82.4,),
            variants=at_sizes("electra", "objectives.electra.rtd.over=masked"),
            after=("ELECTRA",),
        ),
        Row(label="All-Tokens MLM", scores=(84.3,), variants=_original("all"), after=("ELECTRA",)),
        Row(label="Replace MLM", scores=(82.4,), variants=_original("masked"), after=("All-Tokens MLM",)),
        Row(
            label="BERT",
            scores=(82.2,),
            variants=at_sizes("electra", "objectives=electra.mlm+objectives.electra.mlm.bias=unigram"),
            after=("Replace MLM",),
        ),
    ),
    limits=(
        "A quarter of the tokens are masked here, 15% in the paper.",
        "BERT is trained here as ELECTRA is, without next sentences.",
    ),
)

TABLES = [TABLE_5]
