"""Folders as they are found: complete, sharded, old, half right and wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import zoo
from zoo.core.errors import ZooError

Save = Callable[..., Path]


def edited(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> Path:
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def configured(folder: Path, **changes: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


def same(a: zoo.Model, b: zoo.Model) -> bool:
    left, right = a.state_dict(), b.state_dict()
    return set(left) == set(right) and all(torch.equal(left[name], right[name]) for name in left)


def test_shards_are_one_checkpoint(save: Save) -> None:
    whole = zoo.load(save())
    parts = save("BertForMaskedLM", shard="5KB")
    (parts / "model.safetensors").unlink(missing_ok=True)
    assert len(list(parts.glob("model-*.safetensors"))) > 2
    assert same(zoo.load(parts), whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda index: index.update({"x.weight": next(iter(index.values()))}), "not where the index says: x.weight"),
        (lambda index: index.pop(next(iter(index))), "not where the index says: "),
        (lambda index: index.update(dict.fromkeys(index, "../../etc/passwd")), "is not the name of a safetensors file"),
        (lambda index: index.update(dict.fromkeys(index, "none.safetensors")), "none.safetensors: No such file"),
        (lambda index: index.update(dict.fromkeys(index, 3)), "'weight_map' should map each tensor to its file"),
    ],
)
def test_an_index_that_is_wrong_is_refused(change: Callable[[Any], object], message: str, save: Save) -> None:
    folder = save("BertForMaskedLM", shard="5KB")
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    change(index["weight_map"])
    path.write_text(json.dumps(index))
    with pytest.raises(ZooError, match=message):
        zoo.load(folder)


def test_old_names_prefixes_and_copies_load_the_same(save: Save) -> None:
    expected = zoo.load(save())

    def age(tensors: dict[str, Tensor]) -> None:
        for name in [name for name in tensors if "LayerNorm" in name]:
            old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
            tensors[old] = tensors.pop(name)
        for name in [name for name in tensors if name.startswith("bert.encoder")]:
            tensors[name.removeprefix("bert.")] = tensors.pop(name)
        tensors["bert.embeddings.position_ids"] = torch.arange(17)[None]
        tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()

    assert same(zoo.load(edited(save(), age)), expected)


def test_a_table_stored_as_the_output_layers_alone_is_found(save: Save) -> None:
    expected = zoo.load(save())

    def move(tensors: dict[str, Tensor]) -> None:
        tensors["cls.predictions.decoder.weight"] = tensors.pop("bert.embeddings.word_embeddings.weight")
        tensors["cls.predictions.decoder.bias"] = tensors.pop("cls.predictions.bias")

    assert same(zoo.load(edited(save(), move)), expected)


def test_an_output_layer_with_other_values_is_untied_whatever_the_config_says(save: Save) -> None:
    def part(tensors: dict[str, Tensor]) -> None:
        tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"] + 1

    model = zoo.load(edited(save(), part))
    assert model.variant.objectives[0].options["tied"] is False
    assert "objectives.bert/mlm.decoder.weight" in model.state_dict()


def test_what_a_released_file_holds_beside_its_class_is_kept(save: Save, tmp_path: Path) -> None:
    """As bert-base-uncased, a BertForMaskedLM with pooler and next-sentence head, and roberta-base, with a pooler."""
    folder = configured(save("BertForPreTraining"), architectures=["BertForMaskedLM"])
    assert zoo.load(folder).objective_names == ("bert.mlm", "bert.nsp")
    folder = edited(save("RobertaForMaskedLM", type_vocab_size=1, pad_token_id=1), lambda tensors: tensors.update(
        {"roberta.pooler.dense.weight": torch.ones(15, 15), "roberta.pooler.dense.bias": torch.ones(15)}
    ))  # fmt: skip
    model = zoo.load(folder)
    assert model.objective_names == ("bert.mlm", "pool")
    zoo.save(model, tmp_path / "again")
    assert set(load_file(tmp_path / "again" / "model.safetensors")) == set(load_file(folder / "model.safetensors"))


def test_every_offending_tensor_is_told_at_once_with_the_nearest_name(save: Save) -> None:
    def spoil(tensors: dict[str, Tensor]) -> None:
        tensors["bert.encoder.layer.0.attention.self.quary.weight"] = tensors.pop(
            "bert.encoder.layer.0.attention.self.query.weight"
        )
        del tensors["cls.predictions.transform.dense.bias"]
        tensors["bert.embeddings.LayerNorm.bias"] = torch.zeros(3)
        tensors["bert.encoder.layer.1.output.dense.bias"] = torch.zeros(15, dtype=torch.int64)
        tensors["bert.embeddings.stray"] = torch.zeros(2)

    with pytest.raises(ZooError) as caught:
        zoo.load(edited(save(), spoil))
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "missing: encoder.layer.0.attention.self.query.weight (is it encoder.layer.0.attention.self.quary.weight?)",
        "cls.predictions.transform.dense.bias",
        "embeddings.stray",
        "encoder.layer.0.attention.self.quary.weight (is it encoder.layer.0.attention.self.query.weight?)",
        "bert.embeddings.LayerNorm.bias has the shape [3], not [15]",
        "bert.encoder.layer.1.output.dense.bias holds I64, not floats",
    ):
        assert part in message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_that_are_no_numbers_are_refused(value: float, dtype: torch.dtype, save: Save) -> None:
    def spoil(tensors: dict[str, Tensor]) -> None:
        name = "bert.encoder.layer.1.output.dense.bias"
        tensors[name] = tensors[name].to(dtype)
        tensors[name][7] = value

    with pytest.raises(ZooError, match=r"'bert.encoder.layer.1.output.dense.bias' holds NaN or infinite values"):
        zoo.load(edited(save(), spoil))


def test_a_weight_that_is_there_twice_is_refused(save: Save) -> None:
    folder = edited(save(), lambda t: t.update({"encoder.layer.0.output.dense.bias": torch.zeros(15)}))
    with pytest.raises(ZooError, match="are the same weight; remove one"):
        zoo.load(folder)


def test_pickles_are_refused_with_a_way_to_convert_them_that_works(save: Save) -> None:
    folder = save()
    expected = zoo.load(folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ZooError, match=r"only as pytorch_model\.bin, a pickle") as caught:
        zoo.load(folder)
    code = str(caught.value).split('python -c "')[1].removesuffix('"')
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert same(zoo.load(folder), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "brat"}, r"'brat' is not a model_type .*did you mean 'bert'"),
        ({"model_type": None}, "names no model_type"),
        ({"model_type": ["bert"]}, "names no model_type"),
        ({"vocab_size": 10**12}, "vocab_size cannot be used: .*less than or equal to 16777216"),
        ({"vocab_size": True}, "vocab_size cannot be used"),
        ({"vocab_size": "37"}, "vocab_size cannot be used"),
        ({"hidden_size": -15}, "hidden_size"),
        ({"hidden_act": "sigmoid"}, "hidden_act cannot be used"),
        ({"hidden_act": {"a": 1}}, "hidden_act"),
        ({"layer_norm_eps": 0}, "layer_norm_eps cannot be used"),
        ({"hidden_dropout_prob": 1.5}, "hidden_dropout_prob cannot be used"),
        ({"num_attention_heads": 4}, "n_heads=4 does not divide"),
        ({"num_hidden_layers": 3}, "missing: encoder.layer.2"),
        ({"vocab_size": 41}, r"has the shape \[37, 15\], not \[41, 15\]"),
        ({"is_decoder": True}, "is_decoder is True; the zoo supports only false"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"architectures": "BertModel"}, "should name a class"),
        ({"architectures": [3]}, "should name a class"),
        ({"tie_word_embeddings": None}, "tie_word_embeddings should be true or false"),
    ],
)  # fmt: skip
def test_a_config_that_the_zoo_cannot_follow_is_refused(changes: dict[str, Any], message: str, save: Save) -> None:
    with pytest.raises(ZooError, match=message) as caught:
        zoo.load(configured(save(), **changes))
    assert ("\n" not in str(caught.value) and "config.json" in str(caught.value)) or "model.safetensors" not in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"problem_type": "ranking"}, "problem_type 'ranking' is not one of single_label_classification, multi"),
        ({"problem_type": "regression"}, "a regression of 3 values"),
        ({"id2label": {"0": "a", "2": "b"}}, "id2label should give each of the ids from 0 a name"),
        ({"id2label": ["a"]}, "id2label should give"),
        ({"id2label": {"0": "a", "1": "b"}}, r"classifier.weight has the shape \[3, 15\], not \[2, 15\]"),
        ({"id2label": None, "num_labels": 10**9}, "num_labels is 1000000000"),
        ({"classifier_dropout": 2}, "dropout"),
    ],
)
def test_a_head_that_the_zoo_has_not_is_refused(changes: dict[str, Any], message: str, save: Save) -> None:
    with pytest.raises(ZooError, match=message):
        zoo.load(configured(save("BertForSequenceClassification", num_labels=3), **changes))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"vocab_size": ' + b"9" * 5_000 + b"}", "not valid JSON"),
        (b'{"vocab_size": NaN}', "NaN is no JSON number"),
        (b'{"vocab_size": 1, "vocab_size": 2}', "'vocab_size' is given twice"),
        (b'{"model_type": "\\ud800"}', "half of a surrogate pair"),
        (b"3", "should hold a JSON object"),
    ],
)
def test_a_config_that_is_no_config_is_refused(content: bytes, message: str, save: Save) -> None:
    folder = save()
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ZooError, match=message):
        zoo.load(folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"holds no model: neither variant\.json nor config\.json"):
        zoo.load(tmp_path)
    with pytest.raises(ZooError, match="there is no folder"):
        zoo.load(tmp_path / "none")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ZooError, match=r"holds no model.safetensors"):
        zoo.load(tmp_path)


def test_a_tokenizer_of_another_model_is_refused(save: Save) -> None:
    folder = save()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"piece{n}" for n in range(33))]
    (folder / "vocab.txt").write_text("\n".join(pieces))
    with pytest.raises(ZooError, match="the tokenizer has 38 ids and the model 37; they are not of the same model"):
        zoo.load(folder)


def test_unknown_keys_and_metadata_are_carried_over(save: Save, tmp_path: Path) -> None:
    folder = configured(
        save("BertForSequenceClassification", num_labels=3), my_key={"a": [1]}, auto_map={"AutoModel": "x.Y"}
    )
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt", "trained_by": "me"})
    zoo.save(zoo.load(folder), tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["my_key"] == {"a": [1]} and "auto_map" not in config
    assert zoo.load(tmp_path / "out").origin.metadata["trained_by"] == "me"  # type: ignore[union-attr]


def test_a_folder_that_is_there_is_not_replaced_unless_asked(save: Save, tmp_path: Path) -> None:
    model = zoo.load(save())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(ZooError, match="exists; give a new name"):
        zoo.save(model, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").exists()
    zoo.save(model, tmp_path / "new")
    zoo.save(model, tmp_path / "new", replace=True)


def test_what_the_format_has_no_words_for_is_refused_and_kept_in_the_zoos_own(tmp_path: Path) -> None:
    catalog = zoo.Catalog.installed()
    model = catalog.build(catalog.variant("bert-tiny+encoder=albert.shared"))
    with pytest.raises(ZooError, match="cannot be expressed in the Hugging Face format of"):
        zoo.save(model, tmp_path / "hf")
    assert not (tmp_path / "hf").exists()
    zoo.save(model, tmp_path / "zoo", to="zoo")
    again = zoo.load(tmp_path / "zoo")
    assert same(again, model) and again.variant == model.variant


def test_a_head_of_the_zoos_own_has_no_words_either(tmp_path: Path) -> None:
    from zoo.core.specs import HeadConfig, PoolingConfig
    from zoo.tasks.kinds import make_head

    catalog = zoo.Catalog.installed()
    model = catalog.build(catalog.variant("bert-tiny"))
    use = HeadConfig(
        kind="classification", labels=("no", "yes"), pair=True, pooling=PoolingConfig(pooling="mean", pair="compare")
    )
    tuned = model.with_head("rte", make_head(model.variant.dims, use))
    with pytest.raises(ZooError, match="cannot be expressed"):
        zoo.save(tuned, tmp_path / "hf")
    zoo.save(tuned, tmp_path / "zoo", to="zoo")
    again = zoo.load(tmp_path / "zoo")
    assert again.objective("task").config == use  # type: ignore[union-attr]
    assert torch.equal(
        again.state_dict()["objectives.task.output.weight"], tuned.state_dict()["objectives.rte.output.weight"]
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory as Linux tells it")
def test_loading_makes_no_second_copy_of_the_weights(save: Save, tmp_path: Path) -> None:
    small = save()  # loaded first, so that what torch itself takes up once is not counted
    catalog = zoo.Catalog.installed()
    model = catalog.build(catalog.variant("bert-mini-uncased+dims.vocab_size=100000"))
    zoo.save(model, tmp_path / "big")
    weights = (tmp_path / "big" / "model.safetensors").stat().st_size
    code = f"""
import zoo, zoo.checkpoints.reading
from zoo.registry.catalog import Catalog
def held():
    return int(open("/proc/self/status").read().split("RssAnon:")[1].split()[0]) * 1024
catalog = Catalog.installed()
zoo.load({str(small)!r}, catalog=catalog)
before = held()
model = zoo.load({str(tmp_path / "big")!r}, catalog=catalog)
print(held() - before)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert weights > 100_000_000 and int(out.stdout) < 0.1 * weights


def test_changing_a_loaded_model_leaves_the_file_alone(save: Save) -> None:
    folder = save()
    before = (folder / "model.safetensors").read_bytes()
    model = zoo.load(folder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert (folder / "model.safetensors").read_bytes() == before


def test_a_folder_of_mixed_types_is_read_as_float32(save: Save) -> None:
    def mix(tensors: dict[str, Tensor]) -> None:
        tensors["cls.predictions.bias"] = tensors["cls.predictions.bias"].half()

    assert {parameter.dtype for parameter in zoo.load(edited(save(), mix)).parameters()} == {torch.float32}
