"""The recipes of pre-training and fine-tuning, as records. No torch here."""

from __future__ import annotations

from collections.abc import Set
from math import ceil
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from zoo.core.augmentation import Augmentation
from zoo.core.record import Count, Length, Positive, Record, Share, Width

FeatureLayers = Annotated[
    str,
    Field(pattern=r"^(embeddings|last|second-to-last|last-four|sum-last-four|sum|mix|layer-(0|[1-9]\d{0,3}))$"),
]
"""The layers that a head reads: one (layer-0 is the embeddings), four concatenated, a sum, or a learned mix of all."""


class Recipe(Record):
    """How one phase of training is optimized."""

    optimizer: Literal["adamw", "lamb"] = "adamw"
    learning_rate: Positive
    warmup: Share = 0.1
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    beta1: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    beta2: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    epsilon: Positive = 1e-6
    clip_norm: Annotated[float, Field(ge=0.0)] = 1.0
    decay_power: Positive = 1.0
    """The power of the polynomial decay to zero after warm-up; 1 is linear."""
    bias_correction: bool = True
    """Whether moments are bias-corrected; the released BERT and ALBERT don't, their papers do."""

    def warmup_steps(self, n_steps: int) -> int:
        """How many of `n_steps` steps are warm-up."""
        return max(1, round(self.warmup * n_steps))


class Pretraining(Recipe):
    """A pre-training phase; budget and batch count real tokens, special ones included.

    With `short_length`, the first `short_share` of the steps read as many sequences, but of that length, so fewer
    tokens; Devlin et al. 2019, appendix A.2.
    """

    tokens: Count
    batch_tokens: Count
    sequence_length: Length
    short_length: Length | None = None
    short_share: Share = 0.9

    @property
    def steps(self) -> int:
        """The number of steps that use up the budget."""
        short = (self.short_length or self.sequence_length) / self.sequence_length
        return max(1, round(self.tokens / (self.batch_tokens * (1 + self.short_share * (short - 1)))))

    @property
    def short_steps(self) -> int:
        """How many of the steps read short sequences."""
        return round(self.short_share * self.steps) if self.short_length else 0

    @property
    def short_batch_tokens(self) -> int:
        """The tokens per batch of short sequences."""
        return max(1, self.batch_tokens * (self.short_length or self.sequence_length) // self.sequence_length)

    def steps_after(self, tokens: int) -> int:
        """The step after which about so many tokens of the budget are read; the last one for more."""
        short = min(tokens, self.short_steps * self.short_batch_tokens)
        steps = short / self.short_batch_tokens + (tokens - short) / self.batch_tokens
        return min(self.steps, max(1, round(steps)))


class Adaptation(Record):
    """Pre-training that goes on with a task's own training text before its fine-tuning; Gururangan et al. 2020,
    arXiv:2004.10964, section 4. With 0 `tokens`, none; what is not given is as in pre-training.
    """

    tokens: Annotated[int, Field(ge=0, le=10**15)] = 0
    learning_rate: Positive | None = None
    batch_tokens: Count | None = None

    def phase(self, pretraining: Pretraining) -> Pretraining:
        """Its recipe, beside that of the pre-training before it."""
        batch_tokens = self.batch_tokens or min(pretraining.batch_tokens, self.tokens)
        return pretraining.model_copy(
            update={
                "tokens": self.tokens,
                "learning_rate": self.learning_rate or pretraining.learning_rate,
                "batch_tokens": max(pretraining.sequence_length, batch_tokens),
                "short_length": None,
            }
        )


class Reading(Record):
    """How a task's items are read: at most `max_length` tokens at once, and a longer text in windows that overlap.

    `stride` is how many tokens each window begins after the one before, by default a third of its length (128 of 384 in
    google-research/bert's run_squad.py). A question is cut to `longest_question` tokens, and an answer has at most
    `longest_answer`. Which of these a task reads is said by its kind.
    """

    max_length: Length = 128
    stride: Count | None = None
    longest_question: Count = 64
    longest_answer: Count = 30

    def stride_of(self, max_length: int) -> int:
        """The stride of windows of this length."""
        return self.stride or ceil(max_length / 3)


class FeatureConfig(Record):
    """What a task head reads of an encoder: which layers, whether their weights are frozen, and a BiLSTM over them."""

    layers: FeatureLayers = "last"
    frozen: bool = True
    lstm_width: Width | None = None
    lstm_layers: Annotated[int, Field(ge=1, le=16)] | None = None

    @property
    def layer(self) -> int | None:
        """The number of the layer that layer-N names; 0 is the embeddings."""
        return int(self.layers.removeprefix("layer-")) if self.layers.startswith("layer-") else None


LOSS_FIELDS = frozenset({"label_smoothing", "class_weights", "r_drop", "mixup"})
"""The techniques that change the loss, which not every kind of task knows."""

DETAILS = frozenset({"patience", "augmented", "synonym_file"})
"""Fields that say more of a technique, and switch none on."""


class Techniques(Augmentation):
    """What fine-tuning may do besides following the gradient, each by a field of its own; off by default.

    Depth counts from the embedding over the encoder's layers to the head, which is always trained.
    """

    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """The learning rate of a layer, as a share of that of the layer above; Clark et al. 2020, arXiv:2003.10555,
    appendix B."""
    frozen_layers: Annotated[int, Field(ge=0)] | None = None
    """The embedding and so many of the lowest layers keep their weights; Lee et al. 2019, arXiv:1911.03090."""
    unfreezing: Share = 0.0
    """Over this share of the steps, layers begin to learn one by one from the top, the embedding last; Howard and
    Ruder 2018, arXiv:1801.06146, section 3.3."""
    reinitialized_layers: Annotated[int, Field(ge=0)] | None = None
    """The pooler and so many of the top layers start from random weights; Zhang et al. 2021, arXiv:2006.05987, s. 5."""
    layer_drop: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """The probability that a pass leaves a layer out, so that layers can be pruned afterwards; Fan et al. 2020,
    arXiv:1909.11556, section 3."""
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """The share of a class's probability that is spread over all classes; Szegedy et al. 2016, section 7."""
    class_weights: Literal["equal", "balanced"] = "equal"
    """With "balanced", items count in the loss by the inverse of their class's frequency, 1 in the mean."""
    r_drop: Annotated[float, Field(ge=0.0)] = 0.0
    """The weight of the divergence of two passes with other dropout; Liang et al. 2021, arXiv:2106.14448, eq. 3."""
    ema_decay: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Keep the exponential mean of the weights after each step, corrected for its start like Adam's moments."""
    averaged_share: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Keep the mean of the weights after each of this last share of the steps; Izmailov et al. 2018,
    arXiv:1803.05407."""
    early_stopping: Annotated[float, Field(gt=0.0, le=0.5)] | None = None
    """Hold this share of the training items out, score them ten times over the steps, stop after `patience` scores
    that are not the best, and keep the weights of the best."""
    patience: Count = 3

    @model_validator(mode="after")
    def _keeps_one_set_of_weights(self) -> Self:
        given = [name for name in ("ema_decay", "averaged_share", "early_stopping") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} each say which weights are kept; give one of them")
        return self

    @property
    def changed(self) -> dict[str, JsonValue]:
        """Those that are not off, by field."""
        fields = {name: field.default for name, field in Techniques.model_fields.items() if name not in DETAILS}
        return {name: value for name, default in fields.items() if (value := getattr(self, name)) != default}

    @property
    def kept_weights(self) -> str:
        """Which weights are kept, in words."""
        if self.early_stopping is not None:
            return f"best on {self.early_stopping:.0%} of the training items, held out"
        if self.averaged_share is not None:
            return f"mean over the last {self.averaged_share:.0%} of the steps"
        return "last" if self.ema_decay is None else f"exponential mean over the steps, decay {self.ema_decay:g}"

    def in_loss(self, known: Set[str]) -> Self:
        """Without those of LOSS_FIELDS that a loss does not know."""
        defaults = {name: Techniques.model_fields[name].default for name in LOSS_FIELDS - known}
        return self.model_copy(update=defaults)


class Finetuning(Reading, Techniques, Recipe):
    """A fine-tuning phase; `steps`, if given, replaces `epochs`.

    With `cut_share`, items are read with as few tokens as cut at most this share of the training items, and never more
    than `max_length`. A batch goes through the model in parts of at most `micro_batch` items, and gradients are added
    up: the same but for rounding and for what dropout draws.

    With `features`, the head reads these layers of a frozen encoder (Devlin et al. 2019, section 5.3); `frozen` says
    otherwise where given. With `lstm_width`, the width of each direction, it reads them through a BiLSTM.
    """

    epochs: Positive = 3.0
    steps: Count | None = None
    batch_size: Count = 32
    micro_batch: Count | None = None
    cut_share: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    features: FeatureLayers | None = None
    frozen: bool | None = None
    lstm_width: Width | None = None
    lstm_layers: Annotated[int, Field(ge=1, le=16)] = 2

    @property
    def feature_config(self) -> FeatureConfig | None:
        """What the head reads, if not the last layer of an encoder that is trained with it."""
        frozen = self.features is not None if self.frozen is None else self.frozen
        if not frozen and self.features is None and self.lstm_width is None:
            return None
        lstm_layers = None if self.lstm_width is None else self.lstm_layers
        return FeatureConfig(
            layers=self.features or "last", frozen=frozen, lstm_width=self.lstm_width, lstm_layers=lstm_layers
        )

    def steps_over(self, n_items: int) -> int:
        """The number of steps on `n_items` items."""
        return self.steps or ceil(self.epochs * ceil(n_items / self.batch_size))
