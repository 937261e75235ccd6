"""Plugins are found, guarded and merged."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from torch import nn

import zoo.registry.plugins
from zoo import Catalog, Variant, ZooError, hookimpl, use

TINY = Catalog.installed().variants["bert-tiny"]


def plugin(name: str, **answers: Any) -> ModuleType:
    """A plugin module whose hooks return these answers, or raise them."""
    module = ModuleType(f"zoo_{name}")
    for hook, answer in answers.items():
        setattr(module, hook, _hook(answer))
    return module


def _hook(answer: Any) -> Any:
    def call() -> Any:
        return _give(answer)

    return hookimpl(call)


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
        self.dist = SimpleNamespace(name=distribution, version="1.0")
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
    assert not [plugin.failure for plugin in catalog.plugins if plugin.failure]
    assert set(catalog.parts["encoder"]) == {"albert.shared", "bert.stack"}
    assert list(catalog.variants) == sorted(catalog.variants)


@pytest.mark.parametrize(
    ("content", "phase", "reason"),
    [
        (RuntimeError("boom"), "import", "RuntimeError: boom"),
        (SystemExit(3), "import", "SystemExit: 3"),
        (plugin("acme", zoo_encodrs={}), "hooks", "zoo_encodrs"),
        (plugin("acme", zoo_encoders=ValueError("no")), "zoo_encoders", "ValueError: no"),
        (plugin("acme", zoo_encoders=["acme.x"]), "zoo_encoders", "dict of name to class"),
        (plugin("acme", zoo_encoders={"acme.x": 3}), "zoo_encoders", "dict of name to class"),
        (plugin("acme", zoo_variants=["acme-tiny"]), "zoo_variants", "list of Variant records"),
        (plugin("acme", zoo_encoders={"bert.stack": nn.Linear}), "names", "should be called 'acme.<part>'"),
        (plugin("acme", zoo_variants=[renamed("bert-nano")]), "names", "belongs to the plugin 'bert'"),
        (plugin("acme", zoo_variants=[renamed("distilroberta-base")]), "names", "distilroberta-base"),
        (plugin("acme", zoo_variants=[renamed("a-b"), renamed("a-b")]), "zoo_variants", "offers 'a-b' twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_plugin_is_told_with_its_origin_and_harms_no_other(
    install: Any, content: Any, phase: str, reason: str
) -> None:
    catalog = install(FakeEntry("acme", "acme-dist", content))
    failed = {p.name: p for p in catalog.plugins if p.failure}
    harmed = "roberta" if "distilroberta" in reason else "acme"
    assert set(failed) == {harmed}
    assert failed[harmed].phase == phase
    assert reason in str(failed[harmed].failure)
    assert catalog.variants["bert-tiny"] == TINY
    with pytest.raises(ZooError, match=phase):
        Catalog.installed(strict=True)


def test_two_distributions_with_one_plugin_name_are_both_refused(install: Any) -> None:
    content = plugin("acme", zoo_variants=[renamed("acme-tiny")])
    catalog = install(FakeEntry("acme", "one", content), FakeEntry("acme", "two", content))
    assert [p.failure for p in catalog.plugins if p.name == "acme"] == [
        "one and two all claim the plugin name 'acme'; keep one"
    ] * 2
    assert "acme-tiny" not in catalog.variants


def test_a_keyboard_interrupt_is_not_swallowed(install: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        install(FakeEntry("acme", "acme-dist", KeyboardInterrupt()))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("bert-tiny+dims.n_heads=3", "dims.n_heads=3 does not divide dims.hidden_width=128"),
        ("bert-tiny+dims.embedding_width=64", "embedding 'bert.absolute': it needs dims.embedding_width=64 equal"),
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


def test_a_factory_that_makes_something_else_is_named() -> None:
    class NotAnEncoder(nn.Module):
        def __init__(self, dims: object) -> None:
            super().__init__()

    import zoo_bert

    catalog = Catalog.of(zoo_bert, plugin("acme", zoo_encoders={"acme.odd": NotAnEncoder}))
    with pytest.raises(ZooError, match=r"encoder 'acme.odd' is a NotAnEncoder, not a zoo.Encoder"):
        catalog.build(catalog.variant("bert-tiny+encoder=acme.odd"))


def test_a_part_whose_module_fails_to_import_is_named() -> None:
    import zoo_bert

    catalog = Catalog.of(zoo_bert, plugin("acme", zoo_encoders={"acme.gone": "acme_gone:Encoder"}))
    with pytest.raises(ZooError, match=r"encoder 'acme.gone' is offered as 'acme_gone:Encoder', which fails to import"):
        catalog.build(TINY.swap("x", encoder=use("acme.gone")))
