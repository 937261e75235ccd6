"""Plugins are found, guarded and merged."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from string import Template
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from torch import nn

import zoo.registry.plugins
from zoo import Catalog, Offers, Variant, ZooError, hookimpl, part
from zoo.tasks.kinds.classification import Classification

TINY = Catalog.installed().variants["bert-tiny"]


def plugin(name: str, answer: Any = None, **offers: Any) -> ModuleType:
    """A plugin module that offers this, or whose hook returns this answer, or raises it."""
    module = ModuleType(f"zoo_{name}")

    def zoo_offers() -> Any:
        return _give(answer) or Offers(api_version=1, **offers)

    module.zoo_offers = hookimpl(zoo_offers)  # type: ignore[attr-defined]
    return module


def hooks(name: str, *names: str) -> ModuleType:
    """A plugin module with hooks of these names."""
    module = ModuleType(f"zoo_{name}")
    for hook in names:
        setattr(module, hook, hookimpl(lambda: {}))
    return module


def _give(answer: Any) -> Any:
    if isinstance(answer, BaseException):
        raise answer
    return answer


def renamed(name: str) -> Variant:
    return TINY.swap(name, paper="none")


class FakeEntry:
    """An installed distribution's entry point."""

    def __init__(self, name: str, distribution: str, content: Any) -> None:
        self.name = name
        self.dist = SimpleNamespace(metadata={"Name": distribution, "Version": "1.0"})
        self._content = content

    def load(self) -> Any:
        return _give(self._content)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install stranger's plugins beside the real ones, for one test."""
    real = list(zoo.registry.plugins.entry_points(group="zoo"))

    def install(*entries: FakeEntry) -> Catalog:
        found: list[EntryPoint | FakeEntry] = [*real, *entries]
        monkeypatch.setattr(zoo.registry.plugins, "entry_points", lambda group: found)
        return Catalog.installed()

    return install


def test_the_installed_plugins_register_what_their_papers_add() -> None:
    catalog = Catalog.installed()
    assert not [plugin.failures for plugin in catalog.plugins if plugin.failures]
    assert {"albert.shared", "bert.stack"} <= set(catalog.parts["encoder"])
    assert list(catalog.variants) == sorted(catalog.variants)


@pytest.mark.parametrize(
    ("content", "phase", "reason"),
    [
        (RuntimeError("boom"), "import", "RuntimeError: boom"),
        (SystemExit(3), "import", "SystemExit: 3"),
        (hooks("acme", "zoo_ofers"), "hooks", "'zoo_ofers' is no hook; did you mean 'zoo_offers'?"),
        (hooks("acme", "unlike"), "hooks", "'unlike' is no hook; the only one is 'zoo_offers'"),
        (hooks("acme"), "hooks", "it has no hook; add a function zoo_offers"),
        (hooks("acme", "zoo_encoders", "zoo_grids"), "hooks", "an older zoo: zoo_encoders, zoo_grids is no hook any"),
        (plugin("acme", ValueError("no")), "zoo_offers", "ValueError: no"),
        (plugin("acme", ["acme.x"]), "zoo_offers", "should return a zoo.Offers record; got ['acme.x']"),
        (plugin("acme", encodrs={}), "zoo_offers", "'encodrs' is not a field of Offers; did you mean 'encoders'?"),
        (plugin("acme", encoders=["acme.x"]), "zoo_offers", "encoders: it should be a dict of name to class"),
        (plugin("acme", encoders={"acme.x": 3}), "zoo_offers", "encoders: it should be a dict of name to class"),
        (plugin("acme", encoders={"acme.x": "acme.X"}), "zoo_offers", "'acme.X' should be written 'module:Name'"),
        (plugin("acme", encoders={"bert.stack": nn.Linear}), "names", "should be called 'acme.<part>'"),
        (plugin("acme", variants=["acme-tiny"]), "variants", "list of Variant records"),
        (plugin("acme", variants="acme_gone:ALL"), "variants", "No module named 'acme_gone'"),
        (plugin("acme", variants=[renamed("bert-nano")]), "names", "belongs to the plugin 'bert'"),
        (plugin("acme", variants=[renamed("distilroberta-base")]), "names", "distilroberta-base"),
        (plugin("acme", variants=[renamed("a-b"), renamed("a-b")]), "variants", "offers 'a-b' twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_plugin_is_told_with_its_origin_and_harms_no_other(
    install: Any, content: Any, phase: str, reason: str
) -> None:
    catalog = install(FakeEntry("acme", "acme-dist", content))
    failed = {p.name: p.failures for p in catalog.plugins if p.failures}
    harmed = "roberta" if "distilroberta" in reason else "acme"
    assert set(failed) == {harmed}
    assert set(failed[harmed]) == {phase}
    assert reason in failed[harmed][phase]
    assert catalog.variants["bert-tiny"] == TINY
    with pytest.raises(ZooError, match=phase):
        Catalog.installed(strict=True)


def test_two_distributions_with_one_plugin_name_are_both_refused(install: Any) -> None:
    content = plugin("acme", variants=[renamed("acme-tiny")])
    catalog = install(FakeEntry("acme", "one", content), FakeEntry("acme", "two", content))
    assert [p.failures for p in catalog.plugins if p.name == "acme"] == [
        {"name": "one and two all claim the plugin name 'acme'; keep one"}
    ] * 2
    assert "acme-tiny" not in catalog.variants


@pytest.mark.parametrize(
    ("made_for", "advice"),
    [
        (99, "offers version 1; upgrade encoder-zoo, or install an older acme-dist"),
        (0, "offers version 1; upgrade acme-dist, or install an older encoder-zoo"),
    ],
)
def test_a_plugin_made_for_another_version_of_the_api_is_refused_with_what_to_do(
    install: Any, made_for: int, advice: str
) -> None:
    offers = Offers(api_version=made_for, **{"what_version_99_has": {}})  # type: ignore[arg-type]
    catalog = install(FakeEntry("acme", "acme-dist", plugin("acme", offers)))
    [failures] = [plugin.failures for plugin in catalog.plugins if plugin.failures]
    assert failures["api version"].startswith(f"it was made for version {made_for} of the plugin API, and encoder-zoo ")
    assert failures["api version"].endswith(advice)


def test_what_fails_of_a_plugin_is_left_out_and_reported_once_and_the_rest_of_it_stays(install: Any) -> None:
    reported: list[tuple[str, str]] = []
    install(FakeEntry("acme", "acme-dist", plugin("acme", encoders={"acme.x": nn.Linear}, variants="acme_gone:ALL")))
    catalog = Catalog.installed(on_failure=lambda plugin, phase, reason: reported.append((plugin.name, phase)))
    assert "acme.x" in catalog.parts["encoder"]
    assert not reported
    for _ in range(2):
        assert "bert-tiny" in catalog.variants
    assert reported == [("acme", "variants")]


def test_tables_of_records_are_imported_when_they_are_asked_for() -> None:
    code = (
        "import sys; from zoo import Catalog; catalog = Catalog.installed(); catalog.parts, catalog.tasks\n"
        "assert 'zoo_bert.variants' not in sys.modules\n"
        "assert 'bert-tiny' in catalog.variants and 'zoo_bert.variants' in sys.modules\n"
        "assert 'zoo_bert.ablations' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_offered_by_name_is_looked_up_by_name_and_imported_then() -> None:
    offers = Offers(
        api_version=1,
        task_kinds={"ranking": "zoo.tasks.kinds.classification:Classification"},
        report_formats={"text": "string:Template"},
        executors={"cluster": "acme_gone:Cluster"},
    )
    catalog = Catalog.of(acme=offers)
    assert catalog.task_kind("ranking") is Classification
    assert catalog.report_format("text") is Template
    with pytest.raises(
        ZooError, match=r"executor 'cluster' is offered as 'acme_gone:Cluster', which fails to import: "
    ):
        catalog.executor("cluster")
    with pytest.raises(ZooError, match=r"'rankin' is not a task kind; did you mean 'ranking'"):
        catalog.task_kind("rankin")


def test_a_keyboard_interrupt_is_not_swallowed(install: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        install(FakeEntry("acme", "acme-dist", KeyboardInterrupt()))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("bert-tiny+dims.n_heads=3", "dims.n_heads=3 does not divide dims.hidden_width=128"),
        (
            "bert-tiny+dims.embedding_width=64",
            r"variant 'bert-tiny\+dims.embedding_width=64': embedding 'bert.absolute': it needs dims.embedding_width",
        ),
        ("bert-tiny+encoder.share=all", "'share' is not an option .*encoder 'bert.stack'"),
        ("albert-tiny+encoder.share=some", "option 'share' of encoder 'albert.shared': input should be 'all'"),
        ("albert-tiny+encoder.n_groups=3", "n_groups=3 should be between 1 and dims.n_layers=2"),
        (
            "albert-tiny+encoder.n_groups=one",
            "option 'n_groups' of encoder 'albert.shared': input should be a valid integer",
        ),
        ("bert-tiny+packing=roberta.full_sentences", "objective 'bert.nsp' needs pairs"),
        ("bert-tiny+finetuning.max_length=512", "finetuning.max_length=512 is more than dims.max_length=128"),
        ("bert-tiny+pretraining.batch_tokens=16", "batch_tokens=16 is less than one sequence, pre"),
        ("bert-tiny+pretraining.sequence_length=512", "pretraining.sequence_length=512 is more than"),
        ("bert-tiny+tokenizer=bert.wordpece", "'bert.wordpece' is not a tokenizer; did you mean 'bert.wordpiece'"),
        ("bert-tiny+masking=bert.statik", "'bert.statik' is not a masking; did you mean 'bert.static'"),
        ("bert-tiny+tokenizer.lowercased=true", "'lowercased' is not an option .*did you mean 'lowercase'"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_any_training(expression: str, message: str) -> None:
    catalog = Catalog.installed()
    with pytest.raises(ZooError, match=message) as caught:
        catalog.check(catalog.variant(expression))
    assert "\n" not in str(caught.value)


def test_without_any_variant_it_is_said_how_to_get_some() -> None:
    with pytest.raises(
        ZooError, match=r"'bert-tiny' is not a variant\. No installed plugin offers any; pip install encoder-zoo-bert"
    ):
        Catalog.of().variant("bert-tiny")


def test_a_factory_that_makes_something_else_is_named() -> None:
    class NotAnEncoder(nn.Module):
        def __init__(self, dims: object) -> None:
            super().__init__()

    import zoo_bert

    catalog = Catalog.of(zoo_bert, plugin("acme", encoders={"acme.odd": NotAnEncoder}))
    with pytest.raises(ZooError, match=r"encoder 'acme.odd' is a NotAnEncoder, not a zoo.Encoder"):
        catalog.build(catalog.variant("bert-tiny+encoder=acme.odd"))


def test_a_part_whose_module_fails_to_import_is_named() -> None:
    import zoo_bert

    catalog = Catalog.of(zoo_bert, plugin("acme", encoders={"acme.gone": "acme_gone:Encoder"}))
    with pytest.raises(ZooError, match=r"encoder 'acme.gone' is offered as 'acme_gone:Encoder', which fails to import"):
        catalog.build(TINY.swap("x", encoder=part("acme.gone")))
