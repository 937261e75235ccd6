"""How far what a student computes is from a teacher's: of logits, hidden states, attention and relations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.blocks.attention import Attention
from zoo.core.batch import IGNORE, Layout, Output
from zoo.core.errors import ZooError
from zoo.core.interfaces import Objective
from zoo.heads import MultiLabelClassification

Answers: TypeAlias = Literal["classes", "decisions", "scores"]

ANSWERS: dict[object, Answers] = {
    F.cross_entropy: "classes",
    MultiLabelClassification.loss: "decisions",
    F.mse_loss: "scores",
}
"""What logits are, by the loss that a head takes of them."""


def answers_of(objective: Objective | type[Objective]) -> Answers:
    """What an objective's logits are: classes, yes or no, or scores.

    Raises ZooError if they are anything else, so that a teacher's cannot be learned.
    """
    if getattr(objective, "fills_masks", False):
        return "classes"
    found = ANSWERS.get(getattr(objective, "loss", None))
    if found is None:
        name = getattr(objective, "__name__", type(objective).__name__)
        raise ZooError(
            f"the logits of {name} are neither classes, nor yes or no, nor scores, and only these can be learned from "
            "a teacher; give distillation.logits=0"
        )
    return found


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


def attention_distance(student: Attention, teacher: Attention) -> Tensor:
    """The mean squared difference of scores before the softmax, over heads, tokens and the tokens that each sees.

    Jiao et al. 2020, arXiv:1909.10351, equation 7. What only one of them sees counts as no difference. Scalar.
    Raises ZooError if they have other numbers of heads.
    """
    if student.n_heads != teacher.n_heads:
        raise ZooError(
            f"a layer of the student has {student.n_heads} heads and one of the teacher {teacher.n_heads}, and "
            "attention is compared head by head; "
            f"exchange +dims.n_heads={teacher.n_heads}, or learn distillation.relations"
        )
    total = student.query.new_zeros((), dtype=torch.float32)
    for ours, theirs in zip(student.scores(), teacher.scores(), strict=True):
        unseen = ours.isinf() | theirs.isinf()
        total = total + (ours - theirs).masked_fill(unseen, 0.0).square().sum() / ours.shape[-1]
    return total / (student.n_heads * student.layout.n_tokens)


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
        raise ZooError(f"a width of {width} cannot be divided into {n_heads} heads; give distillation.relation_heads=N")
    heads = vectors.float().view(len(vectors), n_heads, width // n_heads)
    found = []
    for run in layout.rectangles(heads):
        each = run.transpose(1, 2)
        found.append((each @ each.transpose(2, 3) * each.shape[-1] ** -0.5).log_softmax(-1))
    return found
