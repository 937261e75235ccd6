"""Pruned and quantized variants as rows of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import zoo
import zoo_albert
import zoo_bert
from tests.experiments import toy_task
from tests.experiments.synthetic_runs import settings
from tests.experiments.test_features import TUNED
from zoo import Catalog, ZooError
from zoo.api.comparisons import Comparison
from zoo.compress.integers import quantized
from zoo.compress.onnx_file import gives_the_same, program_file
from zoo.compress.program import PaddedProgram
from zoo.compress.runtime import float_program
from zoo.experiments.plan.ablation import choices, path
from zoo.experiments.plan.make import make_plan
from zoo.experiments.report.compression import compression_section
from zoo.experiments.runner.estimate import estimate
from zoo.experiments.runner.model_statistics import counts
from zoo.experiments.statistics.costs import SIZE, quantities
from zoo.experiments.verify.rerun import reevaluate
from zoo.train.finetune import logits_of
from zoo_bert.encoder import Stack

CATALOG = Catalog.of(zoo_bert, zoo_albert, toy_task)
WAYS = {
    "heads": "+pruning.heads=0.5+pruning.importance=gradient",
    "layers": "+pruning.layers=1+pruning.when=before",
    "zeros": "+pruning.weights=0.6+pruning.when=during",
    "units": "+pruning.ffn=0.5",
}
QUANTIZED = {
    "dynamic": "+quantization=int8-dynamic",
    "weights": "+quantization=int8-weights",
    "static": "+quantization=int8-static",
}

Compare = Callable[..., Comparison]


@pytest.fixture(scope="module")
def compare(tmp_path_factory: pytest.TempPathFactory) -> Compare:
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("\n\n".join(f"the {a} shows the {b} a lamp." for a in toy_task.NOUNS for b in toy_task.NOUNS))

    def run(ways: dict[str, str], **options: object) -> Comparison:
        given = {"pretrain_tokens": 1_000, "finetune_steps": 20, "seeds": 1, "keep_finetuned": True} | options
        variants = [f"plain={TUNED}", *(f"{name}={TUNED}{way}" for name, way in ways.items())]
        folder = text.parent / "-".join(ways)
        return zoo.compare(*variants, tasks=["lamps"], corpus=[text], out=folder, catalog=CATALOG, workers=0, **given)  # type: ignore[arg-type]

    return run


@pytest.fixture(scope="module")
def pruned(compare: Compare) -> Comparison:
    return compare(WAYS)


def test_pruned_variants_share_pretraining_and_the_finetuning_before_them(pruned: Comparison) -> None:
    plan = pruned.run.plan
    assert not pruned.failures and len(pruned.run.pretrained_results) == 1
    assert plan.finetuning_origins == {
        "plain": "plain", "heads": "plain", "layers": "layers", "zeros": "zeros", "units": "plain",
    }  # fmt: skip
    assert len([job for job in plan.jobs if job.kind == "finetune"]) == 3
    assert len([job for job in plan.jobs if job.kind == "compress"]) == 4
    for name in plan.names:
        assert len(pruned.run.finetuned(name)) == 1


def test_structured_pruning_makes_the_counts_smaller_and_zeros_are_counted(pruned: Comparison) -> None:
    found = {name: pruned.run.finetuned(name)[0].compression for name in WAYS}
    whole = pruned.run.pretrained("plain")
    assert whole is not None
    for name in ("heads", "layers", "units"):
        small = found[name]
        assert small is not None and small.flops is not None and whole.flops is not None
        assert small.parameters_stored < whole.parameters_stored and small.flops.forward < whole.flops.forward
        assert small.zeros == 0
    zeros = found["zeros"]
    assert zeros is not None and zeros.parameters_stored == whole.parameters_stored
    assert zeros.zeros / zeros.weights == pytest.approx(0.6, abs=0.001)
    sizes = next(quantity for quantity in quantities(pruned.run) if quantity.label == SIZE).values
    assert sizes["heads"] < sizes["plain"] and set(sizes) == {"plain", *WAYS}


def test_a_pretraining_is_counted_before_its_variant_is_pruned() -> None:
    plain, cut = (CATALOG.variant(f"bert-tiny{way}") for way in ("", "+pruning.ffn=0.5"))
    model = CATALOG.build(plain)
    assert counts(CATALOG, cut, model) == counts(CATALOG, plain, model)


def test_kept_models_answer_again_as_the_run_says(pruned: Comparison) -> None:
    checks = list(reevaluate(pruned.run, pruned.folder, CATALOG))
    assert [check.detail for check in checks if check.finding != "confirmed"] == []
    assert sum("compressed" in check.where for check in checks) == 4
    model = zoo.load(next(path for path in (pruned.folder / "compressed").iterdir() if "heads" in path.name))
    assert model.variant.dims.n_heads == 2 and not model.variant.is_compressed


def test_the_report_says_what_was_done_and_what_it_does_not_save(pruned: Comparison) -> None:
    section = compression_section(pruned.run)
    assert section is not None
    rows = section.tables[0].by_label
    assert rows["heads"][0] == "without 50% of the heads (by gradient); after fine-tuning"
    assert rows["zeros"][0] == "without 60% of the weights (global); during fine-tuning, over 50% of the steps"
    assert rows["zeros"][1] == "60.0" and rows["layers"][1] == "0.0"
    assert rows["layers"][3] == rows["layers"][7] == "-" != rows["heads"][7]
    assert any("zeros: individual zero weights save neither time" in note for note in section.notes)
    assert "Compression" in pruned.render("markdown")


@pytest.mark.slow
def test_quantized_variants_are_smaller_and_answer_nearly_as_before_from_one_export_and_one_scoring(
    compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    exported: list[PaddedProgram] = []
    asked: list[object] = []

    def noted(program: PaddedProgram, place: Path) -> Path:
        exported.append(program)
        return program_file(program, place)

    def counted(*given: Any) -> list[Tensor]:
        asked.append(given)
        return logits_of(*given)

    monkeypatch.setattr("zoo.compress.runtime.program_file", noted)
    monkeypatch.setattr("zoo.experiments.runner.compress_job.logits_of", counted)
    done = compare(QUANTIZED)
    assert not done.failures and len(exported) == 1 and len(asked) == 1
    for name in QUANTIZED:
        (result,) = done.run.finetuned(name)
        cost = result.cost.compression
        assert result.compression is not None and cost is not None and cost.float_latency_s is not None
        assert 0 < result.compression.largest_change < 0.5
    checks = {check.where: check for check in reevaluate(done.run, done.folder, CATALOG)}
    undecided = {where for where, check in checks.items() if check.finding != "confirmed"}
    assert undecided == {f"compress-{name}-lamps-s0" for name in QUANTIZED}
    assert all("a quantized model is a program" in checks[where].detail for where in undecided)


@pytest.mark.slow
def test_a_kept_program_of_another_model_is_made_again(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    small = CATALOG.variants["bert-tiny"].swap("small", dims=CATALOG.variants["bert-tiny"].dims.model_copy(update={
        "n_layers": 1, "hidden_width": 16, "embedding_width": 16, "ffn_width": 24}))  # fmt: skip
    first, second = (CATALOG.build(small, seed=seed).eval() for seed in (0, 1))
    file = float_program(first, tmp_path / "programs" / "one.onnx")
    made = file.stat().st_ino
    assert float_program(first, file).stat().st_ino == made
    assert float_program(second, file).stat().st_ino != made and gives_the_same(PaddedProgram(second), file)
    file.write_bytes(b"no program")
    assert not gives_the_same(PaddedProgram(second), file)


def test_integers_are_those_that_a_scale_per_row_makes(tmp_path: Path) -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    weight = np.random.default_rng(0).normal(size=(40, 30)).astype(np.float32)
    float32 = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [onnx.helper.make_tensor_value_info("x", float32, [None, 40])],
        [onnx.helper.make_tensor_value_info("y", float32, [None, 30])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, str(tmp_path / "product.onnx"))
    made = quantized(tmp_path / "product.onnx", tmp_path / "integers.onnx", "int8-weights")
    found = runtime.InferenceSession(str(made)).run(None, {"x": np.eye(40, dtype=np.float32)})[0]
    scale = torch.from_numpy(np.abs(weight).max(axis=1)) / 127
    expected = torch.fake_quantize_per_channel_affine(
        torch.from_numpy(weight), scale, torch.zeros(40, dtype=torch.int32), 0, -127, 127
    )
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
    assert made.stat().st_size < 0.45 * (tmp_path / "product.onnx").stat().st_size


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("bert-tiny+pruning.heads=1.5", "less than 1"),
        ("bert-tiny+pruning.heads=0.1", "takes out none of 4; the least is 0.25"),
        ("bert-tiny+pruning.layers=2", "leaves none of its 2 layers"),
        ("albert-tiny+pruning.layers=1", "have no weights of their own.*as [+]dims.n_layers="),
        ("bert-tiny+pruning.layers=1+pruning.when=during", "not during it"),
        ("bert-tiny+quantization=int4", "int8-dynamic"),
        ("bert-tiny+quantization.bits=8", "is one word"),
        ("bert-tiny+pruning.heads=0.5+finetuning.features=last-four", "leave out pruning or the features"),
    ],
)
def test_what_cannot_be_compressed_is_refused_in_a_line_before_training(expression: str, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        CATALOG.check(CATALOG.variant(expression))


def test_an_encoder_that_reads_lengths_is_not_quantized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stack, "forward", lambda _, hidden, layout: hidden * max(layout.lengths))
    with pytest.raises(ZooError, match="cannot be exported to ONNX: it reads the lengths"):
        CATALOG.check(CATALOG.variant("bert-tiny+quantization=int8-dynamic"))


def test_families_are_pruned_as_far_as_their_encoders_can_be() -> None:
    installed = Catalog.installed()
    with pytest.raises(ZooError, match=r"leave out pruning\.heads"):
        installed.check(installed.variant("elmo-tiny+pruning.heads=0.5"))
    for name in ("bert-tiny", "albert-tiny", "deberta-tiny", "modernbert-tiny", "electra-tiny", "roberta-tiny"):
        installed.check(installed.variant(f"{name}+pruning.ffn=0.5+quantization=int8-dynamic"))
    with pytest.raises(ZooError, match="differs from layer 2, whose place it would take"):
        installed.check(installed.variant("modernbert-mini+pruning.layers=2+pruning.layer_choice=alternate"))


def test_a_task_answered_as_pretrained_is_refused(compare: Compare) -> None:
    with pytest.raises(ZooError, match="answered as pre-trained"):
        zoo.compare("bert-tiny", "bert-tiny+pruning.heads=0.5", tasks=["micro-pairs"], workers=0)


def test_pruning_and_quantization_are_one_choice_each() -> None:
    base, small, tiny = (CATALOG.variant(f"bert-tiny{way}") for way in ("", WAYS["heads"], QUANTIZED["dynamic"]))
    assert [*choices(CATALOG, base, small)] == ["pruning"] and [*choices(CATALOG, base, tiny)] == ["quantization"]
    way, _ = path(CATALOG, ["bert-tiny", f"bert-tiny{WAYS['units']}{QUANTIZED['dynamic']}"])
    assert [each.is_compressed for each in way] == [False, True, True]
    assert [each.name for each in way][1] == "bert-tiny+pruning.ffn=0.5"


def test_a_plan_of_compressed_variants_alone_trains_once() -> None:
    variants = [CATALOG.variant(f"bert-tiny{way}") for way in (WAYS["heads"], WAYS["units"])]
    plan = make_plan(CATALOG, variants, ["lamps"], n_seeds=2)
    assert set(plan.finetuning_origins.values()) == {variants[0].name}
    assert len([job for job in plan.jobs if job.kind == "finetune"]) == 2


def test_a_dry_run_measures_each_compression_once(pruned: Comparison, tmp_path: Path) -> None:
    variants = [CATALOG.variant(f"bert-tiny{way}") for way in ("", WAYS["heads"], WAYS["units"])]
    plan = make_plan(
        CATALOG, variants, ["lamps"], n_seeds=2, corpus=pruned.run.plan.corpus, settings=settings(evaluate_at=(5_000,))
    )
    costs = {each.job: each.seconds for each in estimate(CATALOG, plan, tmp_path, workers=1).work}
    of_compressed = [seconds for job, seconds in costs.items() if job.kind == "compress"]
    assert len(of_compressed) == 2 * 2 * 2 and len({*of_compressed}) == 2 and min(of_compressed) > 0
