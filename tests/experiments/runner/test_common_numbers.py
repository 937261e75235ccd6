"""Equal things compare equal: what is random depends on what it is drawn for, and on no name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo_albert
import zoo_bert
from tests.experiments.synthetic_runs import settings, toy
from zoo import Catalog, Dims, Encoder, Layout, Offers
from zoo.experiments.plan.cache_key import cache_key
from zoo.experiments.plan.make import make_plan, with_budget
from zoo.experiments.plan.plan import Plan
from zoo.experiments.report.build import write_report
from zoo.experiments.results.merge import merge
from zoo.experiments.results.records import ModelResult, TaskResult, fingerprint
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner import model_statistics, scoring
from zoo.experiments.runner.run import run
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.tests import SAME
from zoo.experiments.statistics.verdicts import compare_systems
from zoo.experiments.verify.files import verify
from zoo.machine.compute import Compute
from zoo.machine.environment import environment
from zoo.model import Model
from zoo.weights.folder import CheckpointFolder


class OwnDraws(Encoder):
    """A stranger's part whose constructor draws: a parameter, and a projection that no checkpoint holds."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(dims.hidden_width))
        self.fixed = torch.rand(dims.hidden_width)

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        return hidden * self.scale * self.fixed


STRANGER = Offers(api_version=1, encoders={"stranger.own": OwnDraws})
CATALOG = Catalog.of(zoo_bert, zoo_albert, toy, stranger=STRANGER)
PLACE = environment(CATALOG)
NO_OP = "bert-tiny+finetuning.epochs=2.0"


class Silent:
    """A watcher to whom nothing matters."""

    def admitted(self, jobs: object) -> None: ...

    def started(self, job: object) -> None: ...

    def moved(self, *told: object) -> None: ...

    def ended(self, *told: object) -> None: ...


def planned(*names: str, one_head: bool = True, **how: Any) -> Plan:
    variants = [with_budget(CATALOG.variant(name), 2_000, 3) for name in names]
    return make_plan(CATALOG, variants, ["lamps"], n_seeds=2, one_head=one_head, settings=settings(**how))


def done(plan: Plan, folder: Path, **how: Any) -> ComparisonRun:
    found = run(plan, folder, watcher=Silent(), catalog=CATALOG, **how)
    assert not found.failures
    return found


def weights(model: Model, *parts: str) -> dict[str, Tensor]:
    found = {name: tensor for name, tensor in model.state_dict().items() if name.split(".")[0] in parts}
    assert found
    return found


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_variants_with_other_encoders_start_with_the_same_embeddings_and_objectives() -> None:
    bert, shared = (CATALOG.build(CATALOG.variant(f"bert-tiny{more}"), 3) for more in ("", "+encoder=albert.shared"))
    assert_equal(weights(bert, "embedding", "objectives"), weights(shared, "embedding", "objectives"))
    other = CATALOG.build(CATALOG.variant("bert-tiny"), 4)
    assert not torch.equal(bert.embedding.tokens.weight, other.embedding.tokens.weight)


def test_a_longer_vocabulary_and_a_deeper_stack_begin_as_shorter_ones() -> None:
    small, large = (
        CATALOG.build(CATALOG.variant(f"bert-tiny+dims.vocab_size={size}{deeper}"))
        for size, deeper in ((80, ""), (120, "+dims.n_layers=3"))
    )
    assert torch.equal(small.embedding.tokens.weight, large.embedding.tokens.weight[:80])
    stack = weights(small, "encoder")
    assert_equal(stack, {name: tensor for name, tensor in weights(large, "encoder").items() if name in stack})


def test_a_models_start_depends_on_nothing_built_or_drawn_before_and_moves_nothing_drawn_after() -> None:
    variant = CATALOG.variant("bert-tiny+encoder=stranger.own")
    torch.manual_seed(5)
    expected = torch.rand(3)
    alone = CATALOG.build(variant)
    torch.manual_seed(5)
    CATALOG.build(CATALOG.variant("albert-tiny"))
    again = CATALOG.build(variant)
    assert torch.equal(torch.rand(3), expected)
    assert_equal(alone.state_dict(), again.state_dict())
    assert isinstance(alone.encoder, OwnDraws) and isinstance(again.encoder, OwnDraws)
    assert torch.equal(alone.encoder.fixed, again.encoder.fixed)


def test_a_strangers_part_that_draws_starts_alike_beside_any_other_part() -> None:
    beside = [
        CATALOG.build(CATALOG.variant(f"bert-tiny+encoder=stranger.own{more}"), seed)
        for more, seed in (("", 1), ("+embedding=albert.factorized", 1), ("", 2))
    ]
    assert_equal(weights(beside[0], "encoder"), weights(beside[1], "encoder"))
    assert not torch.equal(beside[0].encoder.scale, beside[2].encoder.scale)  # type: ignore[arg-type]


def test_what_a_strangers_part_draws_and_no_checkpoint_holds_is_the_same_in_finetuning() -> None:
    plan = planned("bert-tiny+encoder=stranger.own+init.keys_start_as_queries=false")
    trained = CATALOG.build(plan.variants[0], plan.pretraining_seed).encoder
    tuned = CATALOG.assemble(plan.variants[0], plan.needs(plan.jobs[-3])[0].seed).encoder
    assert torch.equal(trained.fixed, tuned.fixed)  # type: ignore[arg-type]


def test_what_does_not_matter_for_pretraining_shares_one() -> None:
    names = ["bert-tiny", NO_OP, "bert-tiny+pretraining.warmup=0.1001", "bert-tiny+finetuning.learning_rate=0.002"]
    plan = planned(*names, "bert-tiny+masking.rate=0.2", "bert-tiny+head.pooling=first", one_head=False)
    trained = [job.system for job in plan.jobs if job.kind == "pretrain"]
    assert trained == ["bert-tiny", "bert-tiny+masking.rate=0.2"]
    assert [plan.origins[name] for name in names] == ["bert-tiny"] * 4
    each = planned(*names, pretrain_each_seed=True)
    assert [(job.system, job.seed) for job in each.jobs if job.kind == "pretrain"] == [
        ("bert-tiny", 0),
        ("bert-tiny", 1),
    ]


def keys(plan: Plan, system: str) -> list[str]:
    """Of the fine-tunings of a variant and what they start from."""
    mine = [job for job in plan.jobs if job.system == system and job.kind == "finetune"]
    return [cache_key(plan, job, PLACE) for job in [*mine, *plan.needs(mine[0])]]


@pytest.mark.parametrize(
    "exchange",
    [
        "finetuning.epochs=2.0",
        "pretraining.warmup=0.1001",
        "head.pair=joint",  # of single texts
        "masking.random_share=0.1",
        "tokenizer.split_chinese=true",
        "objectives.bert.nsp.weight=1",
    ],
)
def test_the_key_of_a_job_holds_no_name_and_no_idle_field(exchange: str) -> None:
    plain, changed = planned("bert-tiny"), planned(f"bert-tiny+{exchange}")
    assert keys(plain, "bert-tiny") == keys(changed, f"bert-tiny+{exchange}")


@pytest.mark.parametrize(
    ("exchange", "pretraining_too"),
    [
        ("finetuning.learning_rate=0.002", False),
        ("finetuning.max_length=64", False),
        ("head.pooling=first", False),
        ("head.dropout=0.2", False),
        ("pretraining.short_length=32", True),
        ("pretraining.warmup=1.0", True),
        ("init.positions=normal", True),
        ("init.position_base=10.0", True),
        ("masking.rate=0.2", True),
        ("dims.dropout=0.1", True),
        ("tokenizer.lowercase=false", True),
    ],
)
def test_the_key_of_a_job_holds_every_field_that_matters_to_it(exchange: str, pretraining_too: bool) -> None:
    plain, changed = (keys(planned(name), name) for name in ("bert-tiny", f"bert-tiny+{exchange}"))
    assert not {*plain[:-1]} & {*changed[:-1]}
    assert (plain[-1] != changed[-1]) is pretraining_too


def test_a_number_means_the_same_with_and_without_a_point() -> None:
    names = [f"bert-tiny+objectives.bert.nsp.weight={weight}" for weight in ("2", "2.0", "2.5")]
    assert list(planned(*names).origins.values()) == [names[0], names[0], names[2]]


def test_positions_that_start_at_random_have_no_base() -> None:
    names = [f"bert-tiny+init.positions=normal{more}" for more in ("", "+init.position_base=10.0")]
    assert len({job.system for job in planned(*names).jobs if job.kind == "pretrain"}) == 1


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, ComparisonRun]]:
    """The same thing by two names, each in a run of its own."""
    made = {}
    for name in ("bert-tiny", NO_OP):
        folder = tmp_path_factory.mktemp("apart") / "run"
        made[name] = (folder, done(planned(name, keep_finetuned=True), folder))
    return made


def finished(found: ComparisonRun) -> list[ModelResult | TaskResult]:
    return [r for r in found.results if isinstance(r, ModelResult | TaskResult)]


def fingerprints(found: ComparisonRun) -> list[str]:
    return [fingerprint(r) for r in finished(found)]


def scores(found: ComparisonRun) -> list[object]:
    """All that was trained and predicted, without names."""
    return [r.weights_hash if isinstance(r, ModelResult) else (r.predictions, r.main_score) for r in finished(found)]


def test_the_same_thing_by_another_name_gives_the_same_bits(apart: dict[str, tuple[Path, ComparisonRun]]) -> None:
    one, other = (found for _, found in apart.values())
    assert scores(one) == scores(other)
    assert one.results[0].job.system != other.results[0].job.system


def test_a_no_op_exchange_in_one_run_is_trained_once_and_told_to_be_the_same_model(
    apart: dict[str, tuple[Path, ComparisonRun]], tmp_path: Path
) -> None:
    both = done(planned("bert-tiny", NO_OP, "bert-tiny+masking.rate=0.2"), tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == [
        "bert-tiny",
        "bert-tiny+masking.rate=0.2",
    ]
    ours, theirs = (found.finetuned(NO_OP) for found in (both, apart[NO_OP][1]))
    assert [fingerprint(r) for r in ours] == [fingerprint(r) for r in theirs]
    assert both.pretrained(NO_OP) == both.pretrained("bert-tiny")
    verdicts = {(d.first, d.second): d.verdict for d in compare_systems(both).differences}
    assert verdicts["bert-tiny", NO_OP] == SAME
    assert verdicts["bert-tiny", "bert-tiny+masking.rate=0.2"] != SAME
    write_report(analyse(both), tmp_path / "run")
    page = (tmp_path / "run" / "report.md").read_text()
    assert f"{NO_OP} starts from the pre-training of bert-tiny" in page and SAME in page
    assert {check.finding for check in verify(tmp_path / "run")} == {"confirmed"}


def test_jobs_are_taken_over_from_a_run_that_calls_them_otherwise(
    apart: dict[str, tuple[Path, ComparisonRun]], tmp_path: Path
) -> None:
    plan = planned(NO_OP, keep_finetuned=True)
    before = {path: path.stat().st_mtime_ns for path in apart["bert-tiny"][0].rglob("*")}
    taken = done(plan, tmp_path / "run", reuse=[apart["bert-tiny"][0]])
    assert fingerprints(taken) == fingerprints(apart[NO_OP][1])
    assert [r.cost for r in finished(taken)] == [r.cost for r in finished(apart["bert-tiny"][1])]
    names = sorted(path.relative_to(apart[NO_OP][0]) for path in apart[NO_OP][0].rglob("*") if path.is_file())
    for name in names:
        if name.parts[0] in ("checkpoints", "finetuned"):
            assert (tmp_path / "run" / name).read_bytes() == (apart[NO_OP][0] / name).read_bytes(), name
    assert CheckpointFolder(tmp_path / "run" / "checkpoints" / NO_OP).record.name == NO_OP
    assert before == {path: path.stat().st_mtime_ns for path in apart["bert-tiny"][0].rglob("*")}


def test_runs_put_together_share_a_pretraining_that_both_have_done(
    apart: dict[str, tuple[Path, ComparisonRun]],
) -> None:
    merged = merge({name: found for name, (_, found) in apart.items()})
    assert [r.job.system for r in merged.results if isinstance(r, ModelResult)] == ["bert-tiny"]
    first, second = (merged.finetuned(name) for name in apart)
    assert [r.predictions for r in first] == [r.predictions for r in second]
    (told,) = [d for d in compare_systems(merged).differences if (d.first, d.second) == ("bert-tiny", NO_OP)]
    assert told.verdict == SAME


@pytest.mark.slow
def test_a_result_without_its_model_is_not_taken_over(tmp_path: Path) -> None:
    done(planned("bert-tiny"), tmp_path / "bare")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "bare" / "jobs").iterdir()}
    done(planned("bert-tiny", keep_finetuned=True), tmp_path / "kept", reuse=[tmp_path / "bare"])
    models = sorted(path.name for path in (tmp_path / "kept" / "finetuned").iterdir())
    assert models == ["finetune-bert-tiny-lamps-s0", "finetune-bert-tiny-lamps-s1"]
    done(planned("bert-tiny", keep_finetuned=True), tmp_path / "bare")
    assert sorted(path.name for path in (tmp_path / "bare" / "finetuned").iterdir()) == models
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "bare" / "jobs").iterdir()}
    assert {name.removesuffix(".json") for name in before if before[name] != after[name]} == {*models}
    shutil.rmtree(tmp_path / "kept" / "checkpoints")
    done(planned("bert-tiny"), tmp_path / "last", reuse=[tmp_path / "kept"])
    assert (tmp_path / "last" / "checkpoints" / "bert-tiny" / "model.safetensors").exists()


def test_code_that_changes_under_a_run_is_named_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = environment(CATALOG, Compute(threads=1)).model_copy(update={"code": "f" * 64})
    for module in (model_statistics, scoring):
        monkeypatch.setattr(module, "environment", lambda *asked, **how: edited)
    found = run(planned("bert-tiny"), tmp_path / "run", watcher=Silent(), catalog=CATALOG)
    reasons = {failure.reason for failure in found.failures if failure.job.kind != "finetune"}
    assert len(reasons) == 1 and "were edited during the run" in reasons.pop()
