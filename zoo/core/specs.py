"""What a variant *is*, as plain records: names, sizes, options and recipes. No torch here."""

from __future__ import annotations

from html import escape
from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, ValidationError, field_validator

from zoo.core.compression import Pruning, Quantization, kept_layers, n_kept
from zoo.core.distillation import Distillation
from zoo.core.errors import ZooError, explain
from zoo.core.recipes import (
    LOSS_FIELDS,
    Adaptation,
    FeatureConfig,
    FeatureLayers,
    Finetuning,
    Pretraining,
    Reading,
    Recipe,
    Techniques,
)
from zoo.core.record import (
    LARGEST_RECORD,
    Activation,
    Count,
    InferencePrecision,
    Length,
    Name,
    Positive,
    Precision,
    R,
    Record,
    Share,
    TrainingPrecision,
    Width,
    read_record,
)

__all__ = [
    "LARGEST_RECORD",
    "LOSS_FIELDS",
    "Activation",
    "Adaptation",
    "Count",
    "Dims",
    "Distillation",
    "FeatureConfig",
    "FeatureLayers",
    "Finetuning",
    "HeadConfig",
    "InferencePrecision",
    "Init",
    "Length",
    "Name",
    "PartRef",
    "PoolingConfig",
    "Positive",
    "Precision",
    "Pretraining",
    "Pruning",
    "Quantization",
    "R",
    "Reading",
    "Recipe",
    "Record",
    "Share",
    "Techniques",
    "TrainingPrecision",
    "Variant",
    "Width",
    "part",
    "read_record",
]  # fmt: skip


class Dims(Record):
    """The sizes that all parts of a model share.

    Sizes that only some families have may be left out: an LSTM has no heads and no feed-forward network.
    """

    vocab_size: Annotated[int, Field(ge=8, le=16_777_216)]
    embedding_width: Width
    hidden_width: Width
    n_layers: Annotated[int, Field(ge=1, le=1_024)]
    n_heads: Annotated[int, Field(ge=1, le=1_024)] | None = None
    head_width: Width | None = None
    """The width of one attention head; H/N if it is not given."""
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
            raise ZooError(
                f"it needs dims.{name}, which the variant leaves out; set it, for example +dims.{name}={example}"
            )
        return value


class PartRef(Record):
    """A registered part by name, with its options."""

    name: Name
    options: dict[str, JsonValue] = Field(default={})

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
    """How weights are initialized. The defaults are BERT's (google-research/bert, initializer_range)."""

    linear_std: Positive = 0.02
    embedding_std: Positive = 0.02
    positions: Literal["normal", "sinusoidal"] = "normal"
    position_amplitude: Positive = 0.2
    position_base: Positive = 30.0
    keys_start_as_queries: bool = False


class PoolingConfig(Record):
    """How a task head makes one vector per sequence: first token, last or mean, a pair read jointly or compared.

    A dense layer with an `activation` follows (none if it is null), then a linear layer, with an `output_bias` or
    without. `input_dropout` is applied to the pooled vector before the dense layer, as in RoBERTa's released head. With
    `norm`, the dense layer has no bias, a norm follows it, and heads of tokens have both too, as ModernBERT's. Heads of
    answers have `answer_dropout` in place of `dropout`: none, as in BERT's released code (run_squad.py).
    """

    pooling: Literal["first", "last", "mean"] = "first"
    pair: Literal["joint", "compare"] = "joint"
    activation: Activation | None = "tanh"
    norm: bool = False
    output_bias: bool = True
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    answer_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    input_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0


class HeadConfig(Record):
    """A task head: what it predicts, its labels, one text or a pair, options of its kind, how it pools a sequence.

    One that is a `library_class`, as a folder of another library may hold it, has the layers that its encoder gives
    (`Encoder.head_layers`) in place of the zoo's, and pools as they do.
    """

    kind: str
    labels: tuple[str, ...] = ()
    pair: bool = False
    options: dict[str, JsonValue] = Field(default={})
    pooling: PoolingConfig = PoolingConfig()
    features: FeatureConfig | None = None
    library_class: str = ""


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
    adaptation: Adaptation = Adaptation()
    finetuning: Finetuning
    distillation: Distillation = Distillation()
    head: PoolingConfig = PoolingConfig()
    pruning: Pruning = Pruning()
    quantization: Quantization | None = None

    @field_validator("objectives")
    @classmethod
    def _once_each(cls, objectives: tuple[PartRef, ...]) -> tuple[PartRef, ...]:
        names = [used.name for used in objectives]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is named {names.count(name)} times")
        return objectives

    def swap(self, name: str, **fields: Any) -> Self:
        """The same variant under another name, with some fields replaced.

        Raises ZooError if the result is not a valid variant.
        """
        try:
            return self.model_validate({**dict(self), **fields, "name": name})
        except ValidationError as error:
            raise ZooError(f"variant {name!r}: {explain(error)}") from None

    @property
    def is_compressed(self) -> bool:
        """Whether something is taken out of it, or it is stored in fewer bits."""
        return bool(self.pruning.takes) or self.quantization is not None

    @property
    def uncompressed(self) -> Self:
        """The same without pruning and quantization."""
        return self.model_copy(update={"pruning": Pruning(), "quantization": None})

    def as_pruned(self, pruning: Pruning) -> Self:
        """What is left of it without the heads, units and layers that a recipe takes out; the heads' width stays."""
        dims = self.dims
        sizes: dict[str, int] = {"n_layers": len(kept_layers(dims.n_layers, pruning))}
        if pruning.heads and dims.n_heads:
            width = dims.head_width or dims.hidden_width // dims.n_heads
            sizes |= {"n_heads": n_kept(dims.n_heads, pruning.heads), "head_width": width}
        if pruning.ffn and dims.ffn_width:
            sizes["ffn_width"] = n_kept(dims.ffn_width, pruning.ffn)
        return self.model_copy(update={"dims": dims.model_copy(update=sizes)})

    def __repr__(self) -> str:
        dims, recipe, tuning = self.dims, self.pretraining, self.finetuning
        heads = f", {dims.n_heads} heads" if dims.n_heads else ""
        narrow = f", embeddings {dims.embedding_width}" if dims.embedding_width != dims.hidden_width else ""
        length = f"{tuning.steps:,} steps" if tuning.steps else f"{tuning.epochs:g} epochs"
        learned = self.distillation
        taught = [f"  teacher       {learned.teacher}: {learned.label}"] if learned.teacher else []
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
                *taught,
            )
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"
