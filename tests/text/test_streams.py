"""Texts that become vectors on a GPU in one stream of batches, played by a CPU."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from zoo import Catalog, Model, ZooError
from zoo.blocks import attention
from zoo.core.batch import Batch
from zoo.core.recording import Work
from zoo.text import device_batches
from zoo.text.collate import Sequences
from zoo.text.collecting import Rows
from zoo.text.encoding import encode_texts
from zoo.text.repeated_batches import Repeated

CPU = torch.device("cpu")
SENTENCE = "the old sailor saw a green boat near this river and sang of his cold house"
WORDS = SENTENCE.split(" ")


def again(work: Work, generators: object) -> Work:
    return work


def texts(n: int) -> list[str]:
    return [" ".join(WORDS[place % (2 + place % 7) :: 1 + place % 3]) for place in range(n)]


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    catalog = Catalog.installed()
    variant = catalog.variant("bert-tiny")
    tokenizer, options = catalog.tokenizer(variant)
    trained = tokenizer.train([SENTENCE] * 3, vocab_size=120, **options)
    dims = variant.dims.model_copy(update={"vocab_size": trained.vocab_size})
    made = catalog.build(variant.swap("small", dims=dims)).eval()
    made.tokenizer = trained
    return made


@pytest.fixture
def played(model: Model, monkeypatch: pytest.MonkeyPatch) -> Repeated:
    """What repeats the batches of a GPU that is none."""
    repeated = Repeated(CPU, again)
    monkeypatch.setattr(device_batches, "LEAST_TOKENS", 500)
    monkeypatch.setattr(device_batches, "TRIED", 40)
    monkeypatch.setattr(device_batches, "tokens_at_once", lambda *_: 2_048)
    monkeypatch.setattr(device_batches, "repeated_for", lambda model, _: repeated if repeated.begin(model) else None)
    return repeated


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "_chosen", lambda *_: ("flash", attention._attend_padded))


@pytest.mark.usefixtures("packed")
@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_vectors_of_a_stream_are_those_of_windows(model: Model, pool: str, request: pytest.FixtureRequest) -> None:
    given = texts(1_700)
    wanted = model.encode(given, pool=pool)
    repeated: Repeated = request.getfixturevalue("played")
    for _ in range(2):
        torch.testing.assert_close(model.encode(given, pool=pool), wanted, rtol=0, atol=1e-5)
        found = [vector for some in model.embed(iter(given)) for vector in some] if pool == "mean" else [*wanted]
        torch.testing.assert_close(torch.stack(found), wanted, rtol=0, atol=1e-5)
    assert repeated.pads is False and model.encode([]).shape == (0, 128) and model.encode("the").shape == (128,)


@pytest.mark.usefixtures("packed", "played")
def test_between_the_parts_of_a_stream_nothing_is_changed(model: Model) -> None:
    stream = model.embed(iter(texts(1_700)))
    next(stream)
    assert torch.is_grad_enabled() and "forward" not in model.encoder.__dict__
    next(stream)
    assert torch.is_grad_enabled()


def test_one_batch_tells_that_attention_pads_and_others_are_sorted(model: Model, played: Repeated) -> None:
    given = texts(900)
    sizes: list[tuple[int, ...]] = []
    hidden: Callable[[Batch], Tensor] = model.hidden

    def noted(batch: Batch) -> Tensor:
        sizes.append(batch.layout.lengths)
        return hidden(batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "_chosen", lambda *_: ("padded sdpa", attention._attend_padded))
        patch.setattr(model, "hidden", noted)
        found = model.encode(given)
    assert played.pads is True
    assert list(sizes[1]) == sorted(sizes[1]) and len(sizes[1]) > len(sizes[0]) - 256
    torch.testing.assert_close(found, model.encode(given), rtol=0, atol=1e-5)


@pytest.mark.usefixtures("packed")
def test_a_batch_of_a_stream_that_does_not_fit_is_halved(
    model: Model, played: Repeated, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, tried = texts(600), []
    wanted, hidden = model.encode(given), model.hidden

    def tight(batch: Batch) -> Tensor:
        tried.append(batch.layout.n_tokens)
        if batch.layout.n_tokens > 1_024:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return hidden(batch)

    played.forget()
    monkeypatch.setattr(model, "hidden", tight)
    torch.testing.assert_close(model.encode(given), wanted, rtol=0, atol=1e-5)
    assert max(tried) > 1_024


@pytest.mark.usefixtures("packed", "played")
def test_a_window_without_texts_is_passed_over(model: Model) -> None:
    given = texts(600)
    windows = [Sequences([]), Sequences(encode_texts(model.text_tokenizer, given, 128)[0]), Sequences([])]
    made = Rows(len(given))
    for _ in model._collected(windows, lambda hidden, batch: batch.layout.mean(hidden), made.put):
        pass
    torch.testing.assert_close(made.made, model.encode(given), rtol=0, atol=1e-5)


@pytest.mark.usefixtures("packed", "played")
def test_a_stream_that_is_left_ends_its_thread_and_a_text_that_is_none_is_named(model: Model) -> None:
    def endless() -> Iterator[str]:
        while True:
            yield from texts(100)

    stream = model.embed(endless())
    next(stream)
    del stream
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name == "zoo-feed"]
    with pytest.raises(ZooError, match="item 1500 is 7; it should be a text"):
        model.encode([*texts(1_500), 7])  # type: ignore[list-item]
