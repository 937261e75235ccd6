"""Families of the transformers library through the plugin for them: how far hidden states are from AutoModel's.

python -m benchmarks.library_models
python -m benchmarks.library_models --families llama mpnet

Models are tiny, with random weights. The zoo reads ragged texts in one batch, the library each text by itself, so that
padding that leaks counts as a difference; a difference is given in parts of the largest hidden state. Of decoders the
logits of the next token are compared, too, in parts of the largest.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

import zoo
import zoo_transformers
from zoo.core.batch import Encoding
from zoo.text.collate import collate
from zoo_transformers.library import is_causal

FAMILIES = re.findall(
    r"\S+",
    """albert bert big_bird bloom camembert cohere convbert ctrl data2vec-text deberta deberta-v2 distilbert
    electra ernie eurobert falcon flaubert funnel gemma gemma2 gemma3_text gpt2 gpt_bigcode gpt_neo gpt_neox
    gptj granite helium layoutlm llama mamba megatron-bert mistral mobilebert modernbert modernbert-decoder
    mpnet mpt mra nemotron nystromformer olmo olmo2 openai-gpt opt persimmon phi phi3 qwen2 qwen3 rembert
    roberta roberta-prelayernorm roformer rwkv smollm3 splinter squeezebert starcoder2 xglm xlm xlm-roberta
    xlm-roberta-xl xlnet yoso""",
)

SIZES = {
    "vocab_size": 97, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3, "block_sizes": [1, 1], "head_dim": 12,
    "d_head": 12, "rotary_dim": 4, "num_key_value_heads": 2, "attention_types": [[["global"], 2]],
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "dim", "emb_dim", "embedding_size"), 24),
    "word_embed_proj_dim": 24,
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 2),
    **dict.fromkeys(("intermediate_size", "d_inner", "ffn_dim", "hidden_dim"), 44),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), 40),
}  # fmt: skip
"""Small sizes by all the names that families have for them."""

LENGTHS = (7, 3, 11, 3)
CATALOG = zoo.Catalog.of(zoo_transformers)


def random_model(kind: str, of: Any = AutoModel) -> transformers.PreTrainedModel:
    """A tiny model, or another class `of` its family, every weight drawn anew, norms around one."""
    known = AutoConfig.for_model(kind)
    names = {*vars(known), *getattr(known, "attribute_map", {})}
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **{name: size for name, size in SIZES.items() if name in names})
    config.architectures = ["FunnelModel"] if kind == "funnel" else None  # it has two
    model: transformers.PreTrainedModel = of.from_config(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0, 0.15)
    return model


def difference(kind: str) -> tuple[float, str]:
    """The largest difference as a share of the largest value, and the token that a text is read from."""
    theirs, rng = random_model(kind), np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = zoo.load(folder, catalog=CATALOG)
    texts = [rng.integers(5, 90, length).astype(np.int32) for length in LENGTHS]
    batch = collate([Encoding(ids, np.zeros_like(ids), np.zeros(len(ids), dtype=bool)) for ids in texts], {})
    with torch.no_grad():
        found = torch.split(ours.hidden(batch), list(batch.layout.lengths))
        alone = [torch.from_numpy(texts[place]).long()[None] for place in batch.order]
        wanted: list[Tensor] = [theirs(ids).last_hidden_state[0] for ids in alone]
    worst = max((one - other).abs().max().item() for one, other in zip(found, wanted, strict=True))
    return worst / max(each.abs().max().item() for each in wanted), ours.variant.head.pooling


def difference_of_logits(kind: str) -> float | None:
    """The same of what a decoder predicts for one text; None for families whose output layer the zoo does not read."""
    if not is_causal(AutoConfig.for_model(kind)):
        return None
    theirs = random_model(kind, AutoModelForCausalLM)
    with TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = zoo.load(folder, catalog=CATALOG)
    if "transformers.ltr" not in ours.objective_names:
        return None
    ids = np.random.default_rng(0).integers(5, 90, 9).astype(np.int32)
    batch = collate([Encoding(ids, np.zeros_like(ids), np.zeros(len(ids), dtype=bool))], {})
    with torch.no_grad():
        objective: Any = ours.objective("transformers.ltr")
        found = objective.wide_logits(ours.hidden(batch), ours.embedding.tokens.weight)
        wanted = theirs(torch.from_numpy(ids).long()[None]).logits[0]
    return float((found - wanted).abs().max() / wanted.abs().max())


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row per family, and the worst of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=FAMILIES)
    families = parser.parse_args(arguments).families
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    worst, logits = 0.0, {}
    for kind in families:
        share, pooling = difference(kind)
        worst = max(worst, share)
        logits[kind] = difference_of_logits(kind)
        said = "" if logits[kind] is None else f", logits {logits[kind]:.1e}"
        print(f"{kind:<22} {share:.1e}  {pooling} token{said}", flush=True)
    read = [share for share in logits.values() if share is not None]
    print(f"{len(families)} families, at most {worst:.1e}; logits of {len(read)}, at most {max(read, default=0.0):.1e}")


if __name__ == "__main__":
    main()
