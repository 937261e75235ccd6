"""Learning from a teacher: what a record of `Distillation` says, as further losses beside a model's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from zoo.blocks.depth import layer_lists
from zoo.core.batch import IGNORE, ITEM, Batch, Layout, Output
from zoo.core.errors import ZooError
from zoo.core.interfaces import Objective
from zoo.core.seeds import drawing
from zoo.core.specs import Distillation, Finetuning
from zoo.heads import MultiLabelClassification, TaskHead
from zoo.model import Model

LOGITS, HIDDEN, RELATIONS = "teacher: logits", "teacher: hidden states", "teacher: relations"

Answers: TypeAlias = Literal["classes", "decisions", "scores"]

ANSWERS: dict[object, Answers] = {
    F.cross_entropy: "classes",
    MultiLabelClassification.loss: "decisions",
    F.mse_loss: "scores",
}
"""What logits are, by the loss that a head takes of them."""


def answers_of(objective: Objective | type[Objective]) -> Answers:
    """What an objective's logits are: classes, yes or no, or scores.

    Raises ZooError if they are anything else, so that a teacher's cannot be learnt.
    """
    if getattr(objective, "fills_masks", False):
        return "classes"
    found = ANSWERS.get(getattr(objective, "loss", None))
    if found is None:
        name = getattr(objective, "__name__", type(objective).__name__)
        raise ZooError(
            f"the logits of {name} are neither classes, nor yes or no, nor scores, and only these can be learnt from a "
            "teacher; give distillation.logits=0"
        )
    return found


def asked_once(record: Distillation, head: TaskHead | type[TaskHead], recipe: Finetuning) -> bool:
    """Whether a teacher is asked once for its logits of each training item, which it may read with a tokenizer of its
    own; otherwise it reads every batch, as hidden states, tags of tokens and changed items need.
    """
    reads_batches = record.hidden or record.relations or head.reads_tokens or recipe.ways or recipe.mixup
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
        weights = {LOGITS: record.logits, HIDDEN: record.hidden, RELATIONS: record.relations}
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
        if teacher is None:
            return
        widths = model.variant.dims.hidden_width, teacher.variant.dims.hidden_width
        if HIDDEN in self.lessons and widths[0] != widths[1]:
            with drawing("projection to the teacher", seed):
                self.projection = nn.Linear(*widths, bias=False).to(next(model.parameters()).device)

    @property
    def losses(self) -> tuple[str, ...]:
        """As Model says: also those of learning from the teacher."""
        return (*super().losses, *self.lessons)

    def n_targets(self, name: str, batch: Batch) -> Tensor:
        """As Model says: hidden states and relations are learnt of all tokens."""
        if name in (HIDDEN, RELATIONS):
            return torch.tensor(len(batch.ids))
        return super().n_targets(self.lesson.own if name == LOGITS else name, batch)

    def forward(self, batch: Batch, states: list[Tensor] | None = None) -> dict[str, Output]:
        """Every objective's loss and predictions, by name, and in training the losses beside them."""
        if not self.training:
            return super().forward(batch, states)
        mine: list[Tensor] = []
        known: list[Tensor] = []
        wanted = bool({HIDDEN, RELATIONS} & {*self.lessons})
        outputs = super().forward(batch, mine if wanted else None)
        logits = self._teacher_logits(batch, known if wanted else None)
        ways = {
            LOGITS: lambda: self._logits(outputs[self.lesson.own], logits),
            HIDDEN: lambda: self._hidden(mine[-1], known[-1]),
            RELATIONS: lambda: self._relations(mine, known, batch.layout),
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

    def _hidden(self, ours: Tensor, theirs: Tensor) -> Tensor:
        ours = ours if self.projection is None else self.projection(ours)
        return hidden_distance(ours, theirs, self.lesson.record.hidden_distance)

    def _relations(self, ours: Sequence[Tensor], theirs: Sequence[Tensor], layout: Layout) -> Tensor:
        n_heads = self.lesson.record.relation_heads or self.variant.dims.required("n_heads")
        assert self.teacher is not None
        with torch.no_grad():
            projected = self.teacher.encoder.projected(theirs)
        return relation_distance(self.encoder.projected(ours), projected, layout, n_heads)


def _without_targets(loss: Tensor) -> Output:
    nothing = loss.new_zeros(0)
    return Output(loss, nothing, nothing)


def logit_distance(student: Output, teacher: Tensor, answers: Answers, temperature: float) -> Tensor:
    """The mean over a student's known targets of how far its logits are from a teacher's, which have their shape.

    Of classes KL(teacher, student) of the softmax of logits over the temperature, times its square; Hinton et al. 2015,
    arXiv:1503.02531, section 2. Of each yes or no, the same of its two probabilities; of scores, the squared
    difference. Scalar.
    """
    known = student.targets != IGNORE
    ours, theirs = student.logits[known].float(), teacher[known].float()
    n = max(1, len(ours))
    if answers == "scores":
        return (ours - theirs).square().sum() / n
    ours, theirs = ours / temperature, theirs / temperature
    if answers == "decisions":
        yes, ours = theirs.sigmoid(), torch.stack([F.logsigmoid(ours), F.logsigmoid(-ours)], -1)
        probabilities, theirs = (
            torch.stack([yes, 1 - yes], -1),
            torch.stack([F.logsigmoid(theirs), F.logsigmoid(-theirs)], -1),
        )
    else:
        probabilities, theirs, ours = theirs.softmax(-1), theirs.log_softmax(-1), ours.log_softmax(-1)
    # What can't be chosen, as tokens beside a text, has a logit of minus infinity in both.
    terms = (probabilities * (theirs - ours)).masked_fill(theirs == -torch.inf, 0.0)
    return temperature**2 * terms.sum() / n


def hidden_distance(student: Tensor, teacher: Tensor, distance: Literal["cosine", "squared"]) -> Tensor:
    """The mean over tokens of 1 less the cosine of hidden states, Sanh et al. 2019, arXiv:1910.01108, section 2; or
    their mean squared difference. 2 x [T, H] -> scalar"""
    if distance == "squared":
        return F.mse_loss(student, teacher)
    return 1 - F.cosine_similarity(student, teacher, dim=-1).mean()


def relation_distance(student: Sequence[Tensor], teacher: Sequence[Tensor], layout: Layout, n_heads: int) -> Tensor:
    """How far the relations of tokens are from a teacher's: for queries, keys and values A, divided into heads of width
    d, KL(teacher, student) of softmax(A A' / sqrt(d)), the mean over heads and tokens, the three added up.

    Wang et al. 2021, arXiv:2012.15828, section 3.1. 3 x [T, H], which may differ in H -> scalar. Raises ZooError
    if a width cannot be divided so.
    """
    total = student[0].new_zeros(())
    for ours, theirs in zip(student, teacher, strict=True):
        for student_run, teacher_run in zip(
            _relations(ours, layout, n_heads), _relations(theirs, layout, n_heads), strict=True
        ):  # one run of sequences of equal length after the other
            total = total + F.kl_div(student_run, teacher_run, reduction="sum", log_target=True)
    return total / (n_heads * layout.n_tokens)


def _relations(vectors: Tensor, layout: Layout, n_heads: int) -> list[Tensor]:
    """The logarithms of relations, of each run of sequences of equal length. [T, H] -> [n, N, S, S] each"""
    width = vectors.shape[1]
    if width % n_heads:
        raise ZooError(f"a width of {width} cannot be divided into distillation.relation_heads={n_heads} heads")
    heads = vectors.float().view(len(vectors), n_heads, width // n_heads)
    found = []
    for run in layout.rectangles(heads):
        each = run.transpose(1, 2)
        found.append((each @ each.transpose(2, 3) * each.shape[-1] ** -0.5).log_softmax(-1))
    return found


def predicts_tokens(model: Model) -> str:
    """The name of the objective that predicts masked tokens from the text that the model is given.

    Raises ZooError if there is none, so that nothing can be learnt from a teacher in pre-training.
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
