"""Checkpoints by their name on the Hugging Face hub, a revision pinned; needs the extra `encoder-zoo[hub]`."""

from __future__ import annotations

import re
from pathlib import Path

from zoo.errors import ZooError

FILES = ("*.safetensors", "*.safetensors.index.json", "config.json", "tokenizer.json", "tokenizer_config.json",
         "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "variant.json", "objectives.json")  # fmt: skip
"""What is fetched: weights that are no pickles, and data; never code."""

PREFIX = "hub:"
_NAME = re.compile(r"hub:(?P<repository>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


def is_hub_name(name: str) -> bool:
    """Whether a name means the hub: hub:OWNER/NAME@REVISION."""
    return name.startswith(PREFIX)


def resolve(name: str) -> Path:
    """The folder that a name means, on this disk or on the hub. Raises ZooError."""
    return fetch(name) if is_hub_name(name) else Path(name)


def fetch(name: str, *, cache: Path | None = None, offline: bool = False) -> Path:
    """The folder of hub:OWNER/NAME@REVISION in the hub's cache, fetched if it is not there.

    The folder is called by the commit that the revision means. Raises ZooError where no revision is given, the name is
    not found, or huggingface_hub is not installed.
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise ZooError(f"{name!r} is no name on the hub; write hub:OWNER/NAME@REVISION")
    if not found["revision"]:
        raise ZooError(
            f"{name!r} names no revision, and what it means may change; write {name}@REVISION, as {name}@main"
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise ZooError(
            "names on the hub need huggingface_hub; install it with: pip install 'encoder-zoo[hub]'"
        ) from None
    try:
        place = snapshot_download(
            found["repository"],
            revision=found["revision"],
            cache_dir=cache,
            allow_patterns=list(FILES),
            local_files_only=offline,
        )
    except (OSError, ValueError) as error:  # what huggingface_hub raises is one of these or of their kinds
        reason = str(error).strip().split("\n")[0]
        raise ZooError(f"cannot fetch {name}: {type(error).__name__}: {reason}") from None
    return Path(place)
