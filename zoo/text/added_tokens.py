"""Special and added tokens of a folder: what its files say of them, merged as the transformers library does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from zoo.core.errors import ZooError
from zoo.weights.folder import ADDED_TOKENS, SPECIAL_TOKENS, TOKENIZER, TOKENIZER_CONFIG, CheckpointFolder

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")

LARGEST_ID = 16_777_216
"""An id beyond any vocabulary's, whose rows alone would fill memory."""


@dataclass(frozen=True)
class AddedToken:
    """A token that is found in a text before the text is split, and how."""

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False
    special: bool = True

    @classmethod
    def read(cls, found: object, where: str, **given: bool) -> AddedToken:
        """A token by its name alone, or with its flags. Raises ZooError."""
        fields = found if isinstance(found, dict) else {"content": found}
        flags: dict[str, Any] = {**{flag: fields[flag] for flag in FLAGS if flag in fields}, **given}
        content = fields.get("content")
        if not (isinstance(content, str) and content and all(isinstance(value, bool) for value in flags.values())):
            raise ZooError(f"{where}: {found!r:.80} is not a token's name, or an object of its name and flags")
        try:
            content.encode()
        except UnicodeEncodeError:
            raise ZooError(f"{where}: the token {content!r:.60} holds half of a surrogate pair") from None
        return cls(content, **{"normalized": not flags.get("special", isinstance(found, str)), **flags})

    def entry(self, index: int) -> dict[str, Any]:
        """The token as tokenizer.json has it."""
        return {"id": index, **asdict(self)}


class Special(NamedTuple):
    """The special and added tokens of a tokenizer."""

    roles: dict[str, str]
    """The names of those that the tokenizer has, by role."""
    tokens: dict[str, AddedToken]
    """All added tokens, in the order in which they are numbered."""
    ids: dict[str, int] = {}  # noqa: RUF012  # never changed
    """The ids that files give to some."""
    named: dict[str, str] = {}  # noqa: RUF012
    """All that the folder names by role, those too that its vocabulary lacks."""


def special_in(
    folder: CheckpointFolder,
    names: Mapping[str, Any],
    vocabulary: Mapping[str, int],
    *,
    as_it_is: bool,
    extra: Sequence[tuple[str, bool]] = (),
) -> Special:
    """The special and added tokens of a folder; `names` are those of roles that it leaves unsaid.

    `extra` are tokens of the vocabulary file that are never split, and whether they are special.

    As transformers 5.23 puts them together, in tokenization_utils_base.py and tokenization_utils_tokenizers.py, with
    one difference: a role's token that no vocabulary and no list of added tokens holds is left out, as the model has
    no row for it; only where tokens without ids come after it does it take its place.
    """
    listed = dict(_listed(folder, TOKENIZER, (folder.tokenizer or {}).get("added_tokens", [])))
    decoder = folder.tokenizer_config.get("added_tokens_decoder")
    if decoder is not None:
        said = dict(folder.tokenizer_config)
        found = dict(_listed(folder, TOKENIZER_CONFIG, _entries(decoder, folder)))
    else:
        said = {**folder.tokenizer_config, **folder.special_tokens}
        found = {**_legacy(folder, said), **listed}
    first = listed if as_it_is else {}
    roles, more = _roles(folder, said, names), _extra(folder, said)
    if not _listed_extra(folder, said):
        more += [AddedToken(name, special=special) for name, special in extra]
    tokens = {token.content: token for token in first.values()}
    there, named = set(first.values()), {token.content for token in roles.values()}
    for _, token in sorted(found.items()):
        if token not in there:
            tokens[token.content] = replace(token, special=token.special or token.content in named)
    there_by_name, listed_names = set(tokens), {*tokens, *vocabulary}
    fresh = any(token.content not in listed_names for token in more)
    for token in (*roles.values(), *more):  # of one that has two roles, the last counts
        if token.content not in there_by_name and (token.content in vocabulary or fresh):
            tokens[token.content] = token
    ids = {token.content: index for index, token in {**first, **found}.items()}
    names_by_role = {role: token.content for role, token in roles.items()}
    return Special({role: name for role, name in names_by_role.items() if name in tokens}, tokens, ids, names_by_role)


def _entries(decoder: object, folder: CheckpointFolder) -> list[dict[str, Any]]:
    if not isinstance(decoder, dict) or not all(isinstance(token, dict) for token in decoder.values()):
        raise ZooError(f"{folder.path / TOKENIZER_CONFIG}: added_tokens_decoder should be an object of tokens by id")
    return [{**token, "id": int(index) if index.isdecimal() else index} for index, token in decoder.items()]


def _listed(folder: CheckpointFolder, file: str, entries: object) -> Iterator[tuple[int, AddedToken]]:
    """The tokens of a list, by their ids."""
    where = str(folder.path / file)
    if not isinstance(entries, list):
        raise ZooError(f"{where}: added_tokens should be a list of tokens")
    for entry in entries:
        token = AddedToken.read(entry, where)
        yield check_id(entry.get("id") if isinstance(entry, dict) else None, token.content, where), token


def check_id(index: object, piece: str, where: str) -> int:
    """The id of a piece. Raises ZooError if it is none, or too large to be meant."""
    if type(index) is not int or not 0 <= index < LARGEST_ID:
        raise ZooError(f"{where}: {piece!r:.60} has the id {index!r:.40}; ids go from 0 to {LARGEST_ID - 1:,}")
    return index


def _legacy(folder: CheckpointFolder, said: Mapping[str, Any]) -> dict[int, AddedToken]:
    """The tokens of added_tokens.json: those that have a role are special."""
    where = str(folder.path / ADDED_TOKENS)
    special = {token.content for token in (*_roles(folder, said, {}).values(), *_extra(folder, said))}
    return {
        check_id(index, piece, where): AddedToken.read(piece, where, special=piece in special)
        for piece, index in folder.added_tokens.items()
    }


def _roles(folder: CheckpointFolder, said: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, AddedToken]:
    """The token of each role: as said, else of the name that its class gives it; by its flags, if it gives any."""
    found = {}
    for role in ROLES:
        key = f"{role}_token"
        value = said.get(key, names.get(role))
        if isinstance(value, str) and isinstance(names.get(role), Mapping):
            value = {**names[role], "content": value}
        if value is not None:
            found[role] = AddedToken.read(value, _where(folder, key), special=True)
    return found


def _extra(folder: CheckpointFolder, said: Mapping[str, Any]) -> list[AddedToken]:
    """Special tokens without a role of ours: under names of their own, or listed."""
    named = [
        value
        for key, value in said.items()
        if key.endswith("_token") and key[:-6] not in ROLES and isinstance(value, str)
    ]
    listed = _listed_extra(folder, said)
    values: Sequence[object] = [*named, *(listed.values() if isinstance(listed, dict) else listed)]
    return [AddedToken.read(value, _where(folder, "extra_special_tokens"), special=True) for value in values]


def extra_names(folder: CheckpointFolder, said: Mapping[str, Any]) -> list[str] | dict[str, str]:
    """The names alone of the special tokens that a folder lists beside those with a role."""
    listed, where = _listed_extra(folder, said), _where(folder, "extra_special_tokens")
    if isinstance(listed, dict):
        return {key: AddedToken.read(value, where).content for key, value in listed.items()}
    return [AddedToken.read(value, where).content for value in listed]


def _listed_extra(folder: CheckpointFolder, said: Mapping[str, Any]) -> list[Any] | dict[str, Any]:
    found = said.get("extra_special_tokens") or said.get("additional_special_tokens") or []
    if not isinstance(found, list | dict):
        raise ZooError(f"{_where(folder, 'extra_special_tokens')}: the extra special tokens should be a list")
    return found


def _where(folder: CheckpointFolder, key: str) -> str:
    return str(folder.path / (SPECIAL_TOKENS if key in folder.special_tokens else TOKENIZER_CONFIG))
