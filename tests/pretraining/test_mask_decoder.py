"""DeBERTa's enhanced mask decoder, against attention of torch's own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import zoo_bert
import zoo_deberta
import zoo_roberta
from zoo import IGNORE, Catalog
from zoo.auditing.closed_form import closed_form
from zoo.auditing.module import module_counts, on_meta
from zoo.testing import DIMS
from zoo.testing.material import ragged_batch
from zoo_deberta.decoder import EnhancedMaskDecoder

CATALOG = Catalog.of(zoo_bert, zoo_roberta, zoo_deberta)
SIZES = DIMS.model_copy(update={"embedding_width": DIMS.hidden_width, "attention_dropout": 0.0, "norm_eps": 1e-7})


def test_queries_alone_know_the_places_and_the_layer_is_applied_twice() -> None:
    torch.manual_seed(0)
    decoder = EnhancedMaskDecoder(SIZES).eval()
    batch, table = ragged_batch(SIZES.vocab_size, {}), torch.randn(SIZES.vocab_size, SIZES.hidden_width)
    hidden = torch.randn(len(batch.ids), SIZES.hidden_width)
    attention, norm, feedforward = decoder.attention.attention, decoder.attention.norm, decoder.feedforward
    oracle = nn.MultiheadAttention(SIZES.hidden_width, SIZES.required("n_heads"), batch_first=True)
    three = attention.query, attention.key, attention.value
    oracle.in_proj_weight.data = torch.cat([layer.weight for layer in three])
    oracle.in_proj_bias.data = torch.cat([layer.bias for layer in three])
    oracle.out_proj = attention.output

    def decoded(read: Tensor) -> Tensor:
        asking = read + decoder.positions.weight[: len(read)]
        for _ in range(2):
            asking = norm(asking + oracle(asking[None], read[None], read[None])[0][0])
            inner = feedforward.feedforward
            asking = feedforward.norm(asking + inner.down(F.gelu(inner.up(asking))))
        return asking

    expected = torch.cat([decoded(read) for read in hidden.split(list(batch.layout.lengths))])
    masked = batch.targets != IGNORE
    logits = decoder.head(expected[masked], table)
    found = decoder(hidden, batch, table)
    torch.testing.assert_close(found.logits, logits, atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(found.loss, F.cross_entropy(logits, batch.targets[masked]))


def test_what_the_audit_counts_is_what_is_built() -> None:
    variant = CATALOG.variant("deberta-tiny+objectives=deberta.emd")
    assert closed_form(CATALOG, variant).counts == module_counts(on_meta(CATALOG, variant))
