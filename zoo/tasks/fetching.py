"""Fetching the data of a suite of tasks from the Hugging Face hub; needs the extra `encoder-zoo[hub]`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.core.errors import RunFailed, UnknownName, ZooError
from zoo.core.files import make_folder, open_regular, write_text

README, RECORD = "README.md", "SOURCE.json"
PIECE = 1 << 20
"""Bytes that are hashed at once."""


@dataclass(frozen=True)
class Suite:
    """Where a suite lies on the hub: a repository with a folder for each data set; and who made it."""

    repository: str
    folders: tuple[str, ...]
    terms: str


SUITES: Mapping[str, Suite] = {
    "glue": Suite(
        "nyu-mll/glue",
        ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli"),
        "GLUE (Wang et al. 2019, ICLR); each of its data sets has terms of its own, and authors to be cited",
    )
}


@dataclass(frozen=True)
class Fetched:
    """What was fetched: the commit of the repository, its license, and the files, some of which were there before."""

    folder: Path
    suite: Suite
    commit: str
    license: str
    files: Mapping[str, str]
    n_kept: int

    def __repr__(self) -> str:
        kept = f", {self.n_kept} of them there before" if self.n_kept else ""
        return (
            f"{len(self.files)} files in {self.folder}{kept}, all as the hub's hashes say\n"
            f"source: {self.suite.repository}@{self.commit[:12]}; {self.suite.terms}\n"
            f"license, as its README says: {self.license}"
        )


def fetch_suite(name: str, out: Path, folders: Sequence[str] = (), revision: str = "main") -> Fetched:
    """Fetch a suite, or some of its data sets, into a folder; what is there and whole is kept.

    Every file is checked against the hash that the hub states, and SOURCE.json says what was fetched. Raises
    UnknownName for another suite or data set, ZooError if huggingface_hub is missing or the hub has no such revision,
    and RunFailed if the hub cannot be reached or a file is not what it should be.
    """
    if name not in SUITES:
        raise UnknownName("suite that can be fetched", name, SUITES)
    suite = SUITES[name]
    for folder in folders:
        if folder not in suite.folders:
            raise UnknownName(f"data set of {name}", folder, suite.folders)
    api = _hub()
    info = _asked(lambda: api.dataset_info(suite.repository, revision=revision, files_metadata=True), suite, revision)
    wanted = [its for its in info.siblings if _is_wanted(its.rfilename, folders or suite.folders)]
    if lacking := [each for each in folders or suite.folders if not _of_folder(wanted, each)]:
        raise RunFailed(f"{suite.repository} has no Parquet files of {lacking[0]} at {revision}")
    make_folder(out)
    kept = [its.rfilename for its in wanted if _is_whole(out / its.rfilename, its)]
    for its in wanted:
        if its.rfilename not in kept:
            _fetch(api, suite, info.sha, its, out)
    license = _license(info)
    files = {its.rfilename: _stated(its) for its in wanted}
    source = {"repository": suite.repository, "commit": info.sha, "license": license, "terms": suite.terms}
    write_text(out / RECORD, json.dumps({**source, "files": files}, indent=1) + "\n")
    return Fetched(out, suite, str(info.sha), license, files, len(kept))


def _hub() -> Any:
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise ZooError('downloading needs huggingface_hub; pip install "encoder-zoo[hub,data]"') from None
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)


def _asked(question: Any, suite: Suite, revision: str) -> Any:
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        return question()
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise ZooError(f"the hub has no {suite.repository} at revision {revision!r:.60}") from None
    except Exception as error:  # of the library, of its HTTP client, or of the system
        reason = str(error).strip().split("\n")[0]
        raise RunFailed(
            f"cannot download {suite.repository}: {type(error).__name__}: {reason:.200}; what was "
            "downloaded is kept, and the same command resumes"
        ) from None


def _fetch(api: Any, suite: Suite, commit: str, its: Any, out: Path) -> None:
    def get() -> object:
        return api.hf_hub_download(
            suite.repository, its.rfilename, repo_type="dataset", revision=commit, local_dir=out, force_download=stale
        )

    path = out / its.rfilename
    stale = path.exists()
    _asked(get, suite, commit)
    if not _is_whole(path, its):
        path.unlink(missing_ok=True)
        raise RunFailed(f"{path}: is not the file whose hash the hub states, and was removed; download it again")


def _is_wanted(name: str, folders: Iterable[str]) -> bool:
    return name == README or (name.endswith(".parquet") and name.partition("/")[0] in folders and ".." not in name)


def _of_folder(files: Iterable[Any], folder: str) -> list[str]:
    return [its.rfilename for its in files if its.rfilename.startswith(f"{folder}/")]


def _stated(its: Any) -> str:
    """The hash of a file's content that the hub states: SHA-256 of large files, else git's of the file as a blob."""
    return f"sha256:{its.lfs.sha256}" if its.lfs else f"git:{its.blob_id}"


def _is_whole(path: Path, its: Any) -> bool:
    """Whether a file is there with the size and the hash that the hub states."""
    if not path.is_file() or path.stat().st_size != its.size:
        return False
    total = hashlib.sha256() if its.lfs else hashlib.sha1(f"blob {its.size}\0".encode(), usedforsecurity=False)
    with open_regular(path) as file:
        while piece := file.read(PIECE):
            total.update(piece)
    return total.hexdigest() == str(its.lfs.sha256 if its.lfs else its.blob_id)


def _license(info: Any) -> str:
    said = getattr(info.card_data, "license", None) if info.card_data else None
    return ", ".join(map(str, said)) if isinstance(said, list) else str(said or "none stated")
