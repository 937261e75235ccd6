"""BERT's tables 5 to 8, Devlin et al. 2019, arXiv:1810.04805v2; and ways to make it smaller."""

from __future__ import annotations

from zoo.registry.paper_tables import PaperTable, Row, at_sizes

_BASE = at_sizes("bert")
_LSTM = {"tiny": 128, "mini": 256}
_LTR = "objectives=bert.ltr+objectives.bert.ltr.bias=unigram+masking=bert.unmasked"
NER = "micro-roles"
"""Who does what to whom, and where: entities of the microworld, for those whose data are not there."""


def _sizes(tiny: str, mini: str) -> dict[str, str]:
    return {"tiny": f"bert-tiny{tiny}", "mini": f"bert-mini{mini}"}


def _mix(mask: float, random: float) -> dict[str, str]:
    return at_sizes("bert", f"masking.mask_share={mask}+masking.random_share={random}")


TABLE_5 = PaperTable(
    name="bert-table-5",
    title="The effect of next-sentence prediction and of reading in both directions",
    source="Devlin et al. 2019, arXiv:1810.04805v2, table 5 (dev)",
    columns=("MNLI-m", "QNLI", "MRPC", "SST-2", "SQuAD F1"),
    counted=("MNLI-m", "QNLI", "MRPC", "SST-2", "SQuAD F1"),
    tasks={"MNLI-m": "mnli", "QNLI": "qnli", "MRPC": "mrpc", "SST-2": "sst2"},
    rows=(
        Row(label="BERT base", scores=(84.4, 88.4, 86.7, 92.7, 88.5), variants=_BASE),
        Row(
            label="No NSP",
            scores=(83.9, 84.9, 86.5, 92.6, 87.9),
            variants=at_sizes("bert", "objectives=bert.mlm"),
            after=("BERT base",),
        ),
        Row(
            label="LTR & No NSP",
            scores=(82.1, 84.3, 77.5, 92.1, 77.8),
            variants=at_sizes("bert", _LTR),
            after=("No NSP",),
        ),
        Row(
            label="+ BiLSTM",
            scores=(82.1, 84.1, 75.7, 91.6, 84.9),
            variants={
                size: f"{at_sizes('bert', _LTR)[size]}+finetuning.lstm_width={width}" for size, width in _LSTM.items()
            },
            after=("LTR & No NSP",),
        ),
    ),
    limits=(
        "The BiLSTM has two layers, each direction as wide as the encoder; the paper does not state its size.",
        "At these sizes our heads read the mean of all tokens; the paper's read the first token.",
        "Left-to-right models predict every token; masked ones a quarter of them here, 15% in the paper.",
    ),
)

TABLE_6 = PaperTable(
    name="bert-table-6",
    title="The effect of depth, width and heads",
    source="Devlin et al. 2019, arXiv:1810.04805v2, table 6 (dev, mean of 5 restarts)",
    columns=("masked LM perplexity", "MNLI-m", "MRPC", "SST-2"),
    counted=("MNLI-m", "MRPC", "SST-2"),
    tasks={"MNLI-m": "mnli", "MRPC": "mrpc", "SST-2": "sst2"},
    perplexities={"masked LM perplexity": "bert.mlm"},
    rows=(
        Row(
            label="L=6 H=768 A=12",
            scores=(4.68, 81.9, 84.8, 91.3),
            variants=_sizes("", "+dims.n_layers=2"),
        ),
        Row(
            label="L=6 H=768 A=3",
            scores=(5.24, 80.6, 82.2, 90.7),
            variants=_sizes("+dims.n_heads=1", "+dims.n_layers=2+dims.n_heads=1"),
            after=("L=6 H=768 A=12",),
        ),
        Row(
            label="L=3 H=768 A=12",
            scores=(5.84, 77.9, 79.8, 88.4),
            variants=_sizes("+dims.n_layers=1", "+dims.n_layers=1"),
            after=("L=6 H=768 A=12",),
        ),
        Row(
            label="L=12 H=768 A=12",
            scores=(3.99, 84.4, 86.7, 92.9),
            variants=_sizes("+dims.n_layers=4", ""),
            after=("L=6 H=768 A=12",),
        ),
        Row(
            label="L=12 H=1024 A=16",
            scores=(3.54, 85.7, 86.9, 93.3),
            variants=_sizes(
                "+dims.n_layers=4+dims.hidden_width=192+dims.embedding_width=192+dims.ffn_width=768+dims.n_heads=3",
                "+dims.hidden_width=320+dims.embedding_width=320+dims.ffn_width=1280+dims.n_heads=5",
            ),
            after=("L=12 H=768 A=12",),
        ),
        Row(
            label="L=24 H=1024 A=16",
            scores=(3.23, 86.6, 87.8, 93.7),
            variants=_sizes(
                "+dims.n_layers=8+dims.hidden_width=192+dims.embedding_width=192+dims.ffn_width=768+dims.n_heads=3",
                "+dims.n_layers=8+dims.hidden_width=320+dims.embedding_width=320+dims.ffn_width=1280+dims.n_heads=5",
            ),
            after=("L=12 H=1024 A=16",),
        ),
    ),
    limits=(
        "3, 6, 12 and 24 layers are 1, 2, 4 and 8 here; 768 and 1024 wide are 128 and 192 (tiny) or 256 and 320 "
        "(mini); 3 heads of 12 are one here.",
        "Our perplexities are of one pre-training, on one document in twenty (or as --held-out says), with another "
        "vocabulary and a quarter of the tokens masked: only their order compares with the paper's.",
    ),
)

_DEEP = {"tiny": "bert-tiny+dims.n_layers=4", "mini": "bert-mini"}


def _features(layers: str) -> dict[str, str]:
    more = f"finetuning.features={layers}+finetuning.lstm_width"
    return {size: f"{name}+{more}={_LSTM[size]}" for size, name in _DEEP.items()}


TABLE_7 = PaperTable(
    name="bert-table-7",
    title="Fine-tuning the encoder, or reading features of it as it is",
    source="Devlin et al. 2019, arXiv:1810.04805v2, table 7 (dev)",
    columns=("CoNLL-2003 NER",),
    counted=("CoNLL-2003 NER",),
    tasks={"CoNLL-2003 NER": "conll2003"},
    stand_ins={"CoNLL-2003 NER": NER},
    rows=(
        Row(label="BERT large, fine-tuned", scores=(96.6,)),
        Row(label="BERT base, fine-tuned", scores=(96.4,), variants=_DEEP),
        Row(
            label="Last hidden",
            scores=(94.9,),
            variants=_features("last"),
            after=("BERT base, fine-tuned",),
        ),
        Row(label="Embeddings", scores=(91.0,), variants=_features("embeddings"), after=("Last hidden",)),
        Row(
            label="Second-to-last hidden",
            scores=(95.6,),
            variants=_features("second-to-last"),
            after=("Last hidden",),
        ),
        Row(
            label="Weighted sum of last four",
            scores=(95.9,),
            variants=_features("sum-last-four"),
            after=("Last hidden",),
        ),
        Row(
            label="Concatenation of last four", scores=(96.1,), variants=_features("last-four"), after=("Last hidden",)
        ),
        Row(label="Weighted sum of all layers", scores=(95.5,), variants=_features("mix"), after=("Last hidden",)),
    ),
    limits=(
        "Twelve layers are four here, so the last four are all. Features are read by a BiLSTM of two layers, each "
        "direction as wide as the encoder, as in the paper.",
        "The sum of the last four has no weights here; that of all layers has learned ones, and counts the embeddings.",
    ),
)

TABLE_8 = PaperTable(
    name="bert-table-8",
    title="What replaces a masked token: the mask, the token itself, a random one",
    source="Devlin et al. 2019, arXiv:1810.04805v2, table 8 (dev)",
    columns=("MNLI", "NER fine-tuned", "NER features"),
    counted=("MNLI", "NER fine-tuned"),
    tasks={"MNLI": "mnli", "NER fine-tuned": "conll2003"},
    stand_ins={"MNLI": "micro-entailment", "NER fine-tuned": NER},
    rows=(
        Row(label="80/10/10", scores=(84.2, 95.4, 94.9), variants=_BASE),
        Row(label="100/0/0", scores=(84.3, 94.9, 94.0), variants=_mix(1.0, 0.0), after=("80/10/10",)),
        Row(label="80/0/20", scores=(84.1, 95.2, 94.6), variants=_mix(0.8, 0.2), after=("80/10/10",)),
        Row(
            label="80/20/0",
            scores=(84.4, 95.2, 94.7),
            variants=at_sizes("bert", "masking.random_share=0.0"),
            after=("80/10/10",),
        ),
        Row(label="0/20/80", scores=(83.7, 94.8, 94.6), variants=_mix(0.0, 0.8), after=("80/10/10",)),
        Row(label="0/0/100", scores=(83.6, 94.9, 94.6), variants=_mix(0.0, 1.0), after=("80/10/10",)),
    ),
    limits=(
        "Features are not read here, where the paper's effect is largest; +finetuning.features=last-four would.",
        "The paper's differences on MNLI are below one point, too small to show with few seeds.",
    ),
)

_WHOLE = "as it is"


def _smaller(label: str, exchanges: str, *, after: str = _WHOLE) -> Row:
    return Row(label=label, variants=at_sizes("bert", exchanges), after=(after,))


COMPRESSION = PaperTable(
    name="compression",
    title="What a smaller model saves and loses: fewer heads, units, layers, weights or bits",
    source="none; methods as in docs/compression.md",
    rows=(
        Row(label=_WHOLE, variants=_BASE),
        _smaller("half the heads", "pruning.heads=0.5"),
        _smaller("the heads that matter", "pruning.heads=0.5+pruning.importance=gradient", after="half the heads"),
        _smaller("half the units", "pruning.ffn=0.5"),
        Row(
            label="half the layers",
            variants=_sizes("+pruning.layers=1+pruning.when=before", "+pruning.layers=2+pruning.when=before"),
            after=(_WHOLE,),
        ),
        Row(
            label="half the layers, distilled",
            variants=_sizes(
                "+pruning.layers=1+pruning.when=before+distillation.teacher=bert-tiny",
                "+pruning.layers=2+pruning.when=before+distillation.teacher=bert-mini",
            ),
            after=("half the layers",),
        ),
        _smaller("80% zeros at once", "pruning.weights=0.8"),
        _smaller("80% zeros gradually", "pruning.weights=0.8+pruning.when=during", after="80% zeros at once"),
        _smaller("int8, dynamic", "quantization=int8-dynamic"),
        _smaller("int8, calibrated", "quantization=int8-static"),
        _smaller("int8, weights alone", "quantization=int8-weights"),
    ),
    limits=("At once means after fine-tuning, without training what is left; layers go before it.",),
)

TABLES = [TABLE_5, TABLE_6, TABLE_7, TABLE_8, COMPRESSION]
