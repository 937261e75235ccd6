"""The interface of task kinds: one file per kind defines everything about it. No torch at import."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from zoo.core.errors import ZooError
from zoo.core.specs import Reading
from zoo.tasks.task import Example, Label

if TYPE_CHECKING:
    from pydantic import JsonValue
    from torch import Tensor

    from zoo.core.batch import Batch, Encoding, Flags, Ids
    from zoo.core.interfaces import Tokenizer
    from zoo.text.windows import Window


class UnfitWord(ZooError):
    """What is wrong with one word of an item, the `place` of which among its words tells the line in some files."""

    def __init__(self, place: int, message: str) -> None:
        super().__init__(f"word {place + 1}: {message}")
        self.place = place


DIGITS = 6
"""Digits of a probability that is kept."""


Rewording: TypeAlias = Callable[[Sequence[str]], list[tuple[str, int]]]
"""The words of a text to other words, each with the place of the word that it stands for."""


@dataclass(frozen=True, slots=True)
class EncodedItem:
    """An item as a model reads it: one sequence, or several that are read together, as the choices of a question are.

    `offsets` [S, 2] are where in its text each token of the sequence begins and ends, where the kind needs it; `words`
    [W, 2] the same of words, and `places` [W] the first token of each, -1 where it was cut off. `widest` [S] says for
    which tokens this window of a text is the one to ask (zoo.text.windows). `text` is what they are places in.

    An item whose text is too long for one sequence has `windows`, each an item of one sequence: these are learned and
    predicted apart, in whatever batch, and their logits are put together to be decoded (TaskKind.join_logits).
    """

    encodings: tuple[Encoding, ...]
    offsets: Ids | None = None
    words: Ids | None = None
    places: Ids | None = None
    widest: Flags | None = None
    text: str = ""
    windows: tuple[EncodedItem, ...] = ()

    @classmethod
    def of_windows(cls, windows: Sequence[Window], text: str = "") -> EncodedItem:
        """An item of one window of a text, or of several."""
        parts = tuple(cls((its.encoding,), its.offsets, widest=its.widest, text=text) for its in windows)
        return parts[0] if len(parts) == 1 else cls(tuple(its.encoding for its in windows), text=text, windows=parts)

    def __len__(self) -> int:
        """Tokens in all."""
        return sum(map(len, self.encodings))

    @property
    def parts(self) -> tuple[EncodedItem, ...]:
        """What is put into batches: its windows, or the item itself."""
        return self.windows or (self,)


@dataclass(frozen=True)
class ItemField:
    """A field of an item in a data file, which a column holds."""

    name: str
    holds: str
    """What it is, in words."""
    several: bool = False
    """Whether it is a list, which several columns may hold together."""
    gold: bool = False
    """Whether it is the label, or a part of it, which a file of unlabelled items lacks."""
    optional: bool = False


TEXT, TEXT_PAIR = ItemField("text", "a text"), ItemField("text_pair", "the second text of a pair")


class TaskKind(ABC):
    """A kind of task at work on the labels of one task, whose items are single texts or pairs.

    Labels and predictions are what JSON holds: numbers, or lists of them; the label of an Example may be a tuple.
    """

    head: ClassVar[str]
    """The class of the head, a zoo.heads.TaskHead, as "module:Class"."""
    columns: ClassVar[tuple[str, ...]] = ("prediction", "probability")
    """What `zoo predict` prints for an item besides its number."""
    several_texts: ClassVar[bool] = False
    """Whether an item always has several texts, tabs between them."""
    is_one_class: ClassVar[bool] = False
    """Whether an item has one class, so that several classes of a model can mean the same one of a task."""
    answers_lie_in_items: ClassVar[bool] = False
    """Whether a label is a place among an item's own choices or in its text, so that equal ones teach, too."""
    by_likelihood: ClassVar[bool] = False
    """Whether nothing is trained: a model answers by how probable it finds an item's choices as texts (`prefer`)."""
    options: ClassVar[tuple[str, ...]] = ()
    """The names of its options: further arguments of its constructor, each with a default."""
    baselines: ClassVar[Mapping[str, str]] = {}
    """What predicts without reading, by name: functions of the kind, the dataset, the task and a seed."""

    cuts: ClassVar[str] = "items"
    """What is cut where it is too long, in words; see `longest`."""
    reading: Reading = Reading()
    """How items are read, as the recipe of a fine-tuning says."""
    reads: ClassVar[frozenset[str]] = frozenset({"max_length"})
    """The fields of `reading` on which its results depend."""

    loss_reads: ClassVar[frozenset[str]] = frozenset()
    """Which of a recipe's LOSS_FIELDS its loss knows."""

    rewords: ClassVar[bool] = False
    """Whether words of a training item may be swapped, left out, doubled or replaced, as `reworded` does."""

    def __init__(self, labels: Sequence[str], pair: bool = False) -> None:
        self.labels, self.pair = tuple(labels), pair

    def problem(self) -> str | None:
        """Why a task of this kind cannot have these labels; by default it must have two or more."""
        return None if len(self.labels) > 1 else "needs two labels or more"

    # What is asked for an item

    @abstractmethod
    def fits(self, value: Any) -> bool:
        """Whether a value can be a label or a prediction."""

    @property
    @abstractmethod
    def wanted(self) -> str:
        """What a label must be, in words."""

    def fits_item(self, item: Example) -> bool:
        """Whether an item's own label fits, and fits its text."""
        return item.label is not None and self.fits(self.to_json(item.label))

    def to_json(self, label: Label) -> Any:
        """A label as JSON has it: lists for tuples."""
        return [self.to_json(part) for part in label] if isinstance(label, tuple) else label

    @abstractmethod
    def read(self, cell: str) -> Label:
        """A label from a cell of a file. Raises ValueError if it is none."""

    @abstractmethod
    def shown(self, value: Any) -> str:
        """A prediction as a cell of a file."""

    # What a row of a data file holds

    def fields(self) -> tuple[ItemField, ...]:
        """The fields of an item, its label last."""
        return (TEXT, *([TEXT_PAIR] if self.pair else []), ItemField("label", self.wanted, gold=True))

    def item(self, row: Mapping[str, Any]) -> Example:
        """An item from its fields: cells of a table, or values of JSON or Parquet; spaces around a text are dropped.

        It has no label where that is None or not there. Raises ZooError or ValueError if a value is unfit.
        """
        second = text_in(row, TEXT_PAIR.name).strip() if self.pair else None
        return Example(text_in(row, TEXT.name).strip(), second, self.gold(row.get("label")))

    def gold(self, value: Any) -> Label:
        """A label from a cell, or from a value of JSON or Parquet, of which None is no label. Raises as `item` does."""
        return self.read(value.strip()) if isinstance(value, str) else from_json(value)

    def foreign(self, value: Any, *, gold: bool = False) -> Any:
        """A prediction as another tool writes it, or a label of its `gold` ones, as JSON has it here.

        Raises ZooError or ValueError if it is none.
        """
        return self.to_json(self.gold(value))

    def mismatch(self, gold: Any, prediction: Any) -> str | None:
        """Why a prediction cannot be for an item with this label; None, by default, if it fits."""
        return None

    def labels_in(self, value: Any) -> list[str]:
        """The labels that such a value names, known or not."""
        return [str(part) for part in value] if isinstance(value, list) else [str(value)]

    # What a model reads

    def example(self, texts: Sequence[str], pair: bool) -> Example:
        """An item without a label, from the texts of a line. Raises ZooError if it needs others."""
        if len(texts) != 1 + pair:
            raise ZooError(f"has {len(texts)} texts; --pairs needs two texts, a tab between them")
        return Example(texts[0], texts[1] if pair else None)

    def encode(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """Each item as at most `max_length` tokens, and how many items had to be cut."""
        from zoo.text.encoding import encode_texts

        texts = [item.first if item.second is None else (item.first, item.second) for item in examples]
        encodings, n_cut = encode_texts(tokenizer, texts, max_length)
        return [EncodedItem((encoding,)) for encoding in encodings], n_cut

    def longest(self, max_length: int) -> int:
        """How many tokens are left of what is cut."""
        return max_length

    def encode_lines(
        self, examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
    ) -> tuple[list[EncodedItem], int]:
        """The same for items of plain text, which belong to no task."""
        return self.encode(examples, tokenizer, max_length)

    def batch(self, items: Sequence[EncodedItem], labels: Sequence[Label] | None = None) -> Batch:
        """Items, with their labels if they are to be learned, packed; the sequences of an item say that they are its.

        A batch is divided by items, none of which is torn apart (Batch.micro_batch). Of an item with windows, the
        windows are given, each with the item's label.
        """
        from zoo.heads import LABEL
        from zoo.text.collate import collate

        owners = [index for index, item in enumerate(items) for _ in item.encodings]
        targets = None if labels is None else [self.target(*pair) for pair in zip(items, labels, strict=True)]
        return collate(
            [encoding for item in items for encoding in item.encodings],
            None if targets is None else {LABEL: [targets[owner] for owner in owners]},
            items=owners if len(owners) > len(items) else (),
        )

    def target(self, item: EncodedItem, label: Label) -> Any:
        """A label as a batch carries it for each sequence: a number, or equally many for all items."""
        return label

    def reworded(self, item: Example, change: Rewording) -> Example:
        """An item with other words, its label still true; of kinds that say so (`rewords`). Choices keep theirs."""

        def text(of: str) -> str:
            return " ".join(word for word, _ in change(of.split()))

        return replace(item, first=text(item.first), second=None if item.second is None else text(item.second))

    # What it predicts

    def join_logits(self, logits: Sequence[Tensor]) -> Tensor:
        """The logits of an item from those of its parts; windows one after the other, tokens in the first dimension."""
        import torch

        return logits[0] if len(logits) == 1 else torch.cat(list(logits))

    @abstractmethod
    def decode(self, item: EncodedItem, logits: Tensor) -> Any:
        """The prediction that an item's own logits (TaskHead.by_item) mean."""

    @abstractmethod
    def rows(self, example: Example, item: EncodedItem, logits: Tensor) -> Iterator[tuple[str, ...]]:
        """What `zoo predict` prints for an item in `columns`, in one row or several."""

    def prefer(self, log_probabilities: Sequence[float]) -> Any:
        """The prediction where an item's choices have these log-probabilities; of kinds `by_likelihood` alone."""
        raise NotImplementedError

    # How sure it is

    def probabilities(self, item: EncodedItem, logits: Tensor) -> Any:
        """The probabilities of an item's answers as JSON, with six digits; None, by default, if the kind has none."""
        return None

    def fits_probabilities(self, prediction: Any, value: Any) -> bool:
        """Whether a value can be the probabilities of an item with this prediction."""
        return value is None

    def judged(self, gold: Any, prediction: Any, probabilities: Any) -> Iterator[tuple[float, bool]]:
        """How probable each answer to an item was said to be, and whether it is right; for calibration."""
        return iter(())

    # How predictions are scored and compared

    def chosen(self, gold: Sequence[Any], predictions: Sequence[Any]) -> dict[str, JsonValue]:
        """Options of a trained model's head that are chosen on development items; none by default."""
        return {}

    def parts(self, gold: Sequence[Any], predictions: Sequence[Any]) -> Mapping[str, Mapping[str, float]]:
        """Scores of the parts of a task by name, such as types of entities; none by default."""
        return {}

    def side(self, values: Sequence[Any]) -> Any:
        """Labels or predictions of many items as the metrics of this kind take them."""
        return values

    def same(self, value: Any, other: Any) -> bool:
        """Whether two predictions are equal, but for what another run of the same model may round otherwise."""
        return bool(value == other)

    def is_constant(self, values: Sequence[Any]) -> bool:
        """Whether the same is predicted whatever is read."""
        return all(value == values[0] for value in values)

    def constants(self, gold: Sequence[Any]) -> list[list[Any]]:
        """Predictions of one answer for every item, of which the best has the score of chance; none by default."""
        return []


def rounded(probabilities: Tensor) -> Any:
    """Probabilities as JSON, with six digits."""
    return (probabilities.double() * 10**DIGITS).round().div(10**DIGITS).tolist()


def are_probabilities(value: Any, n: int, *, of_one: bool = True) -> bool:
    """Whether it is a list of `n` numbers from 0 to 1; together 1, up to rounding, if they are `of_one` answer."""
    fit = isinstance(value, list) and len(value) == n and all(isinstance(p, float) and 0 <= p <= 1 for p in value)
    return fit and (not of_one or abs(sum(value) - 1) <= n * 10**-DIGITS)


def judged_each(gold: Any, prediction: Any, probabilities: Any) -> Iterator[tuple[float, bool]]:
    """The same of answers that are each yes or no: `gold` and `prediction` are the places of yes."""
    for place, probability in enumerate(probabilities):
        holds = place in prediction
        yield (probability if holds else 1 - probability), holds == (place in gold)


def percent(probability: Any) -> str:
    """A probability as it is printed."""
    return f"{float(probability):.4f}"


def text_in(row: Mapping[str, Any], name: str) -> str:
    """The text in a field. Raises ZooError if it holds none."""
    text = row.get(name)
    if not isinstance(text, str):
        raise ZooError(f"{name} should be a text, and is {text!r:.60}")
    if "\0" in text:
        raise ZooError(f"{name} holds a NUL at character {text.index(chr(0)) + 1}")
    return text


def from_json(value: Any) -> Label:
    """A label from JSON: tuples for lists."""
    return tuple(map(from_json, value)) if isinstance(value, list) else value
