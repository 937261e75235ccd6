"""What a folder's tokenizer is: its tokenizer.json as it is, or what the class that it names makes of a vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from zoo.core.errors import ZooError
from zoo.text.added_tokens import Special, extra_names, special_in
from zoo.text.tokenizer_document import vocabulary_of, with_tokens
from zoo.weights.folder import TOKENIZER, TOKENIZER_CONFIG, CheckpointFolder

AS_IT_IS = "PreTrainedTokenizerFast"
"""What the transformers library calls a tokenizer that is its tokenizer.json and nothing else."""

SPELLINGS = {
    "pad": ("[PAD]", "<pad>"),
    "unk": ("[UNK]", "<unk>"),
    "cls": ("[CLS]", "<cls>", "<s>"),
    "sep": ("[SEP]", "<sep>", "</s>"),
    "mask": ("[MASK]", "<mask>"),
}
"""How special tokens are called where a tokenizer.json has them and nothing says what they are for."""

NOT_CARRIED = (
    "auto_map", "added_tokens_decoder", "fast_tokenizer_files", "vocab", "merges", "additional_special_tokens"
)  # fmt: skip
"""Keys of tokenizer_config.json that are not carried over: they speak of the files that it came with."""

Document = dict[str, Any]
Ids = Mapping[str, tuple[str, int]]
"""The name and the id of each role."""


class Built(NamedTuple):
    """A tokenizer in the form of tokenizer.json, its special tokens, what else is said of it, and the file to name."""

    document: Document
    special: Special
    config: dict[str, Any]
    where: str


class Scheme(NamedTuple):
    """What a class of the transformers library makes of a vocabulary, whatever else a tokenizer.json says."""

    model: str
    """The kind of model, as tokenizer.json calls it."""
    names: Mapping[str, Any]
    """What roles are called unless the folder says otherwise; with flags, as an entry of tokenizer.json."""
    document: Callable[[CheckpointFolder, Mapping[str, Any]], Document]
    """The vocabulary of a folder and all that comes before and after it, given options of our own."""
    file: str
    """The vocabulary that it can be made of where there is no tokenizer.json; empty if none."""
    frame: Callable[[Ids, Document], Document | None]
    """What stands around texts, given the tokens of each role."""
    has_segments: bool = False
    """Whether the library hands segments to the model."""
    needs: tuple[str, ...] = ("unk", "cls", "sep")
    """The roles whose tokens the vocabulary must have."""


def scheme_of(folder: CheckpointFolder, schemes: Mapping[str, Scheme]) -> Scheme | None:
    """The scheme that a folder asks for, None for its tokenizer.json as it is. Raises ZooError if it can be neither.

    A tokenizer.json of another kind of model than its class makes is taken as it is.
    """
    whole = folder.tokenizer
    named = folder.tokenizer_class or (next(iter(schemes), "") if "model_type" in folder.config or not whole else "")
    scheme = schemes.get(named)
    if whole is not None:
        model = whole.get("model")
        fits = scheme is not None and isinstance(model, dict) and model.get("type") in (None, scheme.model)
        return scheme if fits else None
    if folder.tokenizer_file is None:
        folder.tokenizer_content(TOKENIZER)
    if scheme is None or not scheme.file or not folder.holds(scheme.file):
        files = " or ".join(filter(None, (TOKENIZER, scheme.file if scheme else "")))
        raise ZooError(f"{folder.path}: the tokenizer is a {named or AS_IT_IS}, which the zoo makes of {files} alone")
    return scheme


def by_class(folder: CheckpointFolder, scheme: Scheme, options: Mapping[str, Any]) -> Built:
    """The tokenizer that a scheme makes. Raises ZooError if the vocabulary lacks a token that it needs."""
    where = str(folder.tokenizer_file or folder.path / TOKENIZER)
    document = scheme.document(folder, options)
    vocabulary = vocabulary_of(document, where)
    extra = document["added_tokens"]
    special = special_in(folder, scheme.names, vocabulary, as_it_is=False, extra=extra)
    missing = [special.named.get(role, f"{role} token") for role in scheme.needs if role not in special.roles]
    if missing:
        raise ZooError(f"{where}: the vocabulary lacks {', '.join(missing):.200}; name the tokens that stand for them")
    document = with_tokens(document, special.tokens, vocabulary)
    ids = {entry["content"]: entry["id"] for entry in document["added_tokens"]}
    roles = {role: (name, ids[name]) for role, name in special.roles.items()}
    document["model"] = _knowing_unknown(document["model"], *roles["unk"])
    document["post_processor"] = scheme.frame(roles, document)
    more = [name for name, is_special in extra if is_special and name not in special.roles.values()]
    config = {**({"extra_special_tokens": more} if more else {}), **_config(folder, scheme.has_segments)}
    return Built(document, special, config, where)


def as_it_is(folder: CheckpointFolder) -> Built:
    """The tokenizer that tokenizer.json is, with all tokens that other files add to it."""
    where = str(folder.path / TOKENIZER)
    document = folder.tokenizer or folder.tokenizer_json(TOKENIZER)
    vocabulary = vocabulary_of(document, where)
    padding = document.get("padding")
    names = {"pad": padding["pad_token"]} if isinstance(padding, dict) and "pad_token" in padding else {}
    special = special_in(folder, names, vocabulary, as_it_is=True)
    called = {role: name for role, name in _called(document, special).items() if role not in special.named}
    document = with_tokens(document, special.tokens, vocabulary)
    return Built(document, special._replace(roles={**called, **special.roles}), _config(folder, False), where)


def _called(document: Document, special: Special) -> dict[str, str]:
    """The roles of special tokens by their usual names."""
    names = {name for name, token in special.tokens.items() if token.special}
    found = {role: [name for name in spellings if name in names] for role, spellings in SPELLINGS.items()}
    return {role: spelt[0] for role, spelt in found.items() if spelt}


def _knowing_unknown(model: Document, name: str, index: int) -> Document:
    if model["type"] == "Unigram":
        return {**model, "unk_id": index}
    return {**model, "unk_token": name} if model["type"] == "WordPiece" else model


def _config(folder: CheckpointFolder, has_segments: bool) -> dict[str, Any]:
    """What is said of a tokenizer beside its tokenizer.json."""
    legacy = {} if "added_tokens_decoder" in folder.tokenizer_config else folder.special_tokens
    said = {**folder.tokenizer_config, **legacy}
    carried = {key: value for key, value in said.items() if key not in NOT_CARRIED}
    extra = extra_names(folder, said)
    inputs = ["input_ids", *["token_type_ids"] * has_segments, "attention_mask"]
    defaults = {"model_input_names": inputs, "clean_up_tokenization_spaces": False}
    return {**defaults, **carried, **({"extra_special_tokens": extra} if extra else {})}


def template(cls: tuple[str, int], sep: tuple[str, int], *, n_between: int = 1, second: int = 1) -> Document:
    """A template: the first token, a text and a separator; `n_between` separators and a second text with its own."""

    def token(name: str, kind: int) -> Document:
        return {"SpecialToken": {"id": name, "type_id": kind}}

    def text(name: str, kind: int) -> Document:
        return {"Sequence": {"id": name, "type_id": kind}}

    single = [token(cls[0], 0), text("A", 0), token(sep[0], 0)]
    between = [token(sep[0], 0)] * (n_between - 1)
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, *between, text("B", second), token(sep[0], second)],
        "special_tokens": {name: {"id": name, "ids": [index], "tokens": [name]} for name, index in (cls, sep)},
    }


def said_flag(folder: CheckpointFolder, key: str, given: bool | None, default: bool | None) -> bool | None:
    """An option as given, else as tokenizer_config.json has it. Raises ZooError if it is neither true nor false."""
    said = folder.tokenizer_config.get(key)
    if not isinstance(said, bool | None):
        raise ZooError(f"{folder.path / TOKENIZER_CONFIG}: {key} should be true or false, not {said!r:.60}")
    return next((value for value in (given, said) if value is not None), default)


def vocabulary_in(folder: CheckpointFolder) -> dict[str, int]:
    """The ids of the pieces in tokenizer.json. Raises ZooError if it has none."""
    return vocabulary_of(folder.tokenizer or {}, str(folder.path / TOKENIZER))
