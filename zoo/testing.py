"""Checks that every part must pass, whoever wrote it; a plugin's own tests may import them.

@pytest.mark.parametrize("check", conformance(Catalog.installed(), "fnet"), ids=str)
def test_conforms(check):
    check()
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from zoo.batch import IGNORE, Batch, Encoding, Flags, Ids, Layout
from zoo.catalog import Catalog
from zoo.errors import ZooError
from zoo.interfaces import Embedding, Encoder, Masking, Objective, Packing, Tokenizer
from zoo.plugins import KINDS
from zoo.specs import Dims, Use, Variant
from zoo.text.collate import collate
from zoo.text.corpus import TokenCorpus
from zoo.text.looks import guessed, looks
from zoo.text.packing import cut, pair
from zoo.weights.format import CheckpointFormat

DIMS = Dims(
    vocab_size=89, embedding_width=20, hidden_width=24, n_layers=3, n_heads=2, ffn_width=44, max_length=32, dropout=0.0
)
"""Pairwise different sizes, so that a swapped axis cannot pass."""

LENGTHS = (7, 3, 11, 3)

SUBJECTS = ("the cook", "a sailor", "the old judge", "some pupils", "a quiet nurse", "the tall hunter")
VERBS = ("praised", "followed", "helped", "watched", "carried")
OBJECTS = ("the boat", "a lamp", "the red book", "some ropes", "a young deer", "the mayor's bell")


@dataclass(frozen=True)
class Check:
    """One check of one part or variant; call it, and it raises AssertionError where the part fails."""

    name: str
    run: Callable[[], None]

    def __call__(self) -> None:
        self.run()

    def __str__(self) -> str:
        return self.name


def conformance(catalog: Catalog, plugin: str | None = None) -> list[Check]:
    """A check for every part and variant that a plugin offers, or that all plugins offer."""
    by_kind: dict[str, Callable[[Catalog, str], None]] = {
        "tokenizer": _check_tokenizer_part,
        "packing": lambda catalog, name: check_packing(catalog.part("packing", name)()),
        "masking": lambda catalog, name: check_masking(catalog.part("masking", name)()),
        "embedding": lambda catalog, name: check_embedding(catalog.part("embedding", name)),
        "encoder": lambda catalog, name: check_encoder(catalog.part("encoder", name)),
        "objective": lambda catalog, name: check_objective(catalog.part("objective", name)),
        "variant": lambda catalog, name: check_variant(catalog, catalog.variant(name)),
        "checkpoint": lambda catalog, name: check_checkpoint(catalog, catalog.checkpoints[name]),
    }
    tables: dict[str, Sequence[str]] = {
        **{kind: list(catalog.parts[kind]) for kind in KINDS},
        "variant": list(catalog.variants),
        "checkpoint": list(catalog.checkpoints),
    }
    return [
        Check(f"{kind} {name}", lambda kind=kind, name=name: by_kind[kind](catalog, name))  # type: ignore[misc]
        for kind, names in tables.items()
        for name in names
        if plugin in (None, catalog.owner(kind, name).name)
    ]


def check_encoder(part: Callable[..., Encoder]) -> None:
    """The shape is kept, a sequence alone equals itself in a batch, gradients reach everything, eval repeats."""
    torch.manual_seed(0)
    encoder = part(DIMS).eval()
    hidden = torch.randn(sum(LENGTHS), DIMS.hidden_width)
    layout = Layout(LENGTHS)
    out = encoder(hidden, layout)
    assert out.shape == hidden.shape, f"expected {tuple(hidden.shape)}, got {tuple(out.shape)}"
    assert torch.equal(out, encoder(hidden, layout)), "two evaluations of the same batch differ"
    for start, length in zip(layout.starts.tolist(), LENGTHS, strict=True):
        alone = encoder(hidden[start : start + length], Layout((length,)))
        torch.testing.assert_close(
            alone,
            out[start : start + length],
            atol=1e-5,
            rtol=1e-5,
            msg=lambda text: f"a sequence depends on its neighbours in the batch: {text}",
        )
    if encoder.can_be_causal:
        _check_causal(encoder, hidden, layout)
    (out * torch.randn_like(out)).sum().backward()
    _assert_all_reached(encoder)
    _assert_survives_safetensors(encoder)


def _check_causal(encoder: Encoder, hidden: Tensor, layout: Layout) -> None:
    """With a causal layout, what comes later in a sequence changes nothing before it."""
    causal = replace(layout, causal=True)
    late = layout.positions >= 2
    changed = torch.where(late[:, None], torch.randn_like(hidden), hidden)
    before, after = encoder(hidden, causal), encoder(changed, causal)
    torch.testing.assert_close(
        after[~late], before[~late], msg=lambda text: f"a token sees those after it in a causal layout: {text}"
    )
    assert not torch.allclose(before[~late], encoder(hidden, layout)[~late]), "a causal layout changes nothing"


def check_embedding(part: Callable[..., Embedding]) -> None:
    """Tokens become H wide vectors one by one, positions matter, gradients reach everything."""
    torch.manual_seed(0)
    dims, embedding = _embedding(part)
    embedding.eval()
    batch = _batch(dims.vocab_size)
    out = embedding(batch)
    expected = (len(batch.ids), dims.hidden_width)
    assert out.shape == expected, f"expected {expected}, got {tuple(out.shape)}"
    assert embedding.tokens.weight.shape == (dims.vocab_size, dims.embedding_width), "tokens should be [V, E]"
    assert torch.equal(out, embedding(batch)), "two evaluations of the same batch differ"
    (out * torch.randn_like(out)).sum().backward()
    _assert_all_reached(embedding)
    _assert_survives_safetensors(embedding)


def check_objective(part: Callable[..., Objective]) -> None:
    """The loss is a finite scalar with a gradient for hidden states and for every parameter of its own."""
    torch.manual_seed(0)
    objective = part(DIMS).eval()
    batch = _batch(DIMS.vocab_size, *([objective.label] if objective.label else []))
    hidden = torch.randn(len(batch.ids), DIMS.hidden_width, requires_grad=True)
    table = torch.randn(DIMS.vocab_size, DIMS.embedding_width)
    output = objective(hidden, batch, table)
    assert output.loss.shape == (), f"the loss should be a scalar, got shape {tuple(output.loss.shape)}"
    assert output.loss.isfinite(), f"the loss is {output.loss.item()}"
    output.loss.backward()
    assert hidden.grad is not None and hidden.grad.abs().sum() > 0, "no gradient reaches the hidden states"
    _assert_all_reached(objective)
    _check_parts(objective, hidden, batch, table)
    if objective.label:
        _check_labels(objective, objective.label)


def _check_parts(objective: Objective, hidden: Tensor, batch: Batch, table: Tensor) -> None:
    """The loss is a mean over `n_targets` predictions, so that a batch can be taken apart."""
    whole = objective(hidden, batch, table)
    counted, told = int((whole.targets != IGNORE).sum()), int(objective.n_targets(batch))
    assert counted == told, f"n_targets tells {told}, but {counted} predictions have a target"
    loss = 0.0
    for index in range(2):
        part = batch.part(index, 2)
        tokens = torch.isin(batch.layout.sequence_of, torch.arange(index, batch.layout.n_sequences, 2))
        loss += objective(hidden[tokens], part, table).loss.item() * int(objective.n_targets(part)) / told
    assert math.isclose(loss, whole.loss.item(), rel_tol=1e-4), (
        f"the loss of a batch is {whole.loss.item():.5f}, the weighted mean of its parts' losses {loss:.5f}"
    )


def _check_labels(objective: Objective, label: str) -> None:
    """Over thousands of pairs of neighbours: labels even and repeatable, and not betrayed by lengths and cuts."""
    corpus = _ragged_corpus()
    passages = [
        pair(corpus, document, *corpus.sentence_offsets[first : first + 3].tolist())
        for document, begin in enumerate(corpus.document_offsets[:-1].tolist())
        for first in range(begin, begin + 5)
    ]
    made, same = (objective.prepare(passages, corpus, np.random.default_rng(0)) for _ in range(2))
    assert [each.labels for each in made] == [each.labels for each in same], "the same generator gives other labels"
    assert all(each.second is not None for each in made), "a pair has lost its second part"
    told = [each for each in made if each.labels.get(label, IGNORE) != IGNORE]
    labels = [each.labels[label] for each in told]
    assert len(told) > len(made) / 2, f"{len(told):,} of {len(made):,} pairs have a label; most should"
    share = sum(labels) / len(labels)
    assert abs(share - 0.5) < _bound(len(labels), 0.5), f"labels should be even; 1 has a share of {share:.3f}"
    right, majority = guessed(looks(told), labels)
    assert right <= majority + _bound(len(labels), 0.5), (
        f"lengths and cut sentences betray the label: {right:.1%} are guessed from them, the commoner is {majority:.1%}"
    )


def check_masking(masking: Masking) -> None:
    """Special tokens stay, targets are the hidden ids, draws differ, and shares are those that the options say.

    Shares are held to four standard deviations over thousands of tokens: of tokens hidden, replaced and kept, and of
    each id among the replacements.
    """
    corpus_ids, lengths, special, tokenizer = _masking_data()
    seen, targets = masking.mask(corpus_ids, lengths, special, tokenizer, np.random.default_rng(0))
    chosen = targets != IGNORE
    if not masking.hides:
        assert not chosen.any() and (seen == corpus_ids).all(), "a masking that hides nothing changed something"
        return
    assert not (chosen & special).any(), "a special token is to be predicted"
    assert (targets[chosen] == corpus_ids[chosen]).all(), "a target is not the token that stood there"
    assert (seen[~chosen] == corpus_ids[~chosen]).all(), "a token that is not to be predicted was changed"
    rate = getattr(masking, "rate", 0.15)
    share = chosen.sum() / (~special).sum()
    assert abs(share - rate) < 0.25 * rate, f"{share:.3f} of the tokens are chosen; the rate is {rate}"
    replaced = np.isin(seen[chosen], tokenizer.special_ids) & (seen[chosen] != tokenizer.mask_id)
    assert not replaced.any(), "a token was replaced by a special one other than the mask"
    again, _ = masking.mask(corpus_ids, lengths, special, tokenizer, np.random.default_rng(0))
    other, _ = masking.mask(corpus_ids, lengths, special, tokenizer, np.random.default_rng(1))
    assert (seen == again).all(), "the same generator draws different masks"
    assert (seen != other).any(), "different generators draw the same mask"
    now, before = seen[chosen], corpus_ids[chosen]
    words = tokenizer.vocab_size - len({*tokenizer.special_ids, tokenizer.unk_id})
    changed = getattr(masking, "random_share", 0.1) * (1 - 1 / words)  # a random word may be the same again
    for fate, met, wanted in (
        ("hidden", now == tokenizer.mask_id, getattr(masking, "mask_share", 0.8)),
        ("replaced", (now != tokenizer.mask_id) & (now != before), changed),
    ):
        assert abs(met.mean() - wanted) <= _bound(len(now), wanted), f"{met.mean():.3f} are {fate}, not {wanted:.3f}"
    counts = np.bincount(now[(now != tokenizer.mask_id) & (now != before)], minlength=tokenizer.vocab_size)
    if counts.sum() > 1_000:
        even = counts.sum() / words
        odd = np.abs(counts[counts > 0] - even).max() / math.sqrt(even)
        assert odd < 5, f"some word replaces others {odd:.1f} standard deviations more or less often than it should"


def check_packing(packing: Packing) -> None:
    """Passages fit once cut, have the parts that are promised, and come out the same for the same generator."""
    corpus = _corpus()
    capacity = 24
    passages = list(packing.pack(corpus, capacity, np.random.default_rng(0)))
    assert passages, "no passage was made"
    again = list(packing.pack(corpus, capacity, np.random.default_rng(0)))
    assert len(passages) == len(again), "the same generator packs differently"
    for whole, same in zip(passages, again, strict=True):
        assert np.array_equal(whole.first, same.first), "the same generator packs differently"
        passage = cut(whole, capacity, np.random.default_rng(0))
        size = len(passage.first) + (0 if passage.second is None else len(passage.second))
        assert 0 < size <= capacity, f"a passage has {size} ids; at most {capacity} fit"
        assert (passage.second is not None) or not packing.pairs, (
            "a packing of pairs made a passage without a second part"
        )


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """Text survives encoding, special tokens frame it, files bring the same tokenizer back."""
    text = "the old judge helped a sailor."
    ids = tokenizer.encode([text])[0]
    assert len(ids) and not set(ids.tolist()) & set(tokenizer.special_ids), "plain text became special tokens"
    assert "".join(tokenizer.decode(ids.tolist()).split()) == "".join(text.split()), "the text does not come back"
    for second in (None, ids):
        joined = tokenizer.join(ids, second, 512)
        size = len(ids) + (0 if second is None else len(second))
        assert len(joined) == size + tokenizer.n_special(second is not None), "n_special does not tell what join adds"
        assert int(joined.special.sum()) == len(joined) - size, "the special tokens are not marked"
        assert len(tokenizer.join(ids, second, 9)) == 9, "join does not cut to max_length"
    assert len(tokenizer.word_starts) == tokenizer.vocab_size, "word_starts should be [V]"
    with TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        restored = type(tokenizer).load(Path(folder))
        assert np.array_equal(restored.encode([text])[0], ids), "a saved tokenizer gives other ids"
        assert restored.vocab_size == tokenizer.vocab_size, "a saved tokenizer has another size"


def check_variant(catalog: Catalog, variant: Variant) -> None:
    """Its parts fit together, and untrained, at a small size, its first loss is that of guessing: ln V."""
    catalog.check(variant)
    width = 24 * variant.dims.n_heads
    narrow = width if variant.dims.embedding_width == variant.dims.hidden_width else 20
    small = variant.dims.model_copy(
        update={
            "vocab_size": 503, "hidden_width": width, "embedding_width": narrow, "ffn_width": 44, "dropout": 0.0,
            "attention_dropout": 0.0, "n_layers": min(3, variant.dims.n_layers), "max_length": 32,
        }
    )  # fmt: skip
    torch.manual_seed(0)
    model = catalog.build(variant.swap(variant.name, dims=small)).eval()
    labels = [label for used in variant.objectives if (label := model.objective(used.name).label)]
    with torch.no_grad():
        for name, output in model(_batch(503, *labels)).items():
            guess = math.log(output.logits.shape[-1])
            loss = output.loss.item()
            assert abs(loss - guess) < 0.5 * guess, f"untrained, {name} has a loss of {loss:.2f}, far from {guess:.2f}"


def check_checkpoint(catalog: Catalog, format: CheckpointFormat) -> None:
    """Each weight of the family has one name in a checkpoint, which leads back to it; so has its architecture."""
    base = format.base
    config = format.config(base)
    assert config is not None, f"the format has no words for its own base {base.name}"
    assert format.variant(config, base.name, "config.json").dims == base.dims, "a config reads back with other dims"
    for architecture, pieces in format.architectures.items():
        objectives = tuple(Use(name=piece) for piece in pieces if piece in catalog.parts["objective"])
        with torch.device("meta"):
            model = catalog.assemble(base.swap(base.name, objectives=objectives or base.objectives))
        weights = [name for name in model.state_dict() if objectives or not name.startswith("objectives.")]
        table = format.table(pieces)
        missing = [name for name in weights if table.theirs(name) is None]
        assert not missing, f"{architecture} has no name for {', '.join(missing)}"
        stored = [format.stored(str(table.theirs(name)), pieces) for name in weights]
        assert len(set(stored)) == len(stored), f"{architecture} calls two weights the same"
        back = [table.ours(format.canonical(name)) for name in stored]
        assert back == weights, f"the names of {architecture} do not lead back"


def _check_tokenizer_part(catalog: Catalog, name: str) -> None:
    part: type[Tokenizer] = catalog.part("tokenizer", name)
    check_tokenizer(part.train(_sentences(), 300))


def _embedding(part: Callable[..., Embedding]) -> tuple[Dims, Embedding]:
    """The embedding with E < H or, where it refuses that, E = H."""
    try:
        return DIMS, part(DIMS)
    except ZooError:
        dims = DIMS.model_copy(update={"embedding_width": DIMS.hidden_width})
        return dims, part(dims)


def _batch(vocab_size: int, *labels: str) -> Batch:
    """Ragged sequences with tokens to predict, and an alternating label of each name."""
    rng = np.random.default_rng(0)
    encodings, targets = [], []
    for length in LENGTHS:
        ids = rng.integers(5, vocab_size, length).astype(np.int32)
        special = np.zeros(length, dtype=bool)
        special[[0, -1]] = True
        segments = (np.arange(length) > length // 2).astype(np.int32)
        encodings.append(Encoding(ids, segments, special))
        targets.append(np.where(np.arange(length) % 3 == 1, ids, IGNORE).astype(np.int32))
    return collate(encodings, {label: [i % 2 for i in range(len(LENGTHS))] for label in labels}, targets)


def _sentences() -> list[str]:
    return [f"{s} {v} {o}." for s in SUBJECTS for v in VERBS for o in OBJECTS]


class _Words(Tokenizer):
    """A tokenizer of whole words, for checks that need ids and nothing else."""

    pad_id, unk_id, cls_id, sep_id, mask_id = range(5)

    def __init__(self) -> None:
        words = sorted({word for sentence in _sentences() for word in sentence.split()})
        self._ids = {word: 5 + index for index, word in enumerate(words)}

    @classmethod
    def train(cls, texts: Any, vocab_size: int, *args: Any, **options: Any) -> _Words:
        return cls()

    @classmethod
    def load(cls, folder: Path, *args: Any, **options: Any) -> _Words:
        return cls()

    def save(self, folder: Path) -> None:
        """Nothing to write: the words are fixed."""

    @property
    def vocab_size(self) -> int:
        return 5 + len(self._ids)

    @property
    def special_ids(self) -> tuple[int, ...]:
        return (0, 1, 2, 3, 4)

    @property
    def word_starts(self) -> Flags:
        return np.ones(self.vocab_size, dtype=bool)

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        return [np.array([self._ids[word] for word in text.split()], dtype=np.int32) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        words = {index: word for word, index in self._ids.items()}
        return " ".join(words[index] for index in ids if index >= 5)

    def n_special(self, pair: bool) -> int:
        return 0

    def join(self, first: Ids, second: Ids | None, max_length: int) -> Encoding:
        ids = np.concatenate([first, [] if second is None else second]).astype(np.int32)[:max_length]
        return Encoding(ids, np.zeros_like(ids), np.zeros(len(ids), dtype=np.bool_))


def _corpus() -> TokenCorpus:
    sentences = _sentences()
    return TokenCorpus.build([sentences[start : start + 6] for start in range(0, len(sentences), 6)], _Words())


def _ragged_corpus() -> TokenCorpus:
    """600 documents of six sentences of one to four clauses, the first of a document being long."""
    rng = np.random.default_rng(2)
    n_clauses = [4 if index % 6 == 0 else int(rng.integers(1, 5)) for index in range(3_600)]
    sentences = [" ".join(rng.choice(_sentences(), n)) for n in n_clauses]
    return TokenCorpus.build([sentences[start : start + 6] for start in range(0, 3_600, 6)], _Words())


def _masking_data() -> tuple[Any, list[int], Any, Tokenizer]:
    tokenizer = _Words()
    rng = np.random.default_rng(1)
    lengths = rng.integers(20, 60, 1_500).tolist()
    ids = rng.integers(5, tokenizer.vocab_size, sum(lengths)).astype(np.int32)
    special = np.zeros(len(ids), dtype=bool)
    ends = np.cumsum(lengths)
    special[ends - 1] = special[ends - lengths] = True
    ids[special] = tokenizer.sep_id
    return ids, lengths, special, tokenizer


def _bound(n: int, share: float) -> float:
    """Four standard deviations of a share among n draws."""
    return 4 * math.sqrt(share * (1 - share) / n)


def _assert_all_reached(module: nn.Module) -> None:
    unreached = [name for name, p in module.named_parameters() if p.grad is None]
    assert not unreached, f"no gradient reaches {', '.join(unreached)}"


def _assert_survives_safetensors(module: nn.Module) -> None:
    state: dict[str, Tensor] = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    with TemporaryDirectory() as folder:
        save_file(state, Path(folder) / "weights.safetensors")
        restored = load_file(Path(folder) / "weights.safetensors")
    assert set(restored) == set(state), "safetensors keeps other names"
    for name, tensor in state.items():
        assert torch.equal(tensor, restored[name]), f"{name} does not survive safetensors"
