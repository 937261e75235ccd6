"""Hidden states of many batches, recorded for each shape and repeated, as far as a CPU can tell."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread
from time import sleep

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo import Batch, Catalog, Model
from zoo.blocks import attention
from zoo.blocks.attention import attentions_kept
from zoo.blocks.kernels import kernels_taken
from zoo.core.batch import Encoding
from zoo.core.recording import Work
from zoo.testing import DIMS
from zoo.text.collate import Sequences
from zoo.text.device_batches import mapped_again, mapped_by_length
from zoo.text.repeated_batches import SPARE, STEP, Repeated, in_order

CPU = torch.device("cpu")
SMALL = DIMS.model_copy(update={"embedding_width": 24, "max_length": 64})
FULL = 2_048


class Again:
    """Records nothing, and does the work again on the tensors of the recording, with nothing else of the batch."""

    repeated = recorded = 0

    def __call__(self, work: Work, generators: Sequence[torch.Generator]) -> Work:
        work()
        self.recorded += 1

        def repeat() -> Tensor:
            self.repeated += 1
            return work()

        return repeat


class Overwriting(Again):
    """The same, but what is left lies in one place, and other threads have time to come between."""

    def __call__(self, work: Work, generators: Sequence[torch.Generator]) -> Work:
        repeat, left = super().__call__(work, generators), work().clone()

        def again() -> Tensor:
            sleep(0.001)
            left.copy_(repeat())
            return left

        return again


@pytest.fixture(autouse=True)
def attention_without_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a packed kernel, it reads where sequences end from tensors alone."""
    monkeypatch.setattr(attention, "_chosen", lambda *_: ("flash", attention._attend_padded))


def model_of(variant: str = "bert-tiny") -> Model:
    torch.manual_seed(0)
    catalog = Catalog.installed()
    return catalog.build(catalog.variant(variant).swap(variant, dims=SMALL)).eval()


def drawn(n: int) -> list[Encoding]:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.gamma(4.0, 4.0, n).astype(int), 2, 64)
    ids = [rng.integers(5, SMALL.vocab_size, length).astype(np.int32) for length in lengths]
    return [Encoding(its, np.zeros_like(its), np.zeros(len(its), dtype=np.bool_)) for its in ids]


def means(hidden: Tensor, batch: Batch) -> Tensor:
    return batch.layout.mean(hidden)


@pytest.mark.parametrize("variant", ["bert-tiny", "roberta-tiny", "albert-tiny"])
def test_what_is_repeated_is_what_is_computed_each_time(variant: str) -> None:
    model, encodings, recorder = model_of(variant), drawn(600), Again()
    repeated = Repeated(CPU, recorder)
    with model.eval_mode(), kernels_taken() as names:
        assert repeated.begin(model)
        wanted = {
            index: row
            for indices, _, rows in mapped_by_length(Sequences(encodings), model.hidden, SMALL, means, CPU, None)
            for index, row in zip(indices, rows, strict=True)
        }
        windows = [Sequences(encodings[:250]), Sequences([]), Sequences(encodings[250:])]
        found = list(mapped_again(windows, model.hidden, means, repeated, FULL, SMALL.max_length))
    assert recorder.recorded >= 1 and recorder.repeated >= 2 and "CUDA graph" in names
    assert sum(len(some) for some, _, _ in found) == 600
    start = 0
    for some, batch, rows in found:
        at = [start + place for place in batch.order]
        ids = torch.split(batch.ids, list(batch.layout.lengths))
        assert [encodings[i].ids.tolist() for i in at] == [its.tolist() for its in ids]
        torch.testing.assert_close(rows, torch.stack([wanted[i] for i in at]), rtol=0, atol=1e-5)
        start += len(some)


def test_batches_take_sequences_in_order_and_have_few_shapes() -> None:
    encodings = drawn(3_000)
    repeated, shapes, added = Repeated(CPU, Again()), set(), []
    repeated.begin(model_of())
    for made in in_order([Sequences(encodings)], FULL):
        full = repeated.shipment(made.batch(), FULL, SMALL.max_length).filled.layout
        assert sum(made.lengths) <= FULL - SPARE and full.n_tokens <= FULL and full.n_sequences % STEP == 0
        assert max(full.lengths) <= SMALL.max_length
        shapes.add((full.n_tokens, full.n_sequences, full.longest))
        added.append(full.n_tokens - sum(made.lengths))
    assert len(shapes) <= 4 and max(added) < SPARE + SMALL.max_length + FULL // 4
    whole = drawn(30_000)
    halves = [Sequences(whole[:9_000]), Sequences(whole[9_000:])]
    sizes = [int(sum(some.lengths)) for some in in_order(halves, 2**17)]
    assert [size // 2**13 for size in sizes[:4]] == [1, 3, 7, 15] and sum(sizes) == sum(map(len, whole))
    long = Sequences([encoding for encoding in whole if len(encoding) == 9][:3])
    assert [some.lengths.tolist() for some in in_order([long], SPARE + 8)] == [[9]] * 3 and list(in_order([], 8)) == []


def test_nothing_is_repeated_where_something_looks_on_and_recordings_go_with_the_weights() -> None:
    model, recorder = model_of(), Again()
    repeated = Repeated(CPU, recorder)
    encodings = drawn(600)

    def passed() -> None:
        with model.eval_mode():
            assert repeated.begin(model)
            list(mapped_again([Sequences(encodings)], model.hidden, means, repeated, FULL, SMALL.max_length))

    passed()
    n = recorder.recorded
    passed()
    assert recorder.recorded == n  # they are kept from call to call
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.data = parameter.detach().clone()
    passed()
    assert recorder.recorded == 2 * n
    model.encoder.add_module("another", torch.nn.Identity())
    passed()
    assert recorder.recorded == 3 * n
    with attentions_kept():
        assert not repeated.begin(model)
    hook = model.encoder.register_forward_hook(lambda *_: None)
    assert not repeated.begin(model)
    hook.remove()
    assert repeated.begin(model)
    repeated.pads = True
    assert not repeated.begin(model)


def test_threads_that_repeat_batches_of_one_model_do_not_mix_them_up() -> None:
    model, repeated = model_of(), Repeated(CPU, Overwriting())
    both = drawn(900)[:450], drawn(900)[450:]
    found: dict[int, list[Tensor]] = {}

    def encode(which: int) -> None:
        with torch.no_grad():
            made = mapped_again([Sequences(both[which])], model.hidden, means, repeated, FULL, SMALL.max_length)
            found[which] = [rows[torch.tensor(batch.order).argsort()] for _, batch, rows in made]

    with model.eval_mode():
        assert repeated.begin(model)
        encode(0)
        alone = {0: found.pop(0)}
        encode(1)
        alone[1] = found.pop(1)
        for _ in range(3):
            threads = [Thread(target=encode, args=(which,)) for which in (0, 1)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for which, rows in found.items():
                torch.testing.assert_close(torch.cat(rows), torch.cat(alone[which]), rtol=0, atol=1e-5)
