"""A tokenizer.json made into a tokenizer: what the Rust library refuses or panics over is found when it is loaded."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
import tokenizers

from zoo.core.batch import Ids
from zoo.core.errors import ZooError, visible
from zoo.text.added_tokens import LARGEST_ID, AddedToken, check_id

PROBES = (
    "A dog, ran! don't 12.5 ``quoted''",
    "  \t\u00a0Éé e\u0301 \ufb01 \uff21 \u0130 ß\r\n",
    "我是中文字ねこ한국어 हिन्दी ไทย مرحبا",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001d15e\u200b\ufeff\u0000\ufffd\ue000",
)
"""What is tried: scripts, marks and signs, among them some that no vocabulary has."""

FRAMED = ("a", "x", "0", ".", "我")
"""Texts that are likely to have a token, to see what stands around them."""


class Types(NamedTuple):
    """The types of tokens: of the special ones, and of those of each text."""

    before: tuple[int, ...]
    first: int
    between: tuple[int, ...]
    second: int
    after: tuple[int, ...]

    def of(self, n_first: int, n_second: int) -> Ids:
        """The types of a sequence, given how many tokens each text has. -> [S]"""
        special = (*self.before, *self.between, *self.after)
        if not (self.first or self.second or any(special)):
            return np.zeros(len(special) + n_first + n_second, dtype=np.int32)
        texts = [self.first] * n_first, [self.second] * n_second
        return np.array([*self.before, *texts[0], *self.between, *texts[1], *self.after], dtype=np.int32)

    def tell_texts(self, pair: bool) -> bool:
        """Whether they are 0 up to the second text, and 1 from there on."""
        early = (*self.before, self.first, *self.between)
        return not any(early) and all(kind == pair for kind in (self.second * pair, *self.after))


class Frame(NamedTuple):
    """The special tokens around one text or two, and the types of all, where these are not which text each is of."""

    before: Ids
    between: Ids
    after: Ids
    types: Types | None

    @property
    def n_special(self) -> int:
        """How many special tokens there are."""
        return len(self.before) + len(self.between) + len(self.after)


def vocabulary_of(document: Mapping[str, Any], where: str) -> dict[str, int]:
    """The ids of the model's pieces. Raises ZooError if there are none, or one is far too large."""
    model = document.get("model")
    pieces = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(pieces, list) and all(
        isinstance(row, list | tuple) and isinstance([*row, 0][0], str) for row in pieces
    ):
        return {row[0]: index for index, row in enumerate(pieces)}
    if not isinstance(pieces, dict) or not pieces:
        raise ZooError(f"{where}: not a tokenizer of the Hugging Face format (it holds no vocabulary); save it again")
    return {piece: check_id(index, piece, where) for piece, index in pieces.items()}


def make_rust(document: Mapping[str, Any], where: str) -> tokenizers.Tokenizer:
    """The tokenizer of a document. Raises ZooError if it is broken."""
    with _refusing(where):
        return tokenizers.Tokenizer.from_str(json.dumps(document, ensure_ascii=False))


def with_tokens(
    document: Mapping[str, Any], tokens: Mapping[str, AddedToken], vocabulary: Mapping[str, int]
) -> dict[str, Any]:
    """A document with these added tokens, numbered as the Rust library does: those new to the model come after it."""
    entries, following = [], len(vocabulary)
    for name, token in tokens.items():
        entries.append(token.entry(vocabulary.get(name, following)))
        following = max(following, entries[-1]["id"] + 1)
    return {**document, "added_tokens": entries, "truncation": None, "padding": None}


def check_ids(found: Mapping[str, int], declared: Mapping[str, int], where: str) -> None:
    """See that added tokens have the ids that files give them, and no two tokens one. Raises ZooError."""
    for name, index in declared.items():
        if name in found and found[name] != index:
            raise ZooError(
                f"{where}: the added token {name!r:.60} is to have the id {index}, but the vocabulary before it makes "
                f"that {found[name]}; the files are not of one tokenizer"
            )
    owners: dict[int, str] = {}
    for name, index in found.items():
        if owners.setdefault(index, name) != name:
            raise ZooError(f"{where}: {owners[index]!r:.60} and {name!r:.60} both have the id {index}")


def try_out(rust: tokenizers.Tokenizer, document: Mapping[str, Any], where: str) -> None:
    """Read texts of all kinds, so that nothing fails later. Raises ZooError."""
    texts = list(PROBES)
    if "precompiled_charsmap" in json.dumps(document.get("normalizer")):  # a table with a place for each character
        lines = (range(start, min(start + 512, 0x2FFFF)) for start in range(1, 0x2FFFF, 512))
        texts += ["".join(chr(code) for code in line if not 0xD800 <= code < 0xE000) for line in lines]
    with _refusing(where):
        for text in texts:  # one by one, as a panic takes long
            rust.decode(rust.encode(text, text[::-1]).ids)
        rust.decode(list(range(min(1_000, rust.get_vocab_size()))))


def frame_of(rust: tokenizers.Tokenizer, vocabulary: Iterable[str], pair: bool, where: str) -> Frame:
    """What the tokenizer puts around one text or two. Raises ZooError if that has no fixed shape."""
    for text in chain(FRAMED, islice(vocabulary, 100)):
        with _refusing(where):
            n_tokens = len(rust.encode(text, add_special_tokens=False).ids)
            made = rust.encode(text, text) if pair else rust.encode(text)
        if n_tokens:
            return _frame(made, n_tokens, pair, where)
    raise ZooError(f"{where}: no text has any token")


def _frame(made: tokenizers.Encoding, n_tokens: int, pair: bool, where: str) -> Frame:
    owners = [-1 if owner is None else owner for owner in made.sequence_ids]
    texts = [place for place, owner in enumerate(owners) if owner >= 0]
    wanted = [0] * n_tokens + [1] * n_tokens * pair
    runs = np.split(texts, [n_tokens])
    if [owners[place] for place in texts] != wanted or any(len(run) and np.ptp(run) >= n_tokens for run in runs):
        raise ZooError(f"{where}: its template does not put each text once and in order, so it cannot be used")
    if max(made.ids) >= LARGEST_ID or max(made.type_ids) > 1:
        raise ZooError(f"{where}: its template has an id or a type that no model of ours has a row for")
    ids, kinds = np.array(made.ids, dtype=np.int32), tuple(made.type_ids)
    behind = texts[-1] + 1
    before, after = slice(texts[0]), slice(behind, None)
    between = slice(texts[0] + n_tokens, texts[n_tokens] if pair else texts[0] + n_tokens)
    types = Types(kinds[before], kinds[texts[0]], kinds[between], kinds[texts[-1]], kinds[after])
    return Frame(ids[before], ids[between], ids[after], None if types.tell_texts(pair) else types)


@contextmanager
def _refusing(where: str) -> Iterator[None]:
    """Make one line of what the Rust library raises; its panics are no Exceptions, and print traces."""
    with tempfile.TemporaryFile() as traces, _stderr_to(traces.fileno()):
        try:
            yield
        except (ZooError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            reason = visible(" ".join(str(error).split()))
            raise ZooError(f"{where}: not a tokenizer that can be used ({reason:.200}); download it again") from None


@contextmanager
def _stderr_to(target: int) -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(target, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
