"""What the functions about one model return: records that print as a few useful lines, and as HTML in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.checkpoints.converting import Moved
    from zoo.core.specs import Variant
    from zoo.inference.fill_mask import Candidate
    from zoo.machine.usage import Usage
    from zoo.model import Model
    from zoo.pretraining.outcome import Summary
    from zoo.text.cache import CorpusFacts


@dataclass(frozen=True)
class Pretrained:
    """A finished pre-training: its folder and its outcome. `is_main` is true only in the first process."""

    folder: Path
    summary: Summary
    is_main: bool = True

    @property
    def model_folder(self) -> Path:
        """The folder of the model, accepted wherever a variant is."""
        return self.folder / "model"

    def load(self) -> Model:
        """The trained model, with its tokenizer."""
        from zoo.checkpoints import load

        return load(self.model_folder)

    def draw(self) -> None:
        """Write the loss curve into the folder, as curve.svg."""
        from zoo.pretraining.curves import draw

        draw([self.folder], self.folder / "curve.svg", [self.summary.variant.name])

    def __repr__(self) -> str:
        from zoo.pretraining.display import describe

        done = self.summary
        scores = [f"  {name}: {describe(score)}" for name, score in done.held_out.items()]
        head = f"{done.variant.name}: {done.tokens:,} tokens in {done.steps:,} steps, {done.seconds:,.0f} s"
        return "\n".join([head, *(["on held-out text:", *scores] if scores else []), f"model: {self.model_folder}"])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


@dataclass(frozen=True)
class CorpusCounts:
    """Statistics of a corpus, as a variant tokenizes and packs it.

    `share_read` is the share of the tokens that an epoch reads; None, with a `complaint`, if the variant cannot pack
    the text.
    """

    n_files: int
    facts: CorpusFacts
    vocab_size: int
    variant: Variant
    share_read: float | None
    complaint: str = ""

    def as_json(self) -> dict[str, Any]:
        """The counts for other programs; shares are between 0 and 1."""
        return {
            **self.facts.model_dump(),
            "vocab_size": self.vocab_size,
            "unknown_share": self.facts.unknown / self.facts.tokens,
            "sequence_length": self.variant.pretraining.sequence_length,
            "share_read": self.share_read,
        }

    def __repr__(self) -> str:
        facts, packing = self.facts, self.variant.packing.name
        packed = f"{packing} in sequences of {self.variant.pretraining.sequence_length} tokens"
        read = self.complaint if self.share_read is None else f"an epoch reads {self.share_read:.1%} of the text"
        return (
            f"{self.n_files:,} files, {facts.documents:,} documents, {facts.sentences:,} sentences, {facts.tokens:,} "
            f"tokens of {self.vocab_size:,} pieces, {100 * facts.unknown / facts.tokens:.3f}% of them unknown\n"
            f"{packed}: {read}"
        )


@dataclass(frozen=True)
class Filled:
    """The most probable tokens for each mask of a text, best first, and what finding them took."""

    text: str
    masks: list[list[Candidate]]
    usage: Usage

    def __repr__(self) -> str:
        return "\n".join(
            f"mask {number}: " + ", ".join(f"{one.piece!r} {one.probability:.4f}" for one in candidates)
            for number, candidates in enumerate(self.masks, 1)
        )


@dataclass(frozen=True)
class Conversion:
    """The folder written, and what became of each stored tensor."""

    folder: Path
    tensors: list[Moved]

    def __repr__(self) -> str:
        kept = sum(one.after is not None for one in self.tensors)
        left = f", {len(self.tensors) - kept} left out" if kept < len(self.tensors) else ""
        return f"{self.folder}: {kept} tensors{left}"
