"""A family's checkpoint format: the keys of config.json and the names of weights, in the zoo's terms.

A plugin describes its family in tables; reading and writing use the same tables in opposite directions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import JsonValue, ValidationError

from zoo.core.errors import ZooError, explain
from zoo.core.specs import PartRef, PoolingConfig, Variant
from zoo.weights.name_table import NameRule, NameTable

Config = Mapping[str, Any]

TASK = "task"
"""What a loaded task head is called among a model's objectives."""

POOL = "pool"
"""What a pooler without a head is called among a model's objectives."""

UNTIED_DECODER = "untied"
"""The head that is an output layer with its own table."""


OWN_HEAD = "task_head"
"""The head that is a task head of the zoo's own: its key in config.json, and the first word of its weights' names."""


def _same(value: Any, config: Config) -> Any:
    return value


@dataclass(frozen=True)
class Setting:
    """A key of config.json and the field of a Variant that it sets.

    `default` is what an absent key means in the reference library, `unset` the value at which our option is left out.
    `read` and `write` convert between the two values if they differ; each is given the config so far.
    """

    theirs: str
    ours: str
    default: JsonValue
    unset: JsonValue = None
    read: Callable[[Any, Config], Any] = _same
    write: Callable[[Any, Config], Any] = _same


class HeadDropout(NamedTuple):
    """The key of a head's dropout, None if config.json has none; and what its absence means, None for the layers'."""

    key: str | None
    default: float | None = None


class PoolingKey(NamedTuple):
    """The key that says how heads pool a sequence, its default, and its value for each name of ours."""

    key: str
    default: str
    theirs: Mapping[str, str]


NO_KEY = PoolingKey("", "", {})
"""For a format whose heads all pool alike."""

HEAD_DROPOUT = {"question-answering": HeadDropout(None, 0.0)}
"""The dropouts of heads in most families; of other kinds it is classifier_dropout."""


@dataclass(frozen=True)
class CheckpointFormat:
    """One `model_type` of config.json.

    - `base` gives the parts, the recipe and everything else that a config does not say.
    - `settings` are what a config says; if two have the same key, the first is written.
    - `fixed` are settings of which the zoo supports only this value, which their absence means too; where it means
      another in the reference library, they are `required`.
    - `base_weights` names the weights of embedding and encoder; `base_prefixes` are their first words, and the
      pooler's: in a checkpoint with a head these come after `prefix`, in a bare one they don't, and both are read.
    - `heads` are what may come on top: the name of an objective; a kind of head (`classification`,
      `token-classification`, `question-answering`, `multiple-choice`); POOL for a pooler alone; UNTIED_DECODER for the
      table of an output layer that may be tied to the token table, whose objective has an option `tied`.
      OWN_HEAD for a task head of the zoo's own, whatever its kind, beside the weights of an encoder.
    - `architectures` are the reference library's classes, with the heads of each; the first has none.
    - `copies` are weights that may be stored a second time, each with what it repeats; `ignored` are templates of the
      names of those that hold nothing, `transposed` of those that are stored with input and output exchanged.
    - `causal` says whether the family reads from left to right.
    - `not_stored` are objectives that serve pre-training alone and have no place in a folder; those in `joint_pairs`
      have one unless they compare two texts.
    - `aliases` are beginnings of names that mean the same as others; `not_carried` are settings that a folder loses
      when it is written, as the same is said by others.
    - `token_ids` are keys that hold the ids of special tokens, with the role of each, where the reference library's
      defaults are only right for the released vocabulary.
    - `tokenizer_classes` are the reference library's tokenizers that the tokenizer of `base` stands for, the family's
      own first; `tokenizer` are its options in tokenizer_config.json, `tokenizer_config` is what such a file is to say
      of a tokenizer that we write.
    - `head_dropout` are the dropouts of heads, where a kind of head has another than HEAD_DROPOUT says. With
      `drops_head_input`, a classifier has it twice. `pooling` is how heads pool a sequence, unless `pooling_key` is a
      key that says so. `library_heads` are the reference library's classes of those heads whose layers the encoder
      makes (`Encoder.head_layers`).
    """

    name: str
    base: Variant
    settings: tuple[Setting, ...]
    prefix: str
    base_prefixes: tuple[str, ...]
    base_weights: tuple[NameRule, ...]
    heads: Mapping[str, tuple[NameRule, ...]]
    architectures: Mapping[str, tuple[str, ...]]
    copies: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    transposed: tuple[str, ...] = ()
    causal: bool = False
    not_stored: tuple[str, ...] = ()
    joint_pairs: tuple[str, ...] = ()
    fixed: Mapping[str, JsonValue] = field(default_factory=dict)
    required: Mapping[str, JsonValue] = field(default_factory=dict)
    aliases: tuple[tuple[str, str], ...] = ()
    not_carried: tuple[str, ...] = ()
    token_ids: Mapping[str, str] = field(default_factory=dict)
    tokenizer_classes: tuple[str, ...] = ()
    tokenizer: tuple[Setting, ...] = ()
    tokenizer_config: Mapping[str, JsonValue] = field(default_factory=dict)
    head_dropout: Mapping[str, HeadDropout] = field(default_factory=dict)
    drops_head_input: bool = False
    pooling: PoolingConfig = field(default_factory=PoolingConfig)
    pooling_key: PoolingKey = NO_KEY
    library_heads: Mapping[str, str] = field(default_factory=dict)

    def dropout_of(self, kind: str) -> HeadDropout:
        """The dropout of heads of one kind."""
        return self.head_dropout.get(kind, HEAD_DROPOUT.get(kind, HeadDropout("classifier_dropout")))

    @property
    def untied_objective(self) -> str | None:
        """The objective whose output layer may have a table of its own, which its option `tied` then says."""
        rows = self.heads.get(UNTIED_DECODER, ())
        return rows[0][1].split(".")[1].replace("/", ".") if rows else None

    def table(self, heads: tuple[str, ...]) -> NameTable:
        """The names of all weights of a model with these heads."""
        return NameTable([*self.base_weights, *(row for head in heads for row in self.heads.get(head, ()))])

    def normalise_name(self, name: str) -> str:
        """A stored name in the spelling of the tables: without prefix, gamma and beta."""
        for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
            if name.endswith(old):
                name = name.removesuffix(old) + new
        for other, usual in self.aliases:
            if name.startswith(other):
                name = usual + name.removeprefix(other)
        bare = name.removeprefix(self.prefix)
        return bare if bare.split(".")[0] in self.base_prefixes else name

    def ignores(self, name: str) -> bool:
        """Whether a normalized name is one of those that hold nothing."""
        return _is_among(name, self.ignored)

    def transposes(self, name: str) -> bool:
        """Whether a normalized name is one of those that are stored transposed."""
        return _is_among(name, self.transposed)

    def left_out(self, variant: Variant) -> set[str]:
        """The objectives of a variant that have no place in a folder."""
        comparing = {used.name for used in variant.objectives if used.options.get("pair") == "compare"}
        return {used.name for used in variant.objectives if used.name in self.not_stored} | (
            comparing & {*self.joint_pairs}
        )

    def stored(self, canonical: str, heads: tuple[str, ...]) -> str:
        """The name under which a checkpoint with these heads stores a weight."""
        bare = not set(heads) - {POOL}
        return canonical if bare or canonical.split(".")[0] not in self.base_prefixes else self.prefix + canonical

    def variant(self, config: Config, name: str, where: str) -> Variant:
        """What a config describes. Raises ZooError for what the zoo does not support."""
        for key, value in {**self.fixed, **self.required}.items():
            if config.get(key, None if key in self.required else value) != value:
                given = f"is {config[key]!r:.60}" if key in config else "is left out"
                raise ZooError(f"{where}: {key} {given}; the zoo supports only {json.dumps(value)}")
        paper = f"a {self.name} checkpoint, after {self.base.paper}"
        record: dict[str, Any] = self.base.model_dump(mode="json") | {"name": name, "paper": paper}
        for setting in self.settings:
            try:
                value = setting.read(config.get(setting.theirs, setting.default), config)
            except TypeError:
                given = config.get(setting.theirs, setting.default)
                raise ZooError(f"{where}: {setting.theirs} cannot be {given!r:.60}") from None
            except ZooError as error:
                raise ZooError(f"{where}: {error}") from None
            fields, key = _place(record, setting)
            if fields is record.get("dims") or value != setting.unset:
                fields[key] = value
        limit = record["dims"]["max_length"]
        for phase, length in (("pretraining", "sequence_length"), ("finetuning", "max_length")):
            if type(limit) is int:
                record[phase][length] = min(record[phase][length], limit)
        if (record["pretraining"]["short_length"] or 0) >= record["pretraining"]["sequence_length"]:
            record["pretraining"]["short_length"] = None
        try:
            return Variant.model_validate_json(json.dumps(record))
        except ValidationError as error:
            keys = {setting.ours: setting.theirs for setting in self.settings}
            paths = (".".join(map(str, complaint["loc"])) for complaint in error.errors(include_url=False))
            named = ", ".join(dict.fromkeys(keys.get(path, path) for path in paths))
            raise ZooError(f"{where}: {named} cannot be used: {explain(error)}") from None

    def config(self, variant: Variant) -> dict[str, JsonValue] | None:
        """The settings that describe a variant; None if it cannot be expressed in this format."""
        if (variant.embedding.name, variant.encoder.name) != (self.base.embedding.name, self.base.encoder.name):
            return None
        record = variant.model_dump(mode="json")
        config: dict[str, JsonValue] = {"model_type": self.name, **self.required}
        for setting in self.settings:
            fields, key = _place(record, setting)
            config.setdefault(setting.theirs, setting.write(fields.get(key, setting.unset), config))
        try:
            again = self.variant(config, variant.name, "")
        except ZooError:
            return None
        return config if self._shape(again) == self._shape(variant) else None

    def computes(self, variant: Variant, objective: str) -> bool:
        """Whether an objective's head, in a checkpoint of this format, has the activation that a variant gives it."""
        ours, theirs = (_activation(of, objective, variant.dims.activation) for of in (variant, self.base))
        return ours == theirs

    def _shape(self, variant: Variant) -> tuple[object, ...]:
        """Everything that decides what a model computes; options at their defaults are left out."""
        return variant.dims, self._options("embedding", variant.embedding), self._options("encoder", variant.encoder)

    def _options(self, kind: str, used: PartRef) -> dict[str, JsonValue]:
        unset = {setting.ours: setting.unset for setting in self.settings}
        defaults = (self.base.embedding if kind == "embedding" else self.base.encoder).options
        return defaults | {k: value for k, value in used.options.items() if unset.get(f"{kind}.{k}") != value}


def _is_among(name: str, templates: tuple[str, ...]) -> bool:
    return bool(NameTable([(template, template) for template in templates]).ours(name))


def _activation(variant: Variant, objective: str, layers: str) -> JsonValue:
    """The activation of an objective's head: its own, or the layers'."""
    options = next((used.options for used in variant.objectives if used.name == objective), {})
    return options.get("activation") or layers


def _place(record: dict[str, Any], setting: Setting) -> tuple[dict[str, Any], str]:
    """The part of a variant's record that a setting refers to, and the key in it."""
    top, _, key = setting.ours.partition(".")
    return (record[top]["options"] if "options" in record[top] else record[top]), key
