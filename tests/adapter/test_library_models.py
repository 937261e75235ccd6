"""Any folder that AutoModel can load gives the same in the zoo: hidden states, and losses of fine-tuning."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

import zoo
import zoo_transformers
from tests.adapter.conftest import FAMILIES, TEXTS, MakeFolder
from zoo import Catalog, Dims, ZooError
from zoo.core.batch import Batch, Encoding
from zoo.core.specs import Finetuning, HeadConfig, PoolingConfig
from zoo.heads import LABEL
from zoo.tasks.kinds import make_head
from zoo.testing import Check, conformance
from zoo.text.collate import collate
from zoo.train.loop import train
from zoo.train.optimizers import make_optimizer
from zoo.train.schedule import learning_rate
from zoo.train.step import StepConfig

CATALOG = Catalog.of(zoo_transformers)
LENGTHS = (7, 3, 11, 3)


def sequences(n: int = 1) -> list[list[Tensor]]:
    """Batches of ragged sequences of ids. n x [B] of [S]"""
    rng = np.random.default_rng(0)
    return [[torch.from_numpy(rng.integers(5, 290, length)) for length in LENGTHS] for _ in range(n)]


def packed(texts: list[Tensor], labels: list[int] | None = None, second: bool = False) -> Batch:
    encodings = []
    for ids in texts:
        segments = (np.arange(len(ids)) >= len(ids) // 2).astype(np.int32) * int(second)
        encodings.append(Encoding(ids.numpy().astype(np.int32), segments, np.zeros(len(ids), dtype=bool)))
    return collate(encodings, {LABEL: labels} if labels else {})


@pytest.mark.parametrize("check", conformance(CATALOG, "transformers"), ids=str)
def test_conforms(check: Check) -> None:
    check()


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_states_are_the_librarys_for_each_text_alone_and_in_a_batch(
    family: str, make_folder: MakeFolder
) -> None:
    folder = make_folder(family)
    ours, theirs = zoo.load(folder, catalog=CATALOG), transformers.AutoModel.from_pretrained(folder).eval()
    (texts,) = sequences()
    batch = packed(texts)
    with torch.no_grad():
        layers = ours.hidden_states(batch)[1:] if family != "Funnel" else []
        together = torch.split(ours.hidden(batch), list(batch.layout.lengths))
        for place, states in zip(batch.order, together, strict=True):
            wanted = theirs(input_ids=texts[place][None], output_hidden_states=True)
            torch.testing.assert_close(states, wanted.last_hidden_state[0], atol=1e-5, rtol=0)
            start = sum(batch.layout.lengths[: batch.order.index(place)])
            for ours_, theirs_ in zip(layers, wanted.hidden_states[1:], strict=False):
                torch.testing.assert_close(ours_[start : start + len(texts[place])], theirs_[0], atol=1e-5, rtol=0)
    assert not layers or len(layers) == ours.variant.dims.n_layers


def test_two_texts_are_told_apart_where_the_model_has_types(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=300, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=44
    )
    theirs = transformers.BertModel(config).eval()
    theirs.save_pretrained(tmp_path)
    ours, (texts,) = zoo.load(tmp_path, catalog=CATALOG), sequences()
    batch = packed(texts, second=True)
    with torch.no_grad():
        for place, states in zip(batch.order, torch.split(ours.hidden(batch), list(batch.layout.lengths)), strict=True):
            types = (torch.arange(len(texts[place])) >= len(texts[place]) // 2).long()
            wanted = theirs(input_ids=texts[place][None], token_type_ids=types[None]).last_hidden_state[0]
            torch.testing.assert_close(states, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["GPTNeo", "Llama", "Qwen2", "MPNet", "Funnel"])
def test_losses_of_fine_tuning_are_those_of_a_plain_loop(family: str, make_folder: MakeFolder) -> None:
    folder, n_steps = make_folder(family), 6
    recipe = Finetuning(learning_rate=1e-3, weight_decay=0.01, warmup=0.3, steps=n_steps)
    pretrained = zoo.load(folder, catalog=CATALOG)
    assert pretrained.variant.head.pooling == ("first" if family in ("MPNet", "Funnel") else "last")
    pooling = pretrained.variant.head.model_copy(update={"dropout": 0.0})
    head = make_head(pretrained.variant.dims, HeadConfig(kind="classification", labels=("a", "b"), pooling=pooling))
    plain = Plain(transformers.AutoModel.from_pretrained(folder), head, last=pooling.pooling == "last")
    batches = sequences(n_steps)
    labels = [[0, 1, 1, 0], [1, 1, 0, 0], [0, 1, 0, 1]] * 2
    wanted = plain.losses(batches, labels, recipe)
    model = pretrained.with_head("task", head)
    given = [packed(texts, its) for texts, its in zip(batches, labels, strict=True)]
    steps = train(model, make_optimizer(model, recipe), given, recipe, n_steps, how=StepConfig(seed=0))
    found = [step.losses["task"] for step in steps]
    assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= 5e-6, (found, wanted)
    assert abs(wanted[-1] - wanted[0]) > 0.01


class Plain(nn.Module):
    """What one writes with the library alone: padded batches, a dense layer with tanh and an output layer, AdamW."""

    def __init__(self, model: nn.Module, head: nn.Module, *, last: bool) -> None:
        super().__init__()
        dense, output = head.pooler.dense, head.output
        self.model, self.last = model, last
        self.dense, self.output = nn.Linear(24, 24), nn.Linear(24, 2)
        self.dense.load_state_dict(dense.state_dict())
        self.output.load_state_dict(output.state_dict())

    def forward(self, texts: list[Tensor]) -> Tensor:
        rows = []
        for ids in [texts[i][None] for i in range(len(texts))] if self.model.config.model_type == "funnel" else [None]:
            padded = nn.utils.rnn.pad_sequence(texts, batch_first=True) if ids is None else ids
            lengths = [len(each) for each in texts] if ids is None else [ids.shape[1]]
            mask = torch.tensor([[1] * n + [0] * (padded.shape[1] - n) for n in lengths])
            hidden = self.model(input_ids=padded, attention_mask=mask).last_hidden_state
            rows += [row[n - 1 if self.last else 0] for row, n in zip(hidden, lengths, strict=True)]
        return self.output(torch.tanh(self.dense(torch.stack(rows))))

    def losses(self, batches: list[list[Tensor]], labels: list[list[int]], recipe: Finetuning) -> list[float]:
        weights = [p for p in self.parameters() if p.ndim > 1]
        rest = [p for p in self.parameters() if p.ndim < 2]
        groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon)
        self.train()
        found = []
        for step, (texts, its) in enumerate(zip(batches, labels, strict=True)):
            loss = nn.functional.cross_entropy(self(texts), torch.tensor(its))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), recipe.clip_norm)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, len(batches), recipe)
            optimizer.step()
            found.append(loss.item())
        return found


def test_a_fine_tuned_model_is_a_folder_that_both_load(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder("Llama", "ForCausalLM")
    pretrained = zoo.load(folder, catalog=CATALOG)
    assert pretrained.objective_names == ("transformers.ltr",)
    config = HeadConfig(kind="classification", labels=("no", "yes"), pooling=PoolingConfig(pooling="last"))
    tuned = pretrained.with_head("task", make_head(pretrained.variant.dims, config)).eval()
    zoo.save(tuned, tmp_path / "tuned", catalog=CATALOG)
    again = zoo.load(tmp_path / "tuned", catalog=CATALOG)
    (texts,) = sequences()
    batch = packed(texts)
    head, before = again.objective("task"), tuned.objective("task")
    assert head.config == config
    with torch.no_grad():
        torch.testing.assert_close(head.logits(again.read(batch), batch), before.logits(tuned.read(batch), batch))
        theirs = transformers.AutoModel.from_pretrained(tmp_path / "tuned").eval()
        torch.testing.assert_close(theirs(texts[0][None]).last_hidden_state[0], again.hidden(packed(texts[:1])))
    tokens = transformers.AutoTokenizer.from_pretrained(tmp_path / "tuned")(TEXTS[0])["input_ids"]
    assert tokens == again.text_tokenizer.encode(TEXTS[:1])[0].tolist()


@pytest.mark.parametrize("family", ["Llama", "GPTNeo"])
def test_a_decoders_classifier_is_kept_and_gives_the_librarys_logits(
    family: str, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(family, "ForSequenceClassification", num_labels=3, pad_token_id=0)
    zoo.save(zoo.load(folder, catalog=CATALOG), tmp_path / "again", catalog=CATALOG)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    (texts,) = sequences()
    batch = packed(texts)
    with torch.no_grad():
        wanted = torch.cat([theirs(text[None]).logits for text in texts])[list(batch.order)]
        for place in (folder, tmp_path / "again"):
            ours = zoo.load(place, catalog=CATALOG)
            found = ours.objective("task").logits(ours.read(batch), batch)
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("family", "head", "left_out"),
    [
        ("BigBird", "ForQuestionAnswering", "qa_classifier"),
        ("XLM", "ForQuestionAnswering", "qa_outputs"),
    ],
)
def test_a_head_that_is_left_out_is_named(
    family: str, head: str, left_out: str, make_folder: MakeFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """BigBird's answers need ids, and XLM's classes take languages."""
    model = zoo.load(make_folder(family, head, tie_word_embeddings=False), catalog=CATALOG)
    kind = {"BigBird": "big_bird"}.get(family, family.lower())
    assert f"left out, as the zoo reads no such head of model type '{kind}': " in caplog.text
    assert left_out in caplog.text and not model.objective_names


def test_an_audit_counts_module_and_checkpoint_as_the_library_and_says_what_it_cannot(make_folder: MakeFolder) -> None:
    folder = make_folder("Llama", "ForCausalLM", tie_word_embeddings=False)
    n_parameters = transformers.AutoModel.from_pretrained(folder).num_parameters()
    audits = zoo.audit(str(folder), catalog=CATALOG)
    (found,) = audits
    assert found.agrees and found.counts.encoder == n_parameters and found.counts.pretraining is None
    assert found.sources.checkpoint and found.sources.checkpoint.encoder == n_parameters
    assert found.file and not found.file.unknown
    assert sum("no formula for" in note for note in found.notes) == 1
    rows = [row for section in audits.brief.sections for table in section.tables for row in table.rows]
    assert rows and all(set(row[2:]) != {"-"} for row in rows)


@pytest.mark.slow
def test_folders_stand_beside_each_other_in_a_comparison(make_folder: MakeFolder, tmp_path: Path) -> None:
    folders = [str(make_folder("Llama")), f"{make_folder('MPNet')}+head.pooling=last"]
    how = {"finetune_steps": 2, "seeds": 1, "workers": 0, "keep_finetuned": True}
    done = zoo.compare(*folders, tasks=["micro-sentiment"], out=tmp_path / "run", **how)
    assert not done.failures
    assert {"Llama", "MPNet+head.pooling=last"} <= set(done.run.plan.names)
    assert not zoo.verify(tmp_path / "run").contradicted
    kept = tmp_path / "run" / "finetuned" / "finetune-Llama-micro-sentiment-s0"
    assert zoo.predict(zoo.load(kept), TEXTS[:2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "t5"}, "a model of type 't5' has an encoder and a decoder; the zoo compares models of texts"),
        ({"model_type": "vit"}, "a model of type 'vit' takes no inputs_embeds"),
        ({"model_type": "esm"}, "reads the ids of tokens besides their embeddings"),
        ({"model_type": "lama"}, "'lama' is not"),
        ({"hidden_size": 25}, "the transformers library"),
        ({"num_hidden_layers": 3}, "the weights are not those of the llama"),
        ({"hidden_act": "nothing"}, "the transformers library"),
    ],
)
def test_a_config_of_another_kind_or_size_is_refused_in_one_line(
    change: dict[str, object], message: str, make_folder: MakeFolder
) -> None:
    path = make_folder("Llama") / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ZooError) as error:
        zoo.load(path.parent, catalog=CATALOG)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_text_that_the_librarys_layers_cannot_read_is_told_in_one_line(make_folder: MakeFolder) -> None:
    folder = make_folder("Nystromformer", num_landmarks=8)
    with pytest.raises(ZooError, match=r"the transformers library cannot run this nystromformer on 1 x \d+ tokens: "):
        zoo.load(folder, catalog=CATALOG).encode([TEXTS[0]])


def test_code_of_a_folder_is_not_run_and_pickles_are_not_read(make_folder: MakeFolder) -> None:
    folder = make_folder("Llama")
    (folder / "modeling_llama.py").write_text("raise SystemExit('it was run')\n")
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoModel": "modeling_llama.LlamaModel"}}))
    assert zoo.load(folder, catalog=CATALOG).variant.dims.hidden_width == 24
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ZooError, match="safetensors"):
        zoo.load(folder, catalog=CATALOG)


def test_what_the_zoo_cannot_do_with_such_a_model_it_says(
    make_folder: MakeFolder, caplog: pytest.LogCaptureFixture
) -> None:
    variant = CATALOG.variant(str(make_folder("Llama")))
    with pytest.raises(ZooError, match="it cannot be pre-trained: a model of the transformers library is taken over"):
        CATALOG.check(variant)
    with caplog.at_level(logging.WARNING):
        CATALOG.check(variant, trained=True)
    assert CATALOG.components("encoder", variant.encoder, variant.dims) is None


def test_without_the_plugin_the_error_says_how_to_get_it(make_folder: MakeFolder) -> None:
    with pytest.raises(ZooError, match=r"'llama'.*pip install encoder-zoo-transformers"):
        zoo.load(make_folder("Llama"), catalog=Catalog.of())


def test_an_encoder_without_a_config_is_the_librarys_bert_of_the_sizes() -> None:
    dims = Dims(vocab_size=99, embedding_width=24, hidden_width=24, n_layers=2, n_heads=2, ffn_width=44)
    made = CATALOG.part("encoder", "transformers.model")(dims)
    assert type(made.model) is transformers.BertModel and made.model.config.intermediate_size == 44
