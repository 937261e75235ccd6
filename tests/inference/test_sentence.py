"""Folders of sentence encoders: what they ask for, beside the reference library's own tokens, pooled by hand."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

import zoo
from zoo.core.batch import Layout
from zoo.core.errors import ZooError
from zoo.pooling.functions import pooled
from zoo.weights.sentence import POOLINGS

Make = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]

TEXTS = ["the capital of france is paris.", "a b ac", "Paris is the capital of the capital of France", "", "a"]
LIBRARY = "sentence_transformers.models."


def put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def ask(folder: Path, pooling: dict[str, Any], *more: str, inside: str = "", **reading: object) -> Path:
    """Put the settings of a sentence encoder into a folder: its pooling, further steps, and how texts are read."""
    kinds = {"0_Transformer": "Transformer", "1_Pooling": "Pooling"} | {
        f"{n}_{kind}": kind for n, kind in enumerate(more, 2)
    }
    paths = {place: inside if kind == "Transformer" else place for place, kind in kinds.items()}
    put(
        folder / "modules.json",
        [
            {"idx": n, "name": str(n), "path": paths[place], "type": LIBRARY + kinds[place]}
            for n, place in enumerate(kinds)
        ],
    )
    put(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 15, **pooling})
    put(folder / inside / "sentence_bert_config.json", {"max_seq_length": None, "do_lower_case": False, **reading})
    return folder


def by_hand(hidden: Tensor, name: str, n_prompt: int) -> Tensor:
    """One vector of one text's tokens [S, H], the prompt's left out; the formulas as the library's pages give them."""
    text = hidden[n_prompt:]
    places = torch.arange(1, len(hidden) + 1)[n_prompt:, None]
    return {
        "cls": text[0],
        "max": text.max(dim=0).values,
        "mean": text.sum(dim=0) / len(text),
        "mean_sqrt_len_tokens": text.sum(dim=0) / len(text) ** 0.5,
        "weightedmean": (text * places).sum(dim=0) / places.sum(),
        "lasttoken": hidden[-1],
    }[name]


def expected(
    folder: Path, texts: Sequence[str], names: Sequence[str], *, length: int = 24, prompt: str = "", pools: bool = True
) -> Tensor:
    """Vectors by the reference library, text by text, so that there is no padding."""
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    model = transformers.BertModel.from_pretrained(folder).eval()
    n_prompt = 0 if pools or not prompt else len(tokenizer(prompt)["input_ids"]) - 1
    made = []
    for text in texts:
        read = tokenizer(prompt + text, truncation=True, max_length=length, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**read).last_hidden_state[0]
        made.append(torch.cat([by_hand(hidden, name, n_prompt) for name in names]))
    return torch.stack(made)


SWITCHES = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", POOLINGS)
def test_a_folder_is_pooled_as_it_says_in_the_older_words_and_the_newer(name: str, make: Make) -> None:
    folder = make("BertModel")
    wanted = expected(folder, TEXTS, [name])
    older = {switch: key == name for key, switch in SWITCHES.items()}
    for pooling in (older, {"pooling_mode": name}):
        close(zoo.load(ask(folder, pooling)).encode(TEXTS), wanted)
    plain = zoo.load(ask(folder, {"pooling_mode": "mean" if name != "mean" else "cls"}))
    close(plain.encode(TEXTS, pool=name), wanted)


def test_several_poolings_stand_side_by_side(make: Make) -> None:
    folder = make("BertModel")
    switches = {SWITCHES["mean"]: True, SWITCHES["cls"]: True}
    close(zoo.load(ask(folder, switches)).encode(TEXTS), expected(folder, TEXTS, ["cls", "mean"]))
    newer = {"pooling_mode": ["weightedmean", "cls", "max"]}
    wanted = expected(folder, TEXTS, newer["pooling_mode"])
    close(zoo.load(ask(folder, newer)).encode(TEXTS), wanted)
    assert wanted.shape == (5, 45)


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("pools", [True, False])
def test_a_prompt_stands_before_each_text_and_is_pooled_only_if_the_folder_says_so(
    name: str, pools: bool, make: Make
) -> None:
    folder = ask(make("BertModel"), {"pooling_mode": name, "include_prompt": pools})
    prompts = {"query": "the capital of ", "passage": "a "}
    put(folder / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": "query"})
    model = zoo.load(folder)
    close(model.encode(TEXTS), expected(folder, TEXTS, [name], prompt="the capital of ", pools=pools))
    close(model.encode(TEXTS, prompt_name="passage"), expected(folder, TEXTS, [name], prompt="a ", pools=pools))
    close(model.encode(TEXTS, prompt="b "), expected(folder, TEXTS, [name], prompt="b ", pools=pools))
    close(model.encode(TEXTS, prompt=""), expected(folder, TEXTS, [name]))
    with pytest.raises(ZooError, match=r"'qery' is not a prompt .*did you mean 'query'"):
        model.encode(TEXTS, prompt_name="qery")
    if not pools:
        with pytest.raises(ZooError, match="leaves no room for text within 5 tokens"):
            model.encode(TEXTS, max_length=5)


@pytest.mark.parametrize("name", POOLINGS)
def test_a_sequence_that_is_shorter_than_the_prompt_alone_keeps_its_last_token(name: str) -> None:
    hidden, layout = torch.randn(7, 4), Layout((2, 2, 3))
    for row, length, place in zip(pooled(hidden, layout, [name], 5), layout.lengths, layout.starts, strict=True):
        close(row, by_hand(hidden[place : place + length], name, length - 1))


def test_length_case_and_scale_are_the_folders_unless_said_otherwise(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    folder = ask(make("BertModel"), {"pooling_mode": "cls"}, "Normalize", max_seq_length=6, do_lower_case=True)
    wanted = torch.nn.functional.normalize(expected(folder, TEXTS, ["cls"], length=6), dim=1)
    put(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": False})
    model = zoo.load(folder)
    close(model.encode(TEXTS), wanted)
    with caplog.at_level(logging.WARNING, logger="zoo"):
        caplog.clear()
        assert not torch.allclose(model.encode(TEXTS, normalize=False).norm(dim=1), torch.ones(5))
        assert [record.getMessage() for record in caplog.records] == ["2 of 5 items were cut to 6 tokens"]
    mean = torch.nn.functional.normalize(expected(folder, TEXTS, ["mean"]), dim=1)
    close(model.encode(TEXTS, pool="mean", max_length=24), mean)


def test_the_length_is_the_tokenizers_where_the_encoder_says_none(make: Make) -> None:
    folder = ask(make("BertModel"), {"pooling_mode": "mean"})
    put(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "model_max_length": 7})
    close(zoo.load(folder).encode(TEXTS), expected(folder, TEXTS, ["mean"], length=7))
    put(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "model_max_length": 10**30})
    close(zoo.load(folder).encode(["a " * 50]), expected(folder, ["a " * 50], ["mean"]))


@pytest.mark.parametrize(("activation", "function"), [("activation.Tanh", torch.tanh), ("linear.Identity", None)])
def test_dense_layers_are_applied_in_their_place(activation: str, function: Any, make: Make) -> None:
    folder = ask(make("BertModel"), {"pooling_mode": ["cls", "mean"]}, "Dense", "Dropout", "Normalize")
    torch.manual_seed(0)
    weight, bias = torch.randn(7, 30), torch.randn(7)
    put(folder / "2_Dense" / "config.json", {"activation_function": f"torch.nn.modules.{activation}"})
    save_file({"linear.weight": weight, "linear.bias": bias}, folder / "2_Dense" / "model.safetensors")
    made = expected(folder, TEXTS, ["cls", "mean"]) @ weight.T + bias
    made = function(made) if function else made
    model = zoo.load(folder)
    close(model.encode(TEXTS, normalize=False), made)
    close(model.encode(TEXTS), torch.nn.functional.normalize(made, dim=1))
    assert model.encode([]).shape == (0, 7)
    assert model.encode(TEXTS, pool="cls").shape == (5, 15)


def test_the_encoder_may_lie_in_a_folder_inside(make: Make, tmp_path: Path, zoo_command: Run) -> None:
    plain = make("BertModel")
    folder = ask(tmp_path / "whole", {"pooling_mode": "max"}, "Normalize", inside="0_Transformer", max_seq_length=5)
    for file in plain.iterdir():
        file.rename(folder / "0_Transformer" / file.name)
    wanted = expected(folder / "0_Transformer", TEXTS, ["max"], length=5)
    wanted = torch.nn.functional.normalize(wanted, dim=1)
    close(zoo.load(folder).encode(TEXTS), wanted)
    assert zoo.Catalog.installed().variant(str(folder)).dims.hidden_width == 15
    assert zoo_command("convert", folder, tmp_path / "copy")[0] == 0
    close(zoo.load(tmp_path / "copy").encode(TEXTS), wanted)
    modules = json.loads((tmp_path / "copy" / "modules.json").read_text())
    assert [module["path"] for module in modules] == ["", "1_Pooling", "2_Normalize"]


def test_the_command_follows_the_folder_says_so_once_and_heeds_its_options(
    make: Make, tmp_path: Path, zoo_command: Run
) -> None:
    folder = ask(make("BertModel"), {"pooling_mode": "cls"}, "Normalize", max_seq_length=6)
    put(folder / "config_sentence_transformers.json", {"prompts": {"query": "a "}, "default_prompt_name": "query"})
    text, out = tmp_path / "t.txt", tmp_path / "v.safetensors"
    text.write_text("\n".join(TEXTS) + "\n")
    status, said, told = zoo_command("encode", folder, "--text", text, "--out", out)
    wanted = torch.nn.functional.normalize(expected(folder, TEXTS, ["cls"], length=6, prompt="a "), dim=1)
    close(load_file(out)["vectors"], wanted)
    assert (status, said) == (0, f"5 vectors: {out}\n")
    assert told.splitlines() == [
        f"as {folder / 'modules.json'} says: pooling cls, at most 6 tokens, the prompt 'a ', vectors of length 1",
        "3 of 5 items were cut to 6 tokens",
        told.splitlines()[-1],
    ]
    assert told.splitlines()[-1].startswith("cpu (")
    options = ["--pool", "mean,max", "--max-length", "24", "--no-normalize", "--prompt", ""]
    assert zoo_command("encode", folder, "--text", text, "--out", out, *options)[2].startswith("cpu (")
    close(load_file(out)["vectors"], expected(folder, TEXTS, ["mean", "max"]))
    status, _, told = zoo_command("encode", folder, "--text", text, "--out", out, "--pool", "maen")
    assert status == 2 and "'maen' is not a pooling; did you mean 'mean'" in told


def module(kind: str, path: str = "2_More") -> list[dict[str, object]]:
    return [
        {"type": f"{LIBRARY}Transformer", "path": ""},
        {"type": f"{LIBRARY}Pooling", "path": "1_Pooling"},
        {"type": kind, "path": path},
    ]


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (module(f"{LIBRARY}LSTM"), "asks for 'LSTM' as step 3, which the zoo does not do; name a pooling"),
        (module("custom_code.Normalize"), "asks for 'custom_code.Normalize' as step 3"),
        (module(f"{LIBRARY}BoW")[2:], "asks for 'BoW' as step 1"),
        (module(f"{LIBRARY}Dense", "../2_Dense"), "its path '../2_Dense' leads out of the folder"),
        (module(f"{LIBRARY}Dense", "/2_Dense"), "its path '/2_Dense' leads out of the folder"),
        ([{"type": 3}], "module 0 should have a type and a path"),
        ({"a": 1}, "should hold a JSON array, not a dict"),
    ],
)
def test_what_the_zoo_does_not_do_is_said_when_vectors_are_asked_for(modules: object, message: str, make: Make) -> None:
    folder = ask(make("BertModel"), {"pooling_mode": "cls"})
    put(folder / "modules.json", modules)
    model = zoo.load(folder)
    with pytest.raises(ZooError, match=message):
        model.encode(TEXTS)


def test_a_step_without_its_settings_is_refused(make: Make) -> None:
    folder = ask(make("BertModel"), {"pooling_mode": "cls"})
    (folder / "1_Pooling" / "config.json").unlink()
    with pytest.raises(ZooError, match=r"1_Pooling/config\.json: No such file, but modules\.json needs it"):
        zoo.load(folder).encode("a")


def test_with_a_pooling_of_ones_own_unknown_steps_are_left_out(make: Make) -> None:
    folder = ask(make("BertModel"), {"pooling_mode": "cls"}, "LSTM")
    close(zoo.load(folder).encode(TEXTS, pool="mean"), expected(folder, TEXTS, ["mean"]))


@pytest.mark.parametrize(
    ("pooling", "message"),
    [
        ({"pooling_mode": "men"}, "'men' is not a pooling"),
        ({"pooling_mode": [3]}, "'3' is not a pooling"),
        ({"pooling_mode": {}}, "is neither a name nor a list of names"),
        ({"pooling_mode": []}, "is neither a name nor a list of names"),
    ],
)
def test_a_pooling_that_makes_no_sense_is_refused(pooling: dict[str, Any], message: str, make: Make) -> None:
    with pytest.raises(ZooError, match=message):
        zoo.load(ask(make("BertModel"), pooling)).encode(TEXTS)


@pytest.mark.parametrize(
    ("config", "tensors", "message"),
    [
        ({"activation_function": "os.system"}, {"linear.weight": (3, 15)}, "no dense layer with 'os.system'"),
        ({"use_residual": True}, {"linear.weight": (15, 15)}, "no dense layer with .*residuals"),
        ({}, {"linear.weight": (3, 14)}, "should hold a linear layer of 15 inputs"),
        ({}, {"linear.weight": (3, 15), "linear.bias": (2,)}, "should hold a linear layer of 15 inputs"),
        ({}, {"linear.weight": (3, 15), "more": (2,)}, "should hold a linear layer of 15 inputs"),
        ({}, {"linear.bias": (3,)}, "should hold a linear layer of 15 inputs"),
    ],
)
def test_a_dense_layer_that_cannot_be_applied_is_refused(
    config: dict[str, object], tensors: dict[str, tuple[int, ...]], message: str, make: Make
) -> None:
    folder = ask(make("BertModel"), {"pooling_mode": "cls"}, "Dense")
    put(folder / "2_Dense" / "config.json", config)
    save_file({name: torch.ones(shape) for name, shape in tensors.items()}, folder / "2_Dense" / "model.safetensors")
    with pytest.raises(ZooError, match=message):
        zoo.load(folder).encode(TEXTS)


@pytest.mark.filterwarnings("ignore")
def test_vectors_are_those_of_the_library_that_the_folder_is_for(make: Make) -> None:
    library = pytest.importorskip("sentence_transformers", reason="compares with the sentence-transformers library")
    folder = ask(make("BertModel"), {"pooling_mode": ["mean", "weightedmean"], "include_prompt": False}, "Normalize")
    put(folder / "sentence_bert_config.json", {"max_seq_length": 9, "do_lower_case": True})
    put(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": False})
    put(folder / "config_sentence_transformers.json", {"prompts": {"q": "the a "}, "default_prompt_name": "q"})
    theirs = library.SentenceTransformer(str(folder), device="cpu").encode(TEXTS, show_progress_bar=False)
    close(zoo.load(folder).encode(TEXTS), torch.tensor(theirs))
