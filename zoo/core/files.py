"""Files that are complete or absent: written beside their target, flushed to disk, then renamed.

Also untrusted files, which may be anything until they are opened.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from zoo.core.errors import RunFailed, ZooError


def open_regular(path: Path) -> BufferedReader:
    """Open a file to be read. Raises ZooError if it cannot be opened, or is not a file (a named pipe would block)."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        mode = os.fstat(handle).st_mode
        if stat.S_ISREG(mode):
            return os.fdopen(handle, "rb")
        os.close(handle)
    except (OSError, ValueError) as error:  # a ValueError is a NUL in the name
        raise ZooError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    raise irregular(path, mode)


def irregular(path: Path, mode: int) -> ZooError:
    """The error if a file is needed and something else is there."""
    return ZooError(f"{path}: {'Is a directory' if stat.S_ISDIR(mode) else 'is a pipe or a device'}; give a file")


def read_regular(path: Path, largest: int) -> bytes:
    """What a file holds. Raises ZooError if it cannot be read, is not a file, or has more than `largest` bytes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > largest:
            raise ZooError(f"{path}: {size:,} bytes are more than the {largest:,} that such a file may have")
        try:
            return file.read(largest)
        except OSError as error:
            raise ZooError(f"{path}: {error.strerror}") from None


def is_device(path: Path) -> bool:
    """Whether a path is a device or a pipe, which must not be replaced: root could, and would break the system."""
    return path.exists() and not path.is_dir() and (not path.is_file() or path.parent == Path("/dev"))


def refuse_no_file(path: Path) -> None:
    """Raises ZooError if no file can be written under a name: it is a folder's, or in a folder that is not there."""
    if path.is_dir():
        raise ZooError(f"cannot write {path}: it is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise ZooError(f"cannot write {path}: there is no folder {path.parent}; make it first")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file that readers see complete or not at all. Raises RunFailed if the disk refuses.

    What is written to a device or a pipe, as /dev/stdout, goes straight there.
    """
    if is_device(path):
        try:
            path.write_bytes(content)
        except OSError as error:
            raise RunFailed(f"cannot write {path}: {error.strerror}") from error
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise RunFailed(f"cannot write {path}: {error.strerror}; what was there before is untouched") from error


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text as `write_bytes` does."""
    write_bytes(path, content.encode())


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder that appears only once `fill` has filled it; an older one is replaced.

    Raises RunFailed if the disk refuses; the older one is then untouched.
    """
    if is_device(path):
        raise ZooError(f"{path} is a pipe or a device; give the name of a folder")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    older = path.with_name(f".{path.name}.{os.getpid()}.old.part")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        fill(temporary)
        for written in (*temporary.rglob("*"), temporary):
            _flush(written)
        if path.exists():
            os.replace(path, older)
        os.replace(temporary, path)
        _flush(path.parent)
    except OSError as error:
        if older.exists() and not path.exists():
            os.replace(older, path)
        raise RunFailed(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for left in (temporary, older):
            shutil.rmtree(left, ignore_errors=True)


def make_folder(path: Path) -> None:
    """Make a folder and its parents if they do not exist. Raises ZooError if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(f"cannot make the folder {path}: {error.strerror}") from error


@contextmanager
def locked(folder: Path, *, wait: bool) -> Iterator[None]:
    """Lock a folder against other processes; the system unlocks it if this one is killed.

    Raises ZooError if it is locked and this one should not `wait`.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise ZooError(f"another process is using {folder}; wait for it, or use another folder") from None
        yield
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove half-written files that killed processes left in a folder."""
    for left in folder.glob(".*.part"):
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Flush a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
