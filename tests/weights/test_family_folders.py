"""What folders of DistilBERT, ELECTRA, GPT and GPT-2 can be wrong in, and what of a model a folder leaves out."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import zoo
from tests.parity.families import FAMILIES, called
from zoo import Catalog, ZooError
from zoo.testing import DIMS
from zoo.testing.material import ragged_batch

CATALOG = Catalog.installed()
SIZES = {
    "hidden_size": 15, "num_hidden_layers": 2, "num_attention_heads": 5, "intermediate_size": 22, "vocab_size": 37,
    "max_position_embeddings": 17,
}  # fmt: skip
LANGUAGE_MODELS = {family: FAMILIES[family].language_model for family in ("DistilBert", "Electra", "OpenAIGPT", "GPT2")}


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """A folder of a family's language model, with its config changed afterwards."""

    def make(family: str, **changes: Any) -> Path:
        torch.manual_seed(0)
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        more = {"embedding_size": 11} if family == "Electra" else {}
        config = getattr(transformers, f"{family}Config")(**called(family, SIZES), **more)
        getattr(transformers, family + LANGUAGE_MODELS[family])(config).save_pretrained(tmp_path / family)
        transformers.logging.set_verbosity_warning()
        path = tmp_path / family / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return tmp_path / family

    return make


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("DistilBert", {"dim": 20}, "the weights are not those of"),
        ("DistilBert", {"n_heads": 4}, "n_heads=4 does not divide"),
        ("DistilBert", {"hidden_dim": "22"}, "hidden_dim cannot be used"),
        ("DistilBert", {"activation": "mish"}, "activation cannot be used"),
        ("DistilBert", {"n_layers": 3}, "missing: transformer.layer.2"),
        ("Electra", {"embedding_size": 12}, r"has the shape \[37, 11\], not \[37, 12\]"),
        ("Electra", {"embedding_size": 15}, "not known: embeddings_project"),
        ("Electra", {"is_decoder": True}, "is_decoder is True; the zoo supports only false"),
        ("Electra", {"summary_type": "last"}, "summary_type is 'last'; the zoo supports only \"first\""),
        ("OpenAIGPT", {"n_positions": 4}, "n_positions, .* cannot be used"),
        ("OpenAIGPT", {"n_embd": [15]}, "n_embd"),
        ("OpenAIGPT", {"afn": "gelu2"}, "afn cannot be used"),
        ("GPT2", {"n_inner": 23}, r"h.0.mlp.c_fc.weight has the shape \[15, 22\], not \[15, 23\]"),
        ("GPT2", {"n_inner": "wide"}, "n_inner"),
        ("GPT2", {"n_embd": 10}, "the weights are not those of"),
        (
            "GPT2",
            {"scale_attn_by_inverse_layer_idx": True},
            "scale_attn_by_inverse_layer_idx is True; the zoo supports",
        ),
        ("GPT2", {"n_layer": 1}, "not known: h.1."),
    ],
)
def test_a_config_that_does_not_fit_is_refused_in_one_line(
    family: str, changes: dict[str, Any], message: str, made: Callable[..., Path]
) -> None:
    folder = made(family, **changes)
    with pytest.raises(ZooError, match=message) as caught:
        zoo.load(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


@pytest.mark.parametrize("family", ["OpenAIGPT", "GPT2"])
def test_buffers_of_old_files_hold_nothing_and_cut_matrices_are_named(family: str, made: Callable[..., Path]) -> None:
    file = made(family) / "model.safetensors"
    tensors = load_file(file)
    buffers = {
        "transformer.h.0.attn.bias": torch.ones(1, 1, 17, 17),
        "transformer.h.1.attn.masked_bias": torch.ones(()),
    }
    save_file(tensors | buffers, file)
    loaded = zoo.load(file.parent)
    assert loaded.objective_names == ("gpt.lm",) and loaded.causal
    query = loaded.state_dict()["encoder.layers.1.attention.attention.query.weight"]
    assert torch.equal(query, tensors["transformer.h.1.attn.c_attn.weight"][:, :15].T)
    save_file(tensors | {"transformer.h.1.attn.c_attn.weight": torch.ones(15, 44)}, file)
    with pytest.raises(ZooError, match=r"h.1.attn.c_attn.weight has the shape \[15, 44\], not \[15, 45\]"):
        zoo.load(file.parent)


def test_a_folder_of_a_whole_electra_holds_its_discriminator_and_says_what_it_leaves_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    variant = CATALOG.variant("electra-tiny")
    model = CATALOG.build(variant.swap("small", dims=DIMS)).eval()
    with caplog.at_level(logging.WARNING):
        zoo.save(model, tmp_path / "hf")
    assert "left out, as the format has no place for it: electra.generator" in caplog.text
    again = zoo.load(tmp_path / "hf")
    assert again.objective_names == ("electra.rtd",)
    theirs, report = transformers.ElectraForPreTraining.from_pretrained(tmp_path / "hf", output_loading_info=True)
    assert not any(report.values()), report
    batch = ragged_batch(DIMS.vocab_size, {})
    ids, known = batch.layout.pad(batch.ids)
    segments = batch.layout.pad(batch.segments)[0]
    expected = theirs.eval()(input_ids=ids, token_type_ids=segments, attention_mask=known.long()).logits
    torch.testing.assert_close(again(batch)["electra.rtd"].logits, expected[known], atol=5e-6, rtol=0)
    zoo.save(model, tmp_path / "own", to="zoo")
    assert zoo.load(tmp_path / "own").objective_names == ("electra.generator", "electra.rtd")
