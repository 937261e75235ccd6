"""What a stranger's parts are free to do: no heads, norms before, windows, starts of their own, all layers' states."""

from __future__ import annotations

import ast
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zoo_bert
from tests.experiments import toy_task as toy
from tests.strangers import modern
from tests.strangers.plugin import OFFERS
from zoo import Catalog, Dims, Layout, Model, Variant, ZooError, load, save
from zoo.auditing.closed_form import closed_form
from zoo.auditing.module import executed, module_counts, on_meta
from zoo.experiments.plan.job_kinds import model_folder
from zoo.experiments.plan.make import make_plan, with_budget
from zoo.experiments.runner.run import run
from zoo.formulas import F, H, sizes
from zoo.registry import compatibility
from zoo.testing import DIMS, Check, conformance
from zoo.testing.layers import check_encoder
from zoo.testing.material import ragged_batch
from zoo.train.loop import train
from zoo.train.optimizers import make_optimizer
from zoo.train.step import StepConfig

CATALOG = Catalog.of(zoo_bert, toy, stranger=OFFERS)
SIZES = DIMS.model_copy(update={"embedding_width": DIMS.hidden_width})
VARIANTS = sorted(name for name in CATALOG.variants if name.startswith("stranger-"))


@pytest.mark.parametrize("check", conformance(CATALOG, "stranger"), ids=str)
def test_conforms(check: Check) -> None:
    check()


def test_an_encoder_of_modernberts_kind_takes_under_80_lines_and_nothing_private() -> None:
    source = Path(modern.__file__).read_text()
    assert len(source.split("\n\n\nclass ScaledStack")[0].splitlines()) < 80
    imported = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    assert {str(node.module) for node in imported} <= {"__future__", "torch", "zoo", "zoo.blocks", "zoo.formulas"}
    names = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    assert not [name for name in names if name.startswith("_") and name != "__init__"]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_module_is_counted_and_agrees_with_a_formula_where_there_is_one(name: str) -> None:
    variant = CATALOG.variant(name)
    model = on_meta(CATALOG, variant)
    body = sum(p.numel() for part in (model.embedding, model.encoder) for p in part.parameters())
    assert module_counts(model).encoder == body
    form = closed_form(CATALOG, variant)
    encoder = next(part for part in form.parts if part.kind == "encoder")
    if encoder.components is not None:
        stated = sum(component.stored(form.sizes) for component in encoder.components)
        assert stated == sum(p.numel() for p in model.encoder.parameters())
    assert (encoder.components is None) == (name == "stranger-recurrent")
    built = CATALOG.build(variant)
    assert 0 < executed(built) < body


@pytest.mark.slow
def test_strangers_pretrain_finetune_save_and_load_in_a_comparison(tmp_path: Path) -> None:
    variants = [with_budget(CATALOG.variant(name), 2_000, 3) for name in VARIANTS]
    plan = make_plan(CATALOG, variants, ["lamps"], n_seeds=1)
    done = run(plan, tmp_path, watcher=Silent(), catalog=CATALOG)
    assert not done.failures
    trained = {result.job.system: result for result in done.results if result.job.kind == "pretrain"}
    for name in VARIANTS:
        model = load(tmp_path / str(model_folder(plan, trained[name].job)), catalog=CATALOG)
        save(model, tmp_path / name, to="zoo", catalog=CATALOG)
        again = load(tmp_path / name, catalog=CATALOG)
        for weight, tensor in model.state_dict().items():
            assert torch.equal(again.state_dict()[weight], tensor)


class Silent:
    """A watcher to whom nothing matters."""

    def admitted(self, jobs: object) -> None: ...

    def started(self, job: object) -> None: ...

    def moved(self, *_: object) -> None: ...

    def ended(self, *_: object) -> None: ...


def test_an_encoder_without_heads_states_none_and_one_with_heads_asks_for_them_by_name() -> None:
    recurrent = CATALOG.variant("stranger-recurrent")
    assert recurrent.dims.n_heads is None and recurrent.dims.ffn_width is None
    CATALOG.check(recurrent)
    assert Variant.model_validate_json(recurrent.model_dump_json()) == recurrent
    with pytest.raises(ZooError, match=r"encoder 'bert.stack': it needs dims.n_heads, which the variant leaves out"):
        CATALOG.build(CATALOG.variant("stranger-recurrent+encoder=bert.stack"))
    with pytest.raises(ZooError, match=r"'bert.stack': it needs dims.ffn_width, which the variant leaves out"):
        CATALOG.check(CATALOG.variant("stranger-recurrent+encoder=bert.stack+dims.n_heads=2"))
    whole = "stranger-recurrent+encoder=bert.stack+dims.n_heads=4+dims.ffn_width=128"
    assert CATALOG.variant(whole).dims == CATALOG.variant("bert-tiny").dims


def test_an_encoder_that_stumbles_over_missing_heads_does_not_conform() -> None:
    class Careless(modern.ModernStack):
        def __init__(self, dims: Dims) -> None:
            assert dims.n_heads % 1 == 0
            super().__init__(dims)

    with pytest.raises(AssertionError, match=r"it needs dims.n_heads; it should ask dims.required\('n_heads'\)"):
        check_encoder(Careless)


def test_an_encoder_whose_last_state_is_another_does_not_conform() -> None:
    class Forgetful(modern.ModernStack):
        def forward(self, hidden: torch.Tensor, layout: Layout) -> torch.Tensor:
            *_, last = super().states(hidden, layout)
            return last * 2

    with pytest.raises(AssertionError, match="the last of its states is not what the encoder gives"):
        check_encoder(Forgetful)


def test_a_part_that_starts_by_another_generator_does_not_conform() -> None:
    class Wild(modern.ModernStack):
        def __init__(self, dims: Dims) -> None:
            super().__init__(dims)
            self.layers[0].attention.attention.value.weight.data.mul_(np.random.default_rng().random())

    with pytest.raises(AssertionError, match=r"value\.weight starts with other values each time"):
        check_encoder(Wild)


def test_a_formula_with_a_size_that_is_left_out_is_refused_in_one_line() -> None:
    recurrent = CATALOG.variant("stranger-recurrent")
    with pytest.raises(ZooError, match=r"the formula 8·H·F has F, a size that the variant's dims leave out"):
        (8 * H * F)(sizes(recurrent.dims))


def test_the_encoder_of_the_page_conforms() -> None:
    page = (Path(__file__).parents[2] / "docs" / "writing-a-variant.md").read_text()
    block = page[page.index("An encoder with rotary positions") :].split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile("from __future__ import annotations\n" + block, "page", "exec"), names)
    check_encoder(names["Rotating"])


def test_a_part_keeps_the_start_that_it_states() -> None:
    scaled = CATALOG.variant("stranger-modern+encoder=stranger.scaled")
    model = CATALOG.build(scaled, 1)
    values, outputs = (getattr(model.encoder.layers[0].attention.attention, name) for name in ("value", "output"))
    assert values.weight.detach().std() == pytest.approx(1 / (3 * 128) ** 0.5, rel=0.05)  # torch's own
    assert (outputs.weight.std() / values.weight.std()).item() == pytest.approx(1 / 2, rel=0.05)  # of two layers
    assert model.embedding.tokens.weight.detach().std() == pytest.approx(scaled.init.embedding_std, rel=0.05)
    same, other = (weights_of(CATALOG.build(scaled, seed).encoder) for seed in (1, 2))
    assert torch.equal(weights_of(model.encoder), same) and not torch.equal(same, other)


def weights_of(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("bert-tiny+encoder=stranger.recurrent", r"init.keys_start_as_queries=true reaches no part of it.*=false"),
        ("stranger-modern+init.positions=sinusoidal", r"init.positions='sinusoidal' reaches no part of it.*=normal"),
        ("stranger-modern+encoder=stranger.scaled", r"init.keys_start_as_queries=true reaches no part of it"),
    ],
)
def test_a_setting_of_init_that_reaches_nothing_is_refused(expression: str, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        CATALOG.check(CATALOG.variant(expression))


def test_a_part_whose_weights_the_record_does_not_start_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    compatibility._log_own_start.cache_clear()
    with caplog.at_level(logging.WARNING, logger="zoo"):
        for name in ("stranger-recurrent", "stranger-recurrent", "stranger-mixed", "bert-tiny"):
            CATALOG.check(CATALOG.variant(name))
    assert [record.getMessage() for record in caplog.records] == [
        "encoder 'stranger.recurrent' keeps its own initialisation: "
        "init.linear_std and init.embedding_std do not reach it"
    ]


def test_an_objective_of_all_layers_reads_what_the_encoder_states() -> None:
    model = CATALOG.build(CATALOG.variant("stranger-mixed").swap("x", dims=SIZES)).eval()
    batch = ragged_batch(DIMS.vocab_size, {})
    states = read_by(model, lambda: model(batch))
    torch.testing.assert_close(states, torch.stack(model.hidden_states(batch)))
    assert states.shape == (DIMS.n_layers + 1, len(batch.ids), DIMS.hidden_width)


def test_dropout_in_the_encoder_is_the_same_for_an_objective_of_one_layer_and_of_all() -> None:
    batch, found = ragged_batch(DIMS.vocab_size, {}), []
    for name in ("stranger-mixed", "stranger-mixed+objectives=bert.mlm"):
        dims = SIZES.model_copy(update={"dropout": 0.3})
        model = CATALOG.build(CATALOG.variant(name).swap("x", dims=dims))
        recipe = model.variant.pretraining
        steps = train(model, make_optimizer(model, recipe), [batch], recipe, 1, how=StepConfig(seed=7))
        found.append(read_by(model, partial(list, steps)))
    assert torch.equal(found[0][-1], found[1])


def read_by(model: Model, act: Callable[[], object]) -> torch.Tensor:
    """What the model's only objective reads while something is done."""
    seen = []
    model.objective(*model.objective_names).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    act()
    return seen[0]
