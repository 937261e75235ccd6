"""Any tokenizer of the `tokenizers` library, as a folder says it is; families add how theirs are trained and built."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as SequenceOf
from copy import copy
from functools import cached_property, lru_cache
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Never, NoReturn, Self, TypeVar

import numpy as np
import tokenizers
from numpy.typing import NDArray

from zoo.core.batch import Encoding, Flags, Ids, Joined
from zoo.core.errors import ZooError
from zoo.core.interfaces import FolderLike, Tokenizer
from zoo.text.added_tokens import AddedToken, Special
from zoo.text.runs import framed, longest_first
from zoo.text.schemes import AS_IT_IS, Built, Scheme, as_it_is, by_class, scheme_of
from zoo.text.tokenizer_document import PROBES, check_ids, frame_of, make_rust, try_out, with_tokens
from zoo.text.word_memo import Found, WordMemo
from zoo.text.words import begins_word
from zoo.weights.folder import TOKENIZER, TOKENIZER_CONFIG, CheckpointFolder

T = TypeVar("T")

TRAINED = "a tokenizer just trained"

AT_ONCE = 4_096
"""Texts that are encoded together."""

WORDS_AT_ONCE = 256
"""Words by themselves that the library is given as one text."""


class SpecialTokens(NamedTuple):
    """What a family calls its special tokens."""

    pad: str
    unk: str
    cls: str
    sep: str
    mask: str


class RustTokenizer(Tokenizer):
    """A tokenizer of the `tokenizers` library, saved as Hugging Face folders have it.

    The name of a special token that occurs in a text is text: `encode` never returns the id of one that has a role.
    (The released tokenizers read "[MASK]" in a text as the mask, which lets a text forge the structure of its
    sequence.) Tokens that a folder added for its own ends are one id each. An unknown token stands for text.
    Asking for the id of a role that the folder leaves out raises ZooError, but for the unknown token.
    """

    unk_id = -1
    names: ClassVar[SpecialTokens]
    schemes: ClassVar[Mapping[str, Scheme]] = {}
    """The classes of the transformers library that this one stands for; the first is the family's own."""

    def __init__(self, built: Built) -> None:
        self._built, self._where = built, built.where
        self._rust = make_rust(built.document, self._where)
        self._vocabulary = self._rust.get_vocab()
        check_ids(self._vocabulary, built.special.ids, self._where)
        try_out(self._rust, built.document, self._where)
        self._frames = {pair: frame_of(self._rust, self._vocabulary, pair, self._where) for pair in (False, True)}
        around = np.concatenate([ids for frame in self._frames.values() for ids in frame[:3]])
        if around.max(initial=0) >= self.vocab_size:
            raise ZooError(f"{self._where}: its template has the id {around.max()}, which no token has")
        alone = self._frames[False]
        self._roles = _framing(self._rust, alone.before, alone.after) | built.special.roles
        self.__dict__ |= {f"{role}_id": self._rust.token_to_id(name) for role, name in self._roles.items()}
        self.bos_id = self.__dict__.get("bos_id", self.__dict__.get("eos_id"))
        roles = [role for role in (*SpecialTokens._fields, "bos", "eos") if role in self._roles and role != "unk"]
        self._special_ids = tuple(dict.fromkeys([*(self.__dict__[f"{role}_id"] for role in roles), *around.tolist()]))
        self._is_special = np.isin(np.arange(self.vocab_size), self.special_ids)
        self._as_text = np.where(self._is_special, self.unk_id, np.arange(self.vocab_size))
        self._as_text = self._as_text.astype(np.int32)
        self._rust = self._inert()
        self._memo = WordMemo.of(built.document, self._rust, self._pieces, self._pieces_of_words)

    if not TYPE_CHECKING:  # asked for what is not there alone

        def __getattr__(self, name: str) -> NoReturn:
            role = name.removesuffix("_id")
            if role == name or role not in SpecialTokens._fields:
                raise AttributeError(name)
            raise ZooError(f"{self._where}: the tokenizer has no {role} token, and what was asked for needs one")

    @classmethod
    def trained(
        cls, rust: tokenizers.Tokenizer, post_processor: Mapping[str, Any], *, mask_takes_space: bool = False
    ) -> Self:
        """A family's tokenizer, just trained; its special tokens are pieces of the model already."""
        tokens = {name: AddedToken(name, lstrip=mask_takes_space and name == cls.names.mask) for name in cls.names}
        document = {**json.loads(rust.to_str()), "post_processor": post_processor}
        roles = cls.names._asdict()
        return cls(
            Built(with_tokens(document, tokens, rust.get_vocab()), Special(roles, tokens, {}, roles), {}, TRAINED)
        )

    @classmethod
    def load(cls, folder: FolderLike, *args: Any, **options: Any) -> Self:
        """The tokenizer that a folder says it holds, of whatever kind; options overrule its own.

        Where the folder names a class that this one stands for, it is what transformers 5.23 makes of the vocabulary;
        else it is what tokenizer.json says. Raises ZooError.
        """
        said = folder if isinstance(folder, CheckpointFolder) else CheckpointFolder(folder / "")
        scheme = scheme_of(said, cls.schemes)
        if scheme:
            return cls(by_class(said, scheme, options))
        built, given = as_it_is(said), {name: value for name, value in options.items() if value is not None}
        return cls(built._replace(document=cls.overruled(built.document, given)))

    @classmethod
    def overruled(cls, document: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """A tokenizer.json, changed by options that were given; a family knows where it has its own."""
        return document

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, and tokenizer_config.json with the roles: the transformers library reads them alike."""
        folder.mkdir(parents=True, exist_ok=True)
        named = {f"{role}_token": name for role, name in self._built.special.named.items()}
        config = {**self._built.config, "tokenizer_class": AS_IT_IS, **named}
        for name, content in ((TOKENIZER, self._built.document), (TOKENIZER_CONFIG, config)):
            text = json.dumps(content, indent=2, ensure_ascii=name == TOKENIZER_CONFIG)
            (folder / name).write_text(text + "\n", encoding="utf-8")

    @cached_property
    def vocab_size(self) -> int:
        """The number of ids, special tokens included."""
        return 1 + max(self._vocabulary.values())

    @property
    def special_ids(self) -> tuple[int, ...]:
        """The ids that stand for no text: those of roles, and those of the template."""
        return self._special_ids

    @property
    def special_names(self) -> dict[str, str]:
        """The names of special tokens by role."""
        return {role: name for role, name in self._roles.items() if role in SpecialTokens._fields}

    @cached_property
    def word_starts(self) -> Flags:
        """Which ids begin a word; special tokens begin none. [V]"""
        starts = np.zeros(self.vocab_size, dtype=np.bool_)
        begins = begins_word(self._built.document["model"], self._vocabulary)
        added = self._built.special.tokens
        for piece, index in self._vocabulary.items():
            starts[index] = index == self.unk_id or piece in added or begins(piece)
        return starts & ~self._is_special

    @cached_property
    def splits_at_spaces(self) -> bool:  # type: ignore[override]
        """As Tokenizer says, tried on texts of all kinds."""
        pairs = [(text, text[:at].rstrip()) for text in PROBES for at, sign in enumerate(text) if sign == " "]
        wholes, beginnings = (self.encode(its) for its in zip(*pairs, strict=True))
        return all(np.array_equal(a[: len(b)], b) for a, b in zip(wholes, beginnings, strict=True))

    def encode(self, texts: SequenceOf[str]) -> list[Ids]:
        """The ids of each text, without special tokens. Raises ZooError for what is no text."""
        ids, lengths = self._end_to_end(texts)
        return [ids[start:end] for start, end in pairwise(accumulate(lengths.tolist(), initial=0))]

    def encode_with_offsets(self, texts: SequenceOf[str]) -> list[tuple[Ids, Ids]]:
        """The ids of each text, and where in it each begins and ends, in characters. -> [S], [S, 2]"""
        return [(found.ids, found.offsets) for part in self._in_parts(texts, self._located) for found in part]

    def _end_to_end(self, texts: SequenceOf[str]) -> tuple[Ids, NDArray[np.int64]]:
        """The ids of all texts [T], and how many each has [B]."""
        none = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
        ids, lengths = zip(none, *self._in_parts(texts, self._ids), strict=True)
        return np.concatenate(ids), np.concatenate(lengths)

    def _in_parts(self, texts: SequenceOf[str], read: Callable[[list[str]], T]) -> Iterator[T]:
        """What is read of a few texts at a time."""
        texts = list(texts)
        for start in range(0, len(texts), AT_ONCE):
            try:
                found = read(texts[start : start + AT_ONCE])
            except (KeyboardInterrupt, MemoryError):
                raise
            except BaseException as error:  # the Rust library's panics are no Exceptions
                _refuse(texts, f"{self._where}: {' '.join(str(error).split()):.200}")
            yield found

    def _ids(self, texts: list[str]) -> tuple[Ids, NDArray[np.int64]]:
        if self._memo:
            return self._memo.ids(texts)
        pieces = self._pieces(texts, False)
        return np.concatenate(pieces)[:, 0], np.fromiter(map(len, pieces), np.int64, len(pieces))

    def _located(self, texts: list[str]) -> list[Found]:
        return self._memo.found(texts, True) if self._memo else [Found(its) for its in self._pieces(texts, True)]

    def _pieces(self, texts: list[str], located: bool) -> list[Ids]:
        """The id of each piece of texts, and its characters if it is `located`. -> [S, 1 or 3]"""
        encode = self._rust.encode_batch if located else self._rust.encode_batch_fast
        encodings = encode(texts, add_special_tokens=False)
        return self._divided(encodings, located, [len(encoding.ids) for encoding in encodings])

    def _pieces_of_words(self, words: list[str]) -> list[Ids]:
        """The id of each piece of words, each read by itself, and its characters. -> [S, 3]"""
        groups = [words[start : start + WORDS_AT_ONCE] for start in range(0, len(words), WORDS_AT_ONCE)]
        encodings = self._rust.encode_batch(groups, is_pretokenized=True, add_special_tokens=False)
        owners = (np.array(encoding.word_ids, dtype=np.int64) for encoding in encodings)
        counts = [np.bincount(its, minlength=len(group)) for its, group in zip(owners, groups, strict=True)]
        return self._divided(encodings, True, list(chain.from_iterable(counts)))

    def _divided(self, encodings: list[tokenizers.Encoding], located: bool, counts: list[int]) -> list[Ids]:
        """The pieces of all encodings, divided by how many each text or word has.

        A unigram model may still choose "<pad>" as one piece among others: it is unknown then, or left out.
        """
        pieces = self._as_text[list(chain.from_iterable(encoding.ids for encoding in encodings))][:, None]
        if located:
            places = list(chain.from_iterable(encoding.offsets for encoding in encodings))
            pieces = np.hstack([pieces, np.array(places, dtype=np.int32).reshape(-1, 2)])
        divided = [pieces[start:end] for start, end in pairwise(accumulate(counts, initial=0))]
        return divided if self.unk_id >= 0 else [its[its[:, 0] >= 0] for its in divided]

    def decode(self, ids: SequenceOf[int]) -> str:
        """The text of ids, special tokens left out."""
        return self._rust.decode([int(i) for i in ids if i not in self._special_ids], skip_special_tokens=False)

    def parsing_special(self) -> Self:
        """The same tokenizer, to which "[MASK]" and its like in a text are special tokens, as released ones have it."""
        parsing = copy(self)
        parsing._rust = make_rust(self._built.document, self._where)
        parsing._rust.encode_special_tokens = self._splits_special
        parsing._memo = None
        parsing._as_text = np.arange(self.vocab_size, dtype=np.int32)
        return parsing

    @property
    def _splits_special(self) -> bool:
        return self._built.config.get("split_special_tokens") is True

    def _inert(self) -> tokenizers.Tokenizer:
        """Names of roles in a text are text; the folder's own tokens are found, as what is special no longer is."""
        own = [
            token.content
            for token in self._built.special.tokens.values()
            if token.special and not self._is_special[self._rust.token_to_id(token.content)]
            and token.content not in self._roles.values()
        ]  # fmt: skip
        rust = self._rust
        if own and not self._splits_special:
            entries = [
                {**e, "special": e["special"] and e["content"] not in own} for e in self._built.document["added_tokens"]
            ]
            rust = make_rust({**self._built.document, "added_tokens": entries}, self._where)
        rust.encode_special_tokens = True
        return rust

    def n_special(self, pair: bool) -> int:
        """How many special tokens `join` adds to one text, or to two."""
        return self._frames[pair].n_special

    def join(self, first: Ids, second: Ids | None, max_length: int) -> Encoding:
        """One sequence of one text or two, special tokens added, the longer text cut first.

        A separator is of the text that it closes. Raises ZooError if no room is left for text.
        """
        before, between, after, types = self._frames[second is not None]
        room = max_length - self.n_special(second is not None)
        if room < 1:
            raise ZooError(f"{max_length} tokens leave no room for text beside the special ones; allow more")
        n_first, n_second = longest_first(len(first), len(second) if second is not None else 0, room)
        tail = after if second is None else np.concatenate([second[:n_second], after])
        ids = np.concatenate([before, first[:n_first], between, tail])
        if not len(ids):
            raise ZooError(f"{self._where}: a text without tokens makes an empty sequence, with no special token")
        segments = _segments(len(ids), 0 if second is None else len(tail))
        return Encoding(ids, segments, self._is_special[ids], None if types is None else types.of(n_first, n_second))

    def encode_joined(self, texts: SequenceOf[str], max_length: int) -> Joined | None:
        """What `join` makes of each text by itself, at once where its template allows it. Raises ZooError as `join`."""
        before, _, after, types = self._frames[False]
        room = max_length - len(before) - len(after)
        if types or not 0 < room < max_length:
            return None
        ids, lengths, n_cut = framed(*self._end_to_end(texts), before, after, room)
        return Joined(ids, self._is_special[ids], lengths, n_cut)


@lru_cache(maxsize=4_096)
def _segments(length: int, n_second: int) -> Ids:
    """Zeros, and ones at the end; shared by sequences of the same lengths, so that a million items have few. [S]"""
    segments = np.zeros(length, dtype=np.int32)
    segments[length - n_second :] = 1 if n_second else 0
    segments.flags.writeable = False
    return segments


def _framing(rust: tokenizers.Tokenizer, before: Ids, after: Ids) -> dict[str, str]:
    """The tokens around a text, which are the first and the separator where nothing else is said."""
    found = {"cls": before[:1], "sep": after[-1:]}
    return {role: str(rust.id_to_token(int(ids[0]))) for role, ids in found.items() if len(ids)}


def _refuse(texts: SequenceOf[object], reason: str) -> Never:
    """Raise ZooError for the first that is no text, or that holds what no file can."""
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise ZooError(f"text {number} is not a text but a {type(text).__name__}: {text!r:.60}") from None
        lone = [place for place, character in enumerate(text, 1) if "\ud800" <= character <= "\udfff"]
        if lone:
            raise ZooError(
                f"text {number} holds half of a surrogate pair at character {lone[0]}: {text!r:.60}; read it as UTF-8"
            ) from None
    raise ZooError(reason) from None
