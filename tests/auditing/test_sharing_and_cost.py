from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from zoo import IGNORE, Batch, Catalog, Layout, Model, Variant
from zoo.auditing.closed_form import ClosedForm, closed_form
from zoo.auditing.cost import PREDICTED, AtLength, cost
from zoo.auditing.sharing import Sharing, sharing
from zoo.blocks import log_bucket

CATALOG = Catalog.installed()
ODD = ("albert-mini+encoder.share=ffn+encoder.n_groups=2+encoder.inner_layers=2", "bert-tiny+dims.ffn_width=77")


def form(name: str) -> ClosedForm:
    return closed_form(CATALOG, CATALOG.variant(name))


def shared(name: str) -> Sharing:
    found = sharing(form(name))
    assert found
    return found


def at_length(variant: Variant, length: int, batch: int) -> AtLength:
    found = cost(closed_form(CATALOG, variant), (length,), batch)
    assert found
    return found.lengths[0]


def test_the_two_by_two_of_albert_base() -> None:
    """V·E + (512 + 2 + 2)·E + E·H + H, or (V + 516)·H, and 1 or 12 layers of 12·H² + 13·H."""
    found = shared("albert-base-v2")
    narrow, wide, layer = 30_516 * 128 + 128 * 768 + 768, 30_516 * 768, 12 * 768**2 + 13 * 768
    assert (found.shared_factorized, found.unshared_factorized) == (narrow + layer, narrow + 12 * layer)
    assert (found.shared_full, found.unshared_full) == (wide + layer, wide + 12 * layer)
    assert found.saved_by_sharing == 11 * layer
    assert found.saved_by_factorizing == wide - narrow
    assert found.saved_by_both == 11 * layer + wide - narrow
    assert (found.stored, found.unshared) == (found.shared_factorized, found.unshared_factorized)


@pytest.mark.parametrize("name", ["bert-base-uncased", "roberta-base", "bert-tiny"])
def test_a_variant_that_shares_nothing_is_its_own_unshared_equivalent(name: str) -> None:
    found = shared(name)
    assert found.stored == found.unshared == found.unshared_full
    assert found.embedding_width == 128


@pytest.mark.parametrize("name", ["albert-base-v2", "albert-base-v2+encoder.share=attention"])
def test_what_a_variant_has_of_its_own_is_in_its_two_by_two(name: str) -> None:
    assert shared(name).shared_factorized == shared(name).stored


def test_the_two_by_two_is_what_the_expressions_say() -> None:
    unshared, full = "+encoder.share=none", "+embedding=bert.absolute+dims.embedding_width=768"
    found = shared("albert-base-v2")
    counts = [form(f"albert-base-v2{change}").counts.encoder for change in ("", unshared, full, full + unshared)]
    expected = [found.shared_factorized, found.unshared_factorized, found.shared_full, found.unshared_full]
    assert counts == expected


def batch(model: Model, length: int, n: int) -> Batch:
    """Sequences of one length, a fixed number of whose tokens are to be predicted."""
    ids = torch.randint(5, model.variant.dims.vocab_size, (n * length,))
    targets = torch.full((n, length), IGNORE)
    targets[:, : max(1, round(PREDICTED * length))] = 7
    labels = {objective.label: torch.arange(n) % 2 for objective in model.objectives.values() if objective.label}
    layout = Layout((length,) * n)
    return Batch(ids, torch.zeros_like(ids), torch.zeros_like(ids).bool(), layout, targets.flatten(), labels)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "bert-tiny",
            "roberta-tiny",
            "albert-tiny",
            "bert-tiny+objectives=bert.ltr",
            "modernbert-tiny",
            "deberta-tiny",
        ),
        *("distilbert-tiny", "gpt-tiny", "gpt2-tiny", "transformer-tiny", "d2l-tiny", "electra-tiny"),
        "electra-tiny+dims.embedding_width=64+objectives=electra.mlm",
        "deberta-tiny+encoder.terms=c2p+encoder.conv_kernel=3",
        *ODD,
    ],
)
def test_flops_are_those_that_torch_counts(name: str) -> None:
    model = CATALOG.build(CATALOG.variant(name))
    expected = at_length(model.variant, 50, 1)
    data = batch(model, 50, 3)
    with sdpa_kernel(SDPBackend.MATH):  # of the others on a CPU, torch's counter sees no FLOPs
        with FlopCounterMode(display=False) as counter:
            model.hidden(data)
        once = _of_positions(model.variant, 50)
        assert counter.get_total_flops() == 3 * expected.forward + once
        with FlopCounterMode(display=False) as counter:
            loss = torch.stack([output.loss for output in model(data).values()]).sum()
            loss.backward()  # type: ignore[no-untyped-call]
        assert counter.get_total_flops() == 3 * expected.training + 3 * once
    products = 4 + 4 * _terms(model.variant)
    assert expected.quadratic == model.variant.dims.hidden_width * products * 50**2 * _runs(model.variant)


def _of_positions(variant: Variant, length: int) -> int:
    """What a batch of any size needs once: DeBERTa's keys and queries of the buckets of distances in its texts."""
    farthest = int(log_bucket(torch.tensor([length - 1]), 32, variant.dims.max_length))
    return _terms(variant) * variant.dims.n_layers * 2 * (2 * farthest + 1) * variant.dims.hidden_width**2


def _terms(variant: Variant) -> int:
    if variant.encoder.name != "deberta.disentangled":
        return 0
    return 1 if "terms" in variant.encoder.options else 2


def _runs(variant: Variant) -> int:
    inner = variant.encoder.options.get("inner_layers", 1)
    assert isinstance(inner, int)
    return variant.dims.n_layers * inner


@pytest.mark.parametrize(
    "name",
    [
        "bert-tiny",
        "albert-mini",
        "roberta-tiny+dims.dropout=0.1",
        "modernbert-tiny",
        "deberta-tiny+dims.n_heads=2",
        "bert-mini+dims.vocab_size=500+dims.attention_dropout=0.1",
        *(
            "distilbert-tiny+dims.dropout=0.1",
            "gpt2-tiny+dims.dropout=0.1",
            "transformer-tiny",
            "d2l-tiny",
        ),
        *("electra-tiny", "electra-tiny+dims.embedding_width=64"),
    ],
)
def test_the_estimate_of_activations_is_the_measured_peak(name: str) -> None:
    model = CATALOG.build(CATALOG.variant(name)).train()
    data = batch(model, 64, 16)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as measured:
        loss = torch.stack([output.loss for output in model(data).values()]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
    held = peak = 0
    for event in measured.profiler.kineto_results.events():  # type: ignore[union-attr]
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    assert at_length(model.variant, 64, 16).activations == pytest.approx(peak, rel=0.13)


def test_weights_gradients_and_optimizer_are_told_in_bytes() -> None:
    found = cost(form("bert-base-uncased"))
    assert found
    assert found.weights == {
        "float32": 440_425_712,
        "bfloat16": 220_212_856,
        "float16": 220_212_856,
        "int8": 110_106_428,
    }
    assert (found.gradients, found.optimizer) == (440_425_712, 880_851_424)


def test_lengths_beyond_the_positions_are_left_out() -> None:
    found = cost(form("bert-tiny"), (64, 512))
    assert found
    assert [at.length for at in found.lengths] == [64]
