"""Learning from a teacher: what a record of `Distillation` says, as further losses beside a model's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from zoo.blocks.attention import Attention, attentions_kept
from zoo.blocks.depth import layer_lists
from zoo.core.batch import ITEM, Batch, Output
from zoo.core.errors import ZooError
from zoo.core.seeds import drawing
from zoo.core.specs import Distillation, Finetuning
from zoo.heads import TaskHead
from zoo.model import Model
from zoo.train.distances import answers_of, attention_distance, hidden_distance, logit_distance, relation_distance

LOGITS, HIDDEN = "teacher: logits", "teacher: hidden states"
ATTENTION, RELATIONS = "teacher: attention", "teacher: relations"


def asked_once(record: Distillation, head: TaskHead | type[TaskHead], recipe: Finetuning) -> bool:
    """Whether a teacher is asked once for its logits of each training item, which it may read with a tokenizer of its
    own; otherwise it reads every batch, as what is inside layers, tags of tokens and changed items need.
    """
    reads_batches = record.reads_layers or head.reads_tokens or recipe.ways or recipe.mixup
    return not reads_batches


class LogitCache:
    """A teacher's logits of training items by number, for which `ask` is asked once, when each is first needed."""

    def __init__(self, ask: Callable[[Sequence[int]], Sequence[Tensor]]) -> None:
        self._ask = ask
        self._known: dict[int, Tensor] = {}

    def __call__(self, numbers: Sequence[int]) -> Tensor:
        """[N, ...]; minus infinity in columns that an item with fewer choices lacks."""
        if new := sorted({*numbers} - {*self._known}):
            self._known.update(zip(new, self._ask(new), strict=True))
        found = [self._known[number] for number in numbers]
        return pad_sequence(found, batch_first=True, padding_value=-torch.inf) if found[0].ndim else torch.stack(found)


@dataclass(frozen=True)
class Lesson:
    """What a student learns of the objective `own`: of a teacher that reads every batch, the logits of its objective
    `its`, put into the student's order; otherwise those in a `cache`, by training item.
    """

    record: Distillation
    own: str
    its: str = ""
    in_order: Callable[[Tensor], Tensor] = lambda logits: logits
    cache: LogitCache | None = None


class Student(Model):
    """A model that shares its parts with another, and in training has the losses of learning from a teacher, too.

    The teacher is no part of it: it is neither trained nor saved, and has no dropout.
    """

    teacher: Model | None
    """None if its logits are cached."""

    def __init__(self, model: Model, teacher: Model | None, lesson: Lesson, seed: int) -> None:
        record = lesson.record
        weights = {
            LOGITS: record.logits,
            HIDDEN: record.hidden,
            ATTENTION: record.attention,
            RELATIONS: record.relations,
        }
        self.lessons = {name: weight for name, weight in weights.items() if weight}
        self.lesson = lesson
        own = {name: record.labels * model.loss_weights.get(name, 1.0) for name in model.objective_names}
        super().__init__(
            model.variant,
            model.embedding,
            model.encoder,
            {name: model.objective(name) for name in model.objective_names},
            loss_weights=own | self.lessons,
            causal=model.causal,
        )
        self.tokenizer, self.origin, self.frozen = model.tokenizer, model.origin, model.frozen
        self.__dict__["teacher"] = teacher and teacher.eval()  # not registered as a part
        self.projection: nn.Linear | None = None
        self.embedding_projection: nn.Linear | None = None
        if teacher is None:
            return
        widths = model.variant.dims.hidden_width, teacher.variant.dims.hidden_width
        if HIDDEN in self.lessons and widths[0] != widths[1]:
            with drawing("projection to the teacher", seed):
                self.projection = nn.Linear(*widths, bias=False).to(next(model.parameters()).device)
            if record.layer_map:
                with drawing("projection of the embedding to the teacher", seed):
                    self.embedding_projection = nn.Linear(*widths, bias=False).to(self.projection.weight.device)

    @property
    def losses(self) -> tuple[str, ...]:
        """As Model says: also those of learning from the teacher."""
        return (*super().losses, *self.lessons)

    def n_targets(self, name: str, batch: Batch) -> Tensor:
        """As Model says: what is inside layers is learned of all tokens."""
        if name in (HIDDEN, ATTENTION, RELATIONS):
            return torch.tensor(len(batch.ids))
        return super().n_targets(self.lesson.own if name == LOGITS else name, batch)

    def forward(self, batch: Batch, states: list[Tensor] | None = None) -> dict[str, Output]:
        """Every objective's loss and predictions, by name, and in training the losses beside them."""
        if not self.training:
            return super().forward(batch, states)
        wanted, ours, theirs = self.lesson.record.reads_layers, _Inside(), _Inside()
        with ours.kept(wanted) as into:
            outputs = super().forward(batch, into)
        with theirs.kept(wanted) as into:
            logits = self._teacher_logits(batch, into)
        ways = {
            LOGITS: lambda: self._logits(outputs[self.lesson.own], logits),
            HIDDEN: lambda: self._hidden(ours, theirs),
            ATTENTION: lambda: self._attention(ours, theirs),
            RELATIONS: lambda: self._relations(ours.attentions[-1], theirs.attentions[-1]),
        }
        return outputs | {name: _without_targets(ways[name]()) for name in self.lessons}

    @torch.no_grad()
    def _teacher_logits(self, batch: Batch, states: list[Tensor] | None) -> Tensor:
        """The teacher's logits of a batch, in the shape of the student's."""
        if self.teacher is not None:
            return self.lesson.in_order(self.teacher(batch, states)[self.lesson.its].logits)
        assert self.lesson.cache is not None
        numbers = batch.on_cpu.labels[ITEM].tolist()
        if batch.items:  # one row for each question
            numbers = list({item: number for item, number in sorted(zip(batch.items, numbers, strict=True))}.values())
        return self.lesson.cache(numbers).to(batch.ids.device)

    def _logits(self, ours: Output, theirs: Tensor) -> Tensor:
        return logit_distance(ours, theirs, answers_of(self.objective(self.lesson.own)), self.lesson.record.temperature)

    def _hidden(self, ours: _Inside, theirs: _Inside) -> Tensor:
        found = []
        for layer, its in self._pairs(ours, theirs):
            through = self.projection if layer else self.embedding_projection
            state = ours.states[layer] if through is None else through(ours.states[layer])
            found.append(hidden_distance(state, theirs.states[its], self.lesson.record.hidden_distance))
        return torch.stack(found).sum()

    def _attention(self, ours: _Inside, theirs: _Inside) -> Tensor:
        pairs = [(layer - 1, its - 1) for layer, its in self._pairs(ours, theirs) if layer]
        found = [attention_distance(ours.attentions[layer], theirs.attentions[its]) for layer, its in pairs]
        return torch.stack(found).sum()

    def _pairs(self, ours: _Inside, theirs: _Inside) -> list[tuple[int, int]]:
        return self.lesson.record.pairs(len(ours.states) - 1, len(theirs.states) - 1)

    def _relations(self, ours: Attention, theirs: Attention) -> Tensor:
        n_heads = self.lesson.record.relation_heads or self.variant.dims.required("n_heads")
        return relation_distance(ours.vectors, theirs.vectors, ours.layout, n_heads)


@dataclass
class _Inside:
    """What an encoder computes on its way: its input and each layer's output, and what each layer's attention reads."""

    states: list[Tensor] = field(default_factory=list)
    attentions: list[Attention] = field(default_factory=list)

    @contextmanager
    def kept(self, wanted: bool) -> Iterator[list[Tensor] | None]:
        """Inside, a model's forward pass fills the list that is yielded, if that is wanted."""
        if not wanted:
            yield None
            return
        with attentions_kept() as kept:
            yield self.states
        self.attentions = kept[: len(self.states) - 1]  # an objective may attend afterwards


def _without_targets(loss: Tensor) -> Output:
    nothing = loss.new_zeros(0)
    return Output(loss, nothing, nothing)


def predicts_tokens(model: Model) -> str:
    """The name of the objective that predicts masked tokens from the text that the model is given.

    Raises ZooError if there is none, so that nothing can be learned from a teacher in pre-training.
    """
    objectives = {name: model.objective(name) for name in model.objective_names}
    names = [name for name, objective in objectives.items() if objective.fills_masks]
    if not names or any(objective.reads == "embedded" for objective in objectives.values()):
        raise ZooError(
            f"{model.variant.name} does not predict masked tokens of the text itself, as learning in pre-training "
            "needs; give distillation.phase=finetuning"
        )
    return names[0]


def take_layers(student: Model, teacher: Model, numbers: Sequence[int]) -> None:
    """Give a student a teacher's embedding, the layers of these numbers from 1, and all else that has the same name and
    shapes, as a last norm and output layers.

    Raises ZooError if a layer is not there, or its shapes or the embedding's are others.
    """
    own, its = student.variant, teacher.variant
    if len(numbers) != own.dims.n_layers:
        raise ZooError(
            f"distillation.layers takes {len(numbers)} of the teacher's layers, and the student has "
            f"{own.dims.n_layers}; name as many, or exchange +dims.n_layers={len(numbers)}"
        )
    if max(numbers) > its.dims.n_layers:
        raise ZooError(f"layer {max(numbers)} of {its.name} is not there: it has layers 1 to {its.dims.n_layers}")
    try:
        lists = [layer_lists(model, model.variant.dims.n_layers) for model in (student, teacher)]
    except ZooError:
        raise ZooError("an encoder shares its layers' weights; leave out distillation.layers") from None
    pairs = [(student.embedding, teacher.embedding)]
    pairs += [
        (to, of[n - 1]) for to_each, of in zip(*lists, strict=True) for to, n in zip(to_each, numbers, strict=True)
    ]
    found = teacher.state_dict()
    same = {
        name: found[name] for name, tensor in student.state_dict().items() if _shape(found.get(name)) == tensor.shape
    }
    student.load_state_dict(same, strict=False)  # among them layers of the same numbers, which follow
    for to, of in pairs:
        shapes = [{name: tensor.shape for name, tensor in part.state_dict().items()} for part in (to, of)]
        if shapes[0] != shapes[1]:
            raise ZooError(
                f"layers or embeddings of {its.name} have other shapes, so distillation.layers cannot take them; use "
                "variants of the same widths, or leave it out"
            )
        to.load_state_dict(of.state_dict())


def _shape(tensor: Tensor | None) -> torch.Size | None:
    return None if tensor is None else tensor.shape
