from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import zoo_bert
from tests.auditing.conftest import FAMILIES
from zoo import Catalog
from zoo.auditing import audit as session
from zoo.auditing.audit import Audit
from zoo.auditing.checkpoint import read_checkpoint
from zoo.auditing.closed_form import closed_form

CATALOG, BERT_ALONE = Catalog.installed(), Catalog.of(zoo_bert)
FOREIGN = ("deberta",)

Shapes = Mapping[str, tuple[int, ...]]


def write(path: Path, shapes: Shapes, integers: Shapes | None = None) -> None:
    """A safetensors file of these tensors, whose values take no room on the disk."""
    header, at = {}, 0
    for name, shape, dtype, size in [
        *((name, shape, "F32", 4) for name, shape in shapes.items()),
        *((name, shape, "I64", 8) for name, shape in (integers or {}).items()),
    ]:
        stop = at + size * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, stop]}
        at = stop
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + at)


def reference(model_type: str, head: str, constants: Mapping[str, Any]) -> nn.Module:
    """A model of the transformers library without memory, its tied weights once."""
    config = transformers.AutoConfig.for_model(model_type, **constants)
    architecture = getattr(transformers, f"{type(config).__name__.removesuffix('Config')}{head}")
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        model: nn.Module = architecture(config)
    return model


def save(folder: Path, model: Any) -> Shapes:
    """The folder that `save_pretrained` would write; the shapes of its tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    config = {**json.loads(model.config.to_json_string(use_diff=False)), "architectures": [type(model).__name__]}
    (folder / "config.json").write_text(json.dumps(config))
    write(folder / "model.safetensors", shapes)
    return shapes


def printed(name: str) -> list[str]:
    """The figures that are printed of a variant, or of the first one of the same sizes."""
    sizes = CATALOG.variant(name).dims.model_dump(exclude={"activation", "dropout", "attention_dropout", "norm_eps"})
    same = [v for v in CATALOG.variants.values() if sizes.items() <= v.dims.model_dump().items()]
    first = next(v.name for v in same if v.embedding == CATALOG.variant(name).embedding)
    return [published.figure for published in CATALOG.published_counts.values() if published.variant == first]


def audit(path: Path, catalog: Catalog = CATALOG) -> Audit:
    return session.audited(catalog, str(path), session.Settings())


@pytest.fixture
def albert(tmp_path: Path) -> tuple[Path, Shapes]:
    """A tiny ALBERT with all its heads."""
    folder = tmp_path / "albert"
    sizes = {"vocab_size": 101, "embedding_size": 8, "hidden_size": 12, "intermediate_size": 20}
    layers = {"num_hidden_layers": 3, "num_attention_heads": 2, "max_position_embeddings": 30}
    return folder, save(folder, reference("albert", "ForPreTraining", sizes | layers))


def test_every_released_checkpoint_counts_as_the_reference_library_does(ours: dict[str, Any], tmp_path: Path) -> None:
    for name, fact in ours.items():
        bare, full = tmp_path / name / "bare", tmp_path / name / "full"
        save(bare, reference(fact["family"], "Model", fact["constants"]))
        save(full, reference(fact["family"], FAMILIES[fact["family"]], fact["constants"]))
        found = {path: audit(path) for path in (bare, full)}
        assert all(audit.error is None and audit.agrees for audit in found.values()), name
        counts = [audit.sources.checkpoint for audit in found.values()]
        assert counts[0] and counts[0].encoder_pooler == fact["counts"].get("encoder_pooler"), name
        assert counts[1] and (counts[1].encoder, counts[1].mlm, counts[1].pretraining) == (
            fact["counts"]["encoder"],
            fact["counts"]["mlm"],
            fact["counts"]["pretraining"],
        ), name
        assert counts[0].mlm is None and counts[0].pretraining is None
        assert [count.figure for count in found[full].sources.published] == printed(name), name
        assert fact["counts"].items() <= found[full].counts.model_dump().items()


def test_electras_discriminators_and_generators_count_as_in_the_reference_library(
    facts: dict[str, Any], tmp_path: Path
) -> None:
    models = {name: fact for name, fact in facts["models"].items() if fact["family"] == "electra"}
    assert len(models) == 6
    for name, fact in models.items():
        head, own = ("ForPreTraining", "rtd") if name.endswith("discriminator") else ("ForMaskedLM", "mlm")
        save(tmp_path / name, reference("electra", head, fact["constants"]))
        found = audit(tmp_path / name)
        assert found.error is None and found.agrees and found.sources.checkpoint, found.disagreements
        assert (found.counts.encoder, found.counts.pretraining) == (fact["counts"]["encoder"], fact["counts"][own])
        assert found.sources.checkpoint.pretraining == fact["counts"][own]
        if own == "rtd":
            together = fact["counts"]["joint_gen_plus_disc_shared_embeddings"]
            assert closed_form(CATALOG, CATALOG.variant(name)).counts.pretraining == together


@pytest.mark.parametrize("family", FOREIGN)
def test_a_family_without_a_plugin_is_counted_and_told(facts: dict[str, Any], tmp_path: Path, family: str) -> None:
    models = {name: fact for name, fact in facts["models"].items() if fact["family"] == family}
    assert models
    for name, fact in models.items():
        save(tmp_path / name, reference(family, "ForMaskedLM", fact["constants"]))
        found = audit(tmp_path / name, BERT_ALONE)
        assert found.error == f"no plugin installed for model type '{family}': counted from its header alone"
        assert (found.counts.encoder, found.counts.mlm) == (fact["counts"]["encoder"], fact["counts"]["mlm"]), name
        if "rtd" in fact["counts"]:
            save(tmp_path / name, reference(family, "ForPreTraining", fact["constants"]))
            assert audit(tmp_path / name, BERT_ALONE).counts.pretraining == fact["counts"]["rtd"], name


def test_what_is_stored_beyond_the_parameters_has_its_cause(albert: tuple[Path, Shapes]) -> None:
    folder, shapes = albert
    twice = {"predictions.decoder.weight": (101, 8), "predictions.decoder.bias": (101,)}
    extra = {"somebody.else.weight": (3, 5)}
    write(folder / "model.safetensors", {**shapes, **twice, **extra}, {"albert.embeddings.position_ids": (1, 30)})
    found = audit(folder)
    assert found.agrees and found.file
    assert found.file.stored_twice == {"predictions.decoder.weight": 808, "predictions.decoder.bias": 101}
    assert found.file.buffers == {"albert.embeddings.position_ids": 30}
    assert found.file.unknown == {"somebody.else.weight": 15}
    assert found.file.values == (found.counts.pretraining or 0) + 808 + 101 + 30 + 15
    assert [note.split(": ")[0].split(" are ")[1] for note in found.notes] == [
        "stored twice, tied to the token table or its bias",
        "buffers of integers",
        "not known to the plugin",
    ]


@pytest.mark.parametrize("prefix", ["", "albert."])
def test_old_names_and_missing_prefixes_count_alike(albert: tuple[Path, Shapes], prefix: str) -> None:
    folder, shapes = albert
    expected = audit(folder).sources.checkpoint
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    renamed = {}
    for name, shape in shapes.items():
        for new, former in old.items():
            name = name.replace(new, former)
        renamed[prefix + name.removeprefix("albert.") if name.startswith("albert.") else name] = shape
    write(folder / "model.safetensors", renamed)
    assert audit(folder).sources.checkpoint == expected


def test_shards_count_as_one_file_does(albert: tuple[Path, Shapes]) -> None:
    folder, shapes = albert
    expected = audit(folder).sources.checkpoint
    (folder / "model.safetensors").unlink()
    shards = {"model-00001-of-00002.safetensors": {}, "model-00002-of-00002.safetensors": {}}  # type: dict[str, Any]
    for index, (name, shape) in enumerate(shapes.items()):
        list(shards.values())[index % 2][name] = shape
    for file, tensors in shards.items():
        write(folder / file, tensors)
    index = {name: file for file, tensors in shards.items() for name in tensors}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert audit(folder).sources.checkpoint == expected


def test_a_padded_vocabulary_is_found_by_the_program(albert: tuple[Path, Shapes]) -> None:
    folder, shapes = albert
    padded = {name: (104, *shape[1:]) if shape[0] == 101 else shape for name, shape in shapes.items()}
    write(folder / "model.safetensors", padded)
    found = audit(folder)
    assert not found.agrees
    assert {(d.source, d.definition, d.found - d.expected) for d in found.disagreements} == {
        ("checkpoint", "encoder", 3 * 8),
        ("checkpoint", "encoder_pooler", 3 * 8),
        ("checkpoint", "mlm", 3 * 9),
        ("checkpoint", "pretraining", 3 * 9),
    }
    assert {d.causes for d in found.disagreements} == {("vocabulary padded to a multiple of 8, 104",)}


def test_tables_of_the_hidden_width_are_found_by_the_program(albert: tuple[Path, Shapes]) -> None:
    folder, shapes = albert
    wide = ("position_embeddings", "token_type_embeddings", "embeddings.LayerNorm")
    write(
        folder / "model.safetensors",
        {name: (*shape[:-1], 12) if any(word in name for word in wide) else shape for name, shape in shapes.items()},
    )
    assert {d.causes for d in audit(folder).disagreements} == {("position and segment tables at width H",)}


def test_robertas_without_the_segment_row_are_found_by_the_program(tmp_path: Path) -> None:
    constants = {"vocab_size": 101, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3}
    sizes = {"intermediate_size": 20, "max_position_embeddings": 32, "type_vocab_size": 1}
    shapes = dict(save(tmp_path, reference("roberta", "ForMaskedLM", constants | sizes)))
    assert audit(tmp_path).agrees
    shapes.pop("roberta.embeddings.token_type_embeddings.weight")
    write(tmp_path / "model.safetensors", shapes)
    assert {d.causes for d in audit(tmp_path).disagreements} == {("without the one segment row",)}


def test_a_file_alone_is_counted_without_a_plan(albert: tuple[Path, Shapes], tmp_path: Path) -> None:
    expected = audit(albert[0]).sources.checkpoint
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((albert[0] / "model.safetensors").read_bytes())
    found = audit(alone)
    assert found.error is None and expected
    assert found.counts.encoder == expected.encoder
    assert found.notes[0] == "no config.json beside it: counted from its header alone"
    beside = audit(albert[0] / "model.safetensors")
    assert beside.sources.checkpoint == expected


def test_a_folder_of_the_zoo_itself_agrees(tmp_path: Path) -> None:
    variant = CATALOG.variant("albert-tiny+objectives.albert.sop.pair=joint")
    shapes = {name: tuple(tensor.shape) for name, tensor in CATALOG.build(variant).state_dict().items()}
    (tmp_path / "variant.json").write_text(variant.model_dump_json())
    write(tmp_path / "model.safetensors", shapes)
    found = audit(tmp_path)
    assert found.agrees and found.sources.checkpoint == found.counts
    assert found.counts.pretraining == 271_506


def test_a_header_of_a_thousand_tensors_takes_a_tenth_of_a_second(tmp_path: Path) -> None:
    constants = {"num_hidden_layers": 62, "hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 20}
    shapes = save(tmp_path, reference("bert", "ForPreTraining", constants))
    assert len(shapes) >= 1_000
    times = []
    for _ in range(3):
        began = time.process_time()
        read_checkpoint(CATALOG, tmp_path)
        times.append(time.process_time() - began)
    assert min(times) < 0.1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "too few for a safetensors file"),
        (b"\xff" * 40, "announces a header"),
        (b"PK\x03\x04" + b"\0" * 40, "a zip archive"),
        ((10).to_bytes(8, "little") + b'{"a": 1}  ', "should be described"),
        ((2).to_bytes(8, "little") + b"{}" + b"\0" * 9, "after its last tensor"),
    ],
)
def test_a_broken_header_is_one_line(albert: tuple[Path, Shapes], content: bytes, message: str) -> None:
    (albert[0] / "model.safetensors").write_bytes(content)
    found = audit(albert[0])
    assert found.error and message in found.error and "\n" not in found.error


def test_absurd_sizes_are_refused_before_anything_is_made(albert: tuple[Path, Shapes]) -> None:
    path = albert[0] / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "vocab_size": 10**12}))
    assert "vocab_size" in (audit(albert[0]).error or "")


def test_a_folder_without_weights_and_a_path_that_is_not_there_are_told(tmp_path: Path) -> None:
    assert "holds no model.safetensors" in (audit(tmp_path).error or "")
    assert "there is no file or folder" in (audit(tmp_path / "missing").error or "")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    assert "pytorch_model.bin" in (audit(tmp_path).error or "")
