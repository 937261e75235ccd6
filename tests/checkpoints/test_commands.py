"""Converting, naming a folder where a variant is named, and the hub's cache."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import zoo
from zoo.checkpoints.converting import convert
from zoo.core.errors import ZooError
from zoo.experiments.plan.make import make_plan, with_budget
from zoo.experiments.results.records import ModelResult
from zoo.experiments.runner.job import run_job
from zoo.weights import hub

Run = Callable[..., tuple[int, str, str]]


def test_converting_there_and_back_moves_every_tensor_unchanged(trained: Path, tmp_path: Path) -> None:
    there = convert(trained, tmp_path / "hf", to="hf")
    back = convert(tmp_path / "hf", tmp_path / "back", to="zoo")
    first, last = zoo.load(trained).state_dict(), zoo.load(tmp_path / "back").state_dict()
    assert all(torch.equal(first[name], last[name]) for name in first)
    assert {one.before for one in there} == {one.after for one in back} == set(first)
    assert {one.after for one in there} == {one.before for one in back}
    texts = ["the cat ran", ("a dog", "the park")]
    assert torch.equal(zoo.load(trained).encode(texts), zoo.load(tmp_path / "back").encode(texts))


def test_the_reference_library_reads_what_we_write_tokenizer_and_all(trained: Path, tmp_path: Path) -> None:
    import transformers

    convert(trained, tmp_path / "hf", to="hf")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    model = transformers.AutoModel.from_pretrained(tmp_path / "hf").eval()
    texts = ["the cat ran", "a dog in a park on a mat"]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        first = model(**inputs).last_hidden_state[:, 0]
    torch.testing.assert_close(zoo.load(trained).encode(texts, pool="cls"), first, atol=5e-6, rtol=0)
    assert tokenizer.mask_token == "[MASK]" and tokenizer.model_max_length == 64


def test_the_command_lists_tensors_and_writes_a_card(trained: Path, tmp_path: Path, run: Run) -> None:
    status, said, _ = run("convert", trained, tmp_path / "hf", "--tensors")
    assert status == 0 and "embedding.tokens.weight -> bert.embeddings.word_embeddings.weight F32 [" in said
    card = (tmp_path / "hf" / "README.md").read_text()
    assert "| hidden_width | 32 |" in card and "| encoder + pooler |" in card and "describe the text" in card
    status, _, told = run("convert", trained, tmp_path / "hf")
    assert status == 2 and "exists; give a new name" in told
    _, said, _ = run("convert", trained, tmp_path / "hf", "--replace", "--json")
    assert json.loads(said)[0]["dtype"] == "F32"


def test_a_folder_stands_wherever_a_variant_does(trained: Path, run: Run) -> None:
    record = json.loads(run("show", trained, "--json")[1])
    assert record["name"] == "folder:bert-tiny" and record["dims"]["hidden_width"] == 32  # the catalog has a bert-tiny
    assert json.loads(run("show", f"{trained}+head.pooling=first", "--json")[1])["head"]["pooling"] == "first"
    status, _, told = run("show", trained.parent / "nothing")
    assert status == 2 and "there is no folder" in told


def test_a_folder_whose_path_holds_a_plus_is_found(trained: Path, tmp_path: Path) -> None:
    odd = tmp_path / "bert-tiny+encoder=x"
    trained.rename(odd)
    catalog = zoo.Catalog.installed()
    assert catalog.folder(f"{odd}+dims.dropout=0.2") == odd
    assert catalog.variant(f"{odd}+dims.dropout=0.2").dims.dropout == 0.2


def test_a_comparison_starts_from_the_folders_weights_and_trains_none(trained: Path, tmp_path: Path) -> None:
    catalog = zoo.Catalog.installed()
    variant = with_budget(catalog.variant(str(trained)), None, 2)
    task = next(task.name for task in catalog.tasks.values() if task.suite == "microworld")
    plan = make_plan(catalog, [variant], [task], n_seeds=1, folders={variant.name: trained})
    folder = tmp_path / "run"
    pretrained, finetuned = plan.jobs[0], next(job for job in plan.jobs if job.kind == "finetune")
    result = run_job(catalog, plan, pretrained, folder, lambda done, total: None)
    assert isinstance(result, ModelResult) and result.tokens == 0 and str(trained) in result.corpus
    first, taken = zoo.load(trained).state_dict(), zoo.load(folder / result.checkpoint).state_dict()
    assert all(torch.equal(first[name], taken[name]) for name in first)
    assert run_job(catalog, plan, finetuned, folder, lambda done, total: None).kind == "task"


@pytest.mark.parametrize(("exchange", "fits"), [("dims.dropout=0.3", True), ("dims.n_layers=2", False)])
def test_what_weights_do_not_depend_on_may_be_exchanged(
    exchange: str, fits: bool, trained: Path, tmp_path: Path
) -> None:
    catalog = zoo.Catalog.installed()
    variant = catalog.variant(f"{trained}+{exchange}")
    task = next(task.name for task in catalog.tasks.values() if task.suite == "microworld")
    plan = make_plan(catalog, [variant], [task], n_seeds=1, folders={variant.name: trained})
    folder = tmp_path / "run"
    if fits:
        run_job(catalog, plan, plan.jobs[0], folder, lambda done, total: None)
        found = next((folder / "checkpoints").iterdir())
        assert zoo.load(found).variant.dims.dropout == 0.3
    else:
        with pytest.raises(ZooError, match="does not fit the weights in"):
            run_job(catalog, plan, plan.jobs[0], folder, lambda done, total: None)


def test_weights_that_changed_since_the_plan_are_refused(trained: Path, tmp_path: Path) -> None:
    catalog = zoo.Catalog.installed()
    variant = catalog.variant(str(trained))
    task = next(task.name for task in catalog.tasks.values() if task.suite == "microworld")
    plan = make_plan(catalog, [variant], [task], n_seeds=1, folders={variant.name: trained})
    model = zoo.load(trained)
    with torch.no_grad():
        model.embedding.tokens.weight += 1
    zoo.save(model, trained, to="zoo", replace=True)
    with pytest.raises(ZooError, match="is not what was planned"):
        run_job(catalog, plan, plan.jobs[0], tmp_path / "run", lambda done, total: None)


def test_weights_without_a_tokenizer_cannot_be_compared(trained: Path) -> None:
    (trained / "tokenizer.json").unlink()
    catalog = zoo.Catalog.installed()
    variant = catalog.variant(str(trained))
    with pytest.raises(ZooError, match="holds no tokenizer"):
        make_plan(catalog, [variant], ["sst2"], folders={variant.name: trained})


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder laid out as the hub's cache, holding one repository at one commit, with the hub itself out of reach."""
    constants = pytest.importorskip("huggingface_hub.constants")
    place = tmp_path / "cache" / "models--owner--name"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    convert(trained, place / "snapshots" / COMMIT, to="hf")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.fetch.cache_clear()
    yield place / "snapshots" / COMMIT
    hub.fetch.cache_clear()


@pytest.mark.parametrize("name", ["hub:owner/name", "hub:owner/name@main", f"hub:owner/name@{COMMIT}"])
def test_a_name_on_the_hub_means_the_folder_of_a_commit(name: str, cache: Path, trained: Path) -> None:
    assert hub.folder_named(name) == cache
    model = zoo.load(name)
    first, found = zoo.load(trained).state_dict(), model.state_dict()
    assert all(torch.equal(first[name], found[name]) for name in first)
    assert model.origin and model.origin.folder == f"hub:owner/name@{COMMIT}"


@pytest.mark.slow
def test_a_name_on_the_hub_stands_wherever_a_folder_does(
    cache: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commit = f"hub:owner/name@{COMMIT}"
    shown = json.loads(run("show", "hub:owner/name+dims.dropout=0.3", "--json")[1])
    assert shown["name"] == f"owner-name-{COMMIT}+dims.dropout=0.3" and shown["dims"]["dropout"] == 0.3
    assert json.loads(run("audit", "hub:owner/name", "--json")[1])[0]["name"] == commit
    Path("texts.txt").write_text("the cat\n")
    assert run("encode", "hub:owner/name", "--text", "texts.txt", "--out", "vectors.safetensors")[0] == 0
    with safe_open("vectors.safetensors", framework="pt") as file:
        assert file.metadata().items() >= {"model": commit, "pool": "mean", "precision": "fp32"}.items()
    assert run("fill", "hub:owner/name", "the [MASK]")[0] == 0
    assert run("convert", "hub:owner/name", "converted")[0] == 0
    assert commit in Path("converted/README.md").read_text()
    task = next(task.name for task in zoo.Catalog.installed().tasks.values() if task.suite == "microworld")
    small = ("--tasks", task, "--finetune-steps", 1, "--seeds", 1, "--workers", 0, "--out", "run")
    assert run("compare", "hub:owner/name", *small)[0] == 0
    results = [json.loads(path.read_text()) for path in Path("run/jobs").glob("take_over-*.json")]
    assert results[0]["corpus"] == f"none here: the weights of {cache}"  # the commit is part of it


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hub:owner/name/more@main", "is not a name on the hub"),
        ("hub:", "is not a name on the hub"),
        ("hub:owner/other@main", "cannot download hub:owner/other@main"),
        ("hub:owner/name@v2", "cannot download hub:owner/name@v2"),
    ],
)
@pytest.mark.parametrize("command", ["show", "audit", "compare"])
def test_a_name_that_means_nothing_is_refused(command: str, name: str, message: str, cache: Path, run: Run) -> None:
    status, _, told = run(command, name)
    assert status == 2 and message in told and told.count("\n") == 1


def test_without_the_extra_the_way_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ZooError, match=r"pip install 'encoder-zoo\[hub\]'"):
        hub.fetch("hub:owner/name@main")


def test_no_code_and_no_pickle_is_ever_fetched() -> None:
    assert not [pattern for pattern in hub.FILES if not pattern.endswith((".json", ".safetensors", ".txt", ".model"))]
