"""How a student learns from a teacher, as a record. No torch here."""

from __future__ import annotations

import re
from math import ceil
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from zoo.core.errors import ZooError
from zoo.core.record import Count, Positive, Record

Weight = Annotated[float, Field(ge=0.0)]
"""The factor of a part of a loss."""


_NUMBERS = r"^[1-9]\d{0,3}(,[1-9]\d{0,3})*$"


def _layer_numbers(value: object) -> str:
    if not re.fullmatch(_NUMBERS, str(value)):
        raise ValueError("input should be numbers of layers from 1, separated by commas, as 2,4")
    return str(value)


def _layer_map(value: object) -> str:
    if value != "uniform" and not re.fullmatch(_NUMBERS, str(value)):
        raise ValueError("input should be uniform, or the teacher's layer for each of the student's, as 2,4")
    return str(value)


LayerNumbers = Annotated[str, BeforeValidator(_layer_numbers), Field(pattern=_NUMBERS)]
"""Numbers of layers from 1, separated by commas."""

LayerMap = Annotated[str, BeforeValidator(_layer_map), Field(pattern=rf"^uniform$|{_NUMBERS}")]
"""From which of the teacher's layers each of the student's learns."""


class Distillation(Record):
    """A teacher, and what of it a variant learns; without a teacher, nothing.

    The loss is the sum of five parts, each with a weight of its own: the loss without a teacher (`labels`), and the
    distances of logits, hidden states, attention maps and relations. Hinton et al. 2015, arXiv:1503.02531; Sanh et al.
    2019, arXiv:1910.01108 (DistilBERT); Jiao et al. 2020, arXiv:1909.10351 (TinyBERT); Wang et al. 2021,
    arXiv:2012.15828 (MiniLMv2).
    """

    teacher: Annotated[str, Field(min_length=1)] | None = None
    """A variant, fine-tuned on the same task with the same seed; or a folder, which may have a head for the task."""
    phase: Literal["finetuning", "pretraining", "both"] = "finetuning"
    """When the variant learns from it; in pre-training from the teacher as it was pre-trained."""
    layers: LayerNumbers | None = None
    """The teacher's layers from which the student's start, with its embedding and output layers, in place of random
    weights; if it learns in fine-tuning alone, in place of a pre-training of its own. Sanh et al. 2019, section 3; Sun
    et al. 2019, arXiv:1908.09355."""
    labels: Weight = 0.5
    """The weight of the loss on the items' own labels."""
    logits: Weight = 0.5
    """The weight of the divergence of logits, KL(teacher, student) times the squared temperature; of scores, of their
    squared difference."""
    temperature: Positive = 2.0
    """What logits are divided by before the softmax; with 1, the teacher's probabilities are soft labels."""
    hidden: Weight = 0.0
    """The weight of the distance of hidden states, the mean over tokens."""
    hidden_distance: Literal["cosine", "squared"] = "cosine"
    """1 less the cosine, or the mean squared difference. Where widths differ, the student's states go through a learned
    matrix, and its embedding's output through another, which are not kept; Jiao et al. 2020, equations 8 and 9."""
    attention: Weight = 0.0
    """The weight of the mean squared difference of attention scores before the softmax, over heads and pairs of tokens,
    of which teacher and student have as many heads; Jiao et al. 2020, equation 7."""
    layer_map: LayerMap | None = None
    """For each of the student's layers, the teacher's from whose hidden states and attention it learns, as 2,4; or
    "uniform", each so many layers further. The distances of all layers, and of hidden states that of the embedding's
    output, are added up; by default the last layers are compared alone. Jiao et al. 2020, section 3.1."""
    relations: Weight = 0.0
    """The weight of the divergences of relations between tokens: softmax(A A') of the queries, keys and values A of the
    last layer, the mean over heads and tokens, the three added up."""
    relation_heads: Count | None = None
    """Into how many heads queries, keys and values are divided for that; by default, those of the student."""

    @property
    def learns(self) -> bool:
        """Whether a part of the loss is the teacher's."""
        return bool(self.logits or self.reads_layers)

    @property
    def reads_layers(self) -> bool:
        """Whether what it learns is inside the encoder, so that both must read the same tokens."""
        return bool(self.hidden or self.attention or self.relations)

    @property
    def in_finetuning(self) -> bool:
        """Whether a variant learns from its teacher in fine-tuning."""
        return self.teacher is not None and self.phase != "pretraining" and self.learns

    @property
    def in_pretraining(self) -> bool:
        """Whether a variant's pre-training needs its teacher."""
        return self.teacher is not None and self.phase != "finetuning"

    @property
    def inherits(self) -> bool:
        """Whether a variant starts from a teacher's layers in place of a pre-training of its own."""
        return self.teacher is not None and self.layers is not None and not self.in_pretraining

    @property
    def layer_numbers(self) -> tuple[int, ...]:
        """The teacher's layers that are taken, from 1."""
        return tuple(map(int, self.layers.split(","))) if self.layers else ()

    def pairs(self, n_layers: int, n_of_teacher: int) -> list[tuple[int, int]]:
        """The numbers of the student's and the teacher's layers that are compared; 0 is the embedding.

        Raises ZooError if there are others than `layer_map` says.
        """
        if self.layer_map is None:
            return [(n_layers, n_of_teacher)]
        if self.layer_map == "uniform":
            numbers = [ceil(layer * n_of_teacher / n_layers) for layer in range(1, n_layers + 1)]
        else:
            numbers = [int(number) for number in self.layer_map.split(",")]
        if len(numbers) != n_layers:
            raise ZooError(
                f"distillation.layer_map={self.layer_map} names {len(numbers)} of the teacher's layers, and the "
                f"student has {n_layers}; name one for each"
            )
        if max(numbers) > n_of_teacher:
            raise ZooError(
                f"distillation.layer_map={self.layer_map}: the teacher has no layer {max(numbers)} but layers 1 to "
                f"{n_of_teacher}"
            )
        return [(0, 0), *enumerate(numbers, start=1)]

    @property
    def label(self) -> str:
        """The parts of the loss, in words."""
        if not self.learns:
            return "labels"
        temperature = f" at temperature {self.temperature:g}"
        layers = "uniform layers" if self.layer_map == "uniform" else f"layers {self.layer_map}"
        where = [layers] if self.layer_map else []
        parts = {
            "labels": self.labels,
            "logits" + temperature: self.logits,
            f"hidden states ({', '.join([self.hidden_distance, *where])})": self.hidden,
            " ".join(["attention", *(f"({at})" for at in where)]): self.attention,
            "relations": self.relations,
        }
        return " + ".join(f"{weight:g} {part}" for part, weight in parts.items() if weight)
