"""What a variant *is*, as plain records: names, sizes, options and recipes. No torch here."""

from __future__ import annotations

from collections.abc import Set
from html import escape
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from zoo.core.errors import ZooError, explain
from zoo.core.files import read_regular

Width = Annotated[int, Field(ge=1, le=65_536)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1, le=10**15)]
Length = Annotated[int, Field(ge=8, le=1_048_576)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+=,:~-]*$", max_length=400)]
Precision = Literal["fp32", "bf16", "fp16"]
TrainingPrecision = Literal["fp32", "bf16"]
"""Gradients of fp16 passes would vanish without loss scaling, which bf16 does not need."""
Activation = Literal["gelu", "gelu_new", "relu", "silu", "tanh"]

FeatureLayers = Annotated[
    str,
    Field(pattern=r"^(embeddings|last|second-to-last|last-four|sum-last-four|sum|mix|layer-(0|[1-9]\d{0,3}))$"),
]
"""The layers that a head reads: one (layer-0 is the embeddings), four concatenated, a sum, or a learnt mix of all."""

LARGEST_RECORD = 50_000_000
"""The most bytes of a record."""


class Record(BaseModel):
    """A frozen, strictly typed record: unknown fields, NaN and silent conversions are refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


R = TypeVar("R", bound=Record)


def read_record(kind: type[R], path: Path, what: str) -> R:
    """The record in a JSON file. Raises ZooError if it cannot be read, or is not `what` it should be."""
    try:
        return kind.model_validate_json(read_regular(path, LARGEST_RECORD))
    except ValidationError as error:
        raise ZooError(f"{path} is not {what}: {explain(error)}") from None


class Dims(Record):
    """The sizes that all parts of a model share.

    Sizes that only some families have may be left out: an LSTM has no heads and no feed-forward network.
    """

    vocab_size: Annotated[int, Field(ge=8, le=16_777_216)]
    embedding_width: Width
    hidden_width: Width
    n_layers: Annotated[int, Field(ge=1, le=1_024)]
    n_heads: Annotated[int, Field(ge=1, le=1_024)] | None = None
    ffn_width: Annotated[int, Field(ge=1, le=262_144)] | None = None
    max_length: Length = 512
    activation: Activation = "gelu"
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    attention_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    norm_eps: Positive = 1e-12

    def required(self, name: Literal["n_heads", "ffn_width"]) -> int:
        """The size of this name. Raises ZooError if the variant leaves it out."""
        value: int | None = getattr(self, name)
        if value is None:
            example = {"n_heads": 4, "ffn_width": 4 * self.hidden_width}[name]
            raise ZooError(f"it needs dims.{name}, which the variant leaves out; set it, as +dims.{name}={example}")
        return value


class PartRef(Record):
    """A registered part by name, with its options."""

    name: Name
    options: dict[str, JsonValue] = {}

    def __repr__(self) -> str:
        return f"part({', '.join([repr(self.name), *(f'{name}={value!r}' for name, value in self.options.items())])})"

    __str__ = __repr__

    @property
    def label(self) -> str:
        """Its name and options, as in bert.static(rate=0.25)."""
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.name}({options})" if options else self.name


def part(name: str, **options: JsonValue) -> PartRef:
    """The part called `name`, built with these options."""
    return PartRef(name=name, options=options)


class Init(Record):
    """How weights are initialised. The defaults are BERT's (google-research/bert, initializer_range)."""

    linear_std: Positive = 0.02
    embedding_std: Positive = 0.02
    positions: Literal["normal", "sinusoidal"] = "normal"
    position_amplitude: Positive = 0.2
    position_base: Positive = 30.0
    keys_start_as_queries: bool = False


class Recipe(Record):
    """How one phase of training is optimised."""

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


LOSS_FIELDS = frozenset({"label_smoothing", "class_weights", "r_drop"})
"""The techniques that change the loss, which not every kind of task knows."""


class Techniques(Record):
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

    def in_loss(self, known: Set[str]) -> Self:
        """Without those of LOSS_FIELDS that a loss does not know."""
        defaults = {name: Techniques.model_fields[name].default for name in LOSS_FIELDS - known}
        return self.model_copy(update=defaults)


class Finetuning(Reading, Techniques, Recipe):
    """A fine-tuning phase; `steps`, if given, replaces `epochs`.

    With `features`, the head reads these layers of a frozen encoder (Devlin et al. 2019, section 5.3); `frozen` says
    otherwise where given. With `lstm_width`, the width of each direction, it reads them through a BiLSTM.
    """

    epochs: Positive = 3.0
    steps: Count | None = None
    batch_size: Count = 32
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


class PoolingConfig(Record):
    """How a task head makes one vector per sequence: first token, last or mean, a pair read jointly or compared.

    A dense layer with an `activation` follows (none if it is null), then a linear layer, with an `output_bias` or
    without. `input_dropout` is applied to the pooled vector before the dense layer, as in RoBERTa's released head.
    """

    pooling: Literal["first", "last", "mean"] = "first"
    pair: Literal["joint", "compare"] = "joint"
    activation: Activation | None = "tanh"
    output_bias: bool = True
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    input_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0


class HeadConfig(Record):
    """A task head: what it predicts, its labels, one text or a pair, options of its kind, how it pools a sequence."""

    kind: str
    labels: tuple[str, ...] = ()
    pair: bool = False
    options: dict[str, JsonValue] = {}
    pooling: PoolingConfig = PoolingConfig()
    features: FeatureConfig | None = None


class Variant(Record):
    """One encoder as its paper defines it: parts, sizes, recipes."""

    name: Name
    paper: str
    dims: Dims
    tokenizer: PartRef
    embedding: PartRef
    encoder: PartRef
    objectives: Annotated[tuple[PartRef, ...], Field(min_length=1)]
    packing: PartRef
    masking: PartRef
    init: Init = Init()
    pretraining: Pretraining
    finetuning: Finetuning
    head: PoolingConfig = PoolingConfig()

    def swap(self, name: str, **fields: Any) -> Self:
        """The same variant under another name, with some fields replaced.

        Raises ZooError if the result is not a valid variant.
        """
        try:
            return self.model_validate({**dict(self), **fields, "name": name})
        except ValidationError as error:
            raise ZooError(f"variant {name!r}: {explain(error)}") from None

    def __repr__(self) -> str:
        dims, recipe, tuning = self.dims, self.pretraining, self.finetuning
        heads = f", {dims.n_heads} heads" if dims.n_heads else ""
        narrow = f", embeddings {dims.embedding_width}" if dims.embedding_width != dims.hidden_width else ""
        length = f"{tuning.steps:,} steps" if tuning.steps else f"{tuning.epochs:g} epochs"
        return "\n".join(
            (
                f"Variant {self.name} ({self.paper})",
                f"  size          {dims.n_layers} layers of width {dims.hidden_width}{heads}{narrow}, "
                f"{dims.vocab_size:,} tokens in the vocabulary, at most {dims.max_length} in a text",
                f"  model         {self.embedding.label}, {self.encoder.label}; {self.tokenizer.label}",
                f"  objectives    {', '.join(used.label for used in self.objectives)}",
                f"  data          {self.packing.label}, {self.masking.label}",
                f"  pre-training  {recipe.tokens:,} tokens, batches of {recipe.batch_tokens:,}, "
                f"{recipe.optimizer}, learning rate {recipe.learning_rate:g}",
                f"  fine-tuning   {length}, batches of {tuning.batch_size}, learning rate {tuning.learning_rate:g}",
            )
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"
