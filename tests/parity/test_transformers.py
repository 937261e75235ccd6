"""Our blocks against the transformers library, tiny and with the same random weights."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from zoo.batch import IGNORE, Batch, Encoding
from zoo.catalog import Catalog
from zoo.model import Model
from zoo.text.collate import collate

LENGTHS = (7, 3, 11, 3, 5)
SIZES = {"hidden_size": 15, "num_hidden_layers": 3, "num_attention_heads": 5, "intermediate_size": 22, "vocab_size": 37}
DIMS = "dims.hidden_width=15 dims.n_layers=3 dims.n_heads=5 dims.ffn_width=22 dims.vocab_size=37 dims.max_length=13"

LAYER = {
    r"attention\.attention\.(query|key|value)\.": r"attention.self.\1.",
    r"attention\.attention\.output\.": "attention.output.dense.",
    r"attention\.norm\.": "attention.output.LayerNorm.",
    r"feedforward\.feedforward\.up\.": "intermediate.dense.",
    r"feedforward\.feedforward\.down\.": "output.dense.",
    r"feedforward\.norm\.": "output.LayerNorm.",
}
EMBEDDING = {
    r"^embedding\.tokens\.": "embeddings.word_embeddings.",
    r"^embedding\.positions\.": "embeddings.position_embeddings.",
    r"^embedding\.segments\.": "embeddings.token_type_embeddings.",
    r"^embedding\.segment$": "embeddings.token_type_embeddings.weight",
    r"^embedding\.norm\.": "embeddings.LayerNorm.",
}
BERT = {
    **LAYER,
    **EMBEDDING,
    r"^encoder\.layers\.": "encoder.layer.",
    r"^objectives\.bert/mlm\.head\.transform\.": "cls.predictions.transform.dense.",
    r"^objectives\.bert/mlm\.head\.norm\.": "cls.predictions.transform.LayerNorm.",
    r"^objectives\.bert/mlm\.head\.bias": "cls.predictions.bias",
    r"^objectives\.bert/nsp\.pooler\.": "pooler.",
    r"^objectives\.bert/nsp\.classify\.": "cls.seq_relationship.",
}
ROBERTA = {
    **LAYER,
    **EMBEDDING,
    r"^encoder\.layers\.": "encoder.layer.",
    r"^objectives\.bert/mlm\.head\.transform\.": "lm_head.dense.",
    r"^objectives\.bert/mlm\.head\.norm\.": "lm_head.layer_norm.",
    r"^objectives\.bert/mlm\.head\.bias": "lm_head.bias",
}
GROUP = r"encoder.albert_layer_groups.\1.albert_layers.0."
ALBERT = {
    **EMBEDDING,
    r"^embedding\.project\.": "encoder.embedding_hidden_mapping_in.",
    r"^encoder\.attentions\.(\d+)\.attention\.(query|key|value)\.": GROUP + r"attention.\2.",
    r"^encoder\.attentions\.(\d+)\.attention\.output\.": GROUP + r"attention.dense.",
    r"^encoder\.attentions\.(\d+)\.norm\.": GROUP + r"attention.LayerNorm.",
    r"^encoder\.feedforwards\.(\d+)\.feedforward\.up\.": GROUP + r"ffn.",
    r"^encoder\.feedforwards\.(\d+)\.feedforward\.down\.": GROUP + r"ffn_output.",
    r"^encoder\.feedforwards\.(\d+)\.norm\.": GROUP + r"full_layer_layer_norm.",
    r"^objectives\.bert/mlm\.head\.transform\.": "predictions.dense.",
    r"^objectives\.bert/mlm\.head\.norm\.": "predictions.LayerNorm.",
    r"^objectives\.bert/mlm\.head\.bias": "predictions.bias",
    r"^objectives\.albert/sop\.pooler\.dense\.": "pooler.",
    r"^objectives\.albert/sop\.classify\.": "sop_classifier.classifier.",
}


def build(expression: str) -> Model:
    torch.manual_seed(0)
    catalog = Catalog.installed()
    return catalog.build(catalog.variant("+".join([expression, *DIMS.split()]))).eval()


def copy_weights(ours: Model, theirs: nn.Module, names: Mapping[str, str], prefix: str) -> None:
    """Fill our model with theirs; every one of our tensors must find a name of theirs."""
    source = theirs.state_dict()
    state = {}
    for name in ours.state_dict():
        renamed = name
        for pattern, replacement in names.items():
            renamed = re.sub(pattern, replacement, renamed)
        state[name] = source[renamed if renamed in source else prefix + renamed]
    ours.load_state_dict(state)


def ragged(cls_labels: str | None = None) -> tuple[Batch, dict[str, Tensor]]:
    """The same sequences packed for us, and padded for transformers, in packed order."""
    rng = np.random.default_rng(0)
    encodings, targets = [], []
    for length in LENGTHS:
        ids = rng.integers(5, 37, length).astype(np.int32)
        segments = (np.arange(length) > length // 2).astype(np.int32)
        encodings.append(Encoding(ids, segments, np.zeros(length, dtype=bool)))
        targets.append(np.where(rng.random(length) < 0.4, ids, IGNORE).astype(np.int32))
    labels = {cls_labels: [0, 1, 1, 0, 1]} if cls_labels else None
    batch = collate(encodings, labels=labels, targets=targets)
    ids, mask = batch.layout.pad(batch.ids)
    segments, _ = batch.layout.pad(batch.segments)
    targets_, _ = batch.layout.pad(batch.targets)
    return batch, {
        "input_ids": ids.masked_fill(~mask, 1),
        "attention_mask": mask.long(),
        "token_type_ids": segments,
        "labels": targets_.masked_fill(~mask, IGNORE),
    }


def assert_same_tokens(output: Tensor, logits: Tensor, batch: Batch) -> None:
    """Our logits at masked tokens are theirs at the same places."""
    expected = batch.layout.pack(logits)[batch.targets != IGNORE]
    torch.testing.assert_close(output, expected, atol=5e-6, rtol=0)


def test_bert_for_pretraining_has_the_same_logits_and_loss() -> None:
    config = transformers.BertConfig(max_position_embeddings=13, **SIZES)
    theirs = transformers.BertForPreTraining(config).eval()
    ours = build("bert-base-uncased+dims.embedding_width=15")
    copy_weights(ours, theirs, BERT, "bert.")
    batch, padded = ragged("bert.nsp")
    expected = theirs(**padded, next_sentence_label=batch.labels["bert.nsp"])
    outputs = ours(batch)
    assert_same_tokens(outputs["bert.mlm"].logits, expected.prediction_logits, batch)
    torch.testing.assert_close(outputs["bert.nsp"].logits, expected.seq_relationship_logits, atol=5e-6, rtol=0)
    loss = outputs["bert.mlm"].loss + outputs["bert.nsp"].loss
    torch.testing.assert_close(loss, expected.loss, atol=0, rtol=1e-5)


def test_roberta_for_masked_lm_has_the_same_logits_and_loss() -> None:
    config = transformers.RobertaConfig(
        max_position_embeddings=15, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, **SIZES
    )
    theirs = transformers.RobertaForMaskedLM(config).eval()
    ours = build("roberta-base+dims.embedding_width=15")
    copy_weights(ours, theirs, ROBERTA, "roberta.")
    batch, padded = ragged()
    padded["token_type_ids"] = torch.zeros_like(padded["token_type_ids"])
    expected = theirs(**padded)
    output = ours(batch)["bert.mlm"]
    assert_same_tokens(output.logits, expected.logits, batch)
    torch.testing.assert_close(output.loss, expected.loss, atol=0, rtol=1e-5)


@pytest.mark.parametrize(("version", "groups"), [("v1", 1), ("v2", 1), ("v2", 3)])
def test_albert_for_pretraining_has_the_same_logits_and_loss(version: str, groups: int) -> None:
    config = transformers.AlbertConfig(
        embedding_size=6, max_position_embeddings=13, num_hidden_groups=groups,
        hidden_act="gelu" if version == "v1" else "gelu_new", hidden_dropout_prob=0.0, **SIZES,
    )  # fmt: skip
    theirs = transformers.AlbertForPreTraining(config).eval()
    ours = build(
        f"albert-base-{version}+dims.embedding_width=6" + (f"+encoder.n_groups={groups}" if groups > 1 else "")
    )
    copy_weights(ours, theirs, ALBERT, "albert.")
    batch, padded = ragged("albert.sop")
    expected = theirs(**padded, sentence_order_label=batch.labels["albert.sop"])
    outputs = ours(batch)
    assert_same_tokens(outputs["bert.mlm"].logits, expected.prediction_logits, batch)
    torch.testing.assert_close(outputs["albert.sop"].logits, expected.sop_logits, atol=5e-6, rtol=0)
    loss = outputs["bert.mlm"].loss + outputs["albert.sop"].loss
    torch.testing.assert_close(loss, expected.loss, atol=0, rtol=1e-5)


def test_gradients_are_the_same_as_transformers() -> None:
    config = transformers.BertConfig(max_position_embeddings=13, **SIZES)
    theirs = transformers.BertForPreTraining(config).eval()
    ours = build("bert-base-uncased+dims.embedding_width=15")
    copy_weights(ours, theirs, BERT, "bert.")
    batch, padded = ragged("bert.nsp")
    theirs(**padded, next_sentence_label=batch.labels["bert.nsp"]).loss.backward()
    sum(output.loss for output in ours(batch).values()).backward()
    expected = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        renamed = name
        for pattern, replacement in BERT.items():
            renamed = re.sub(pattern, replacement, renamed)
        grad = expected.get(renamed, expected.get("bert." + renamed))
        torch.testing.assert_close(
            parameter.grad, grad, atol=1e-7, rtol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )
