"""The one way to read a line of text: strict UTF-8, and errors that say where."""

from __future__ import annotations

import gzip
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

from zoo.core.errors import ZooError

KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


LONE_RETURN = r"lines end in \r alone; save the file with line ends \n or \r\n"


def check_readable(path: Path) -> None:
    """See that a path is a file that can be opened, without waiting for anything. Raises ZooError if it is not."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb"):
                return
    except (OSError, ValueError) as error:
        raise ZooError(
            f"{path}: {getattr(error, 'strerror', None) or error}; a file that can be read is needed"
        ) from None
    kind = next(name for is_kind, name in KINDS.items() if is_kind(mode))
    raise ZooError(f"{path}: is {kind}; text is read more than once, so give a file")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""The lines of a UTF-8 file, numbered from 1, without line ends and byte-order mark; gunzipped if called `.gz`.

    Only \n and \r\n end a line: U+2028, U+0085 and their like are text. Control characters are kept, as GLUE's own
    files hold some. Raises ZooError if the file cannot be read, is not UTF-8, holds a NUL, or has no other line ends
    than \r.
    """
    check_readable(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if number == 1 and b"\r" in raw and not raw.endswith(b"\n"):
                    raise ZooError(f"{path}:1: {LONE_RETURN}")
                yield number, _decode(raw, path, number)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ZooError(f"{path}: broken gzip file ({error}); download it again") from None
    except OSError as error:
        raise ZooError(f"{path}: {error.strerror or error}") from None


def _decode(raw: bytes, path: Path, number: int) -> str:
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        place, byte = error.start + 1, error.object[error.start]
        raise ZooError(
            f"{path}:{number}: byte {place} of the line, 0x{byte:02x}, is not UTF-8; save the file as UTF-8"
        ) from None
    if "\0" in line:
        raise ZooError(f"{path}:{number}: a NUL at character {line.index(chr(0)) + 1}; this is not plain UTF-8 text")
    return line.removesuffix("\n").removesuffix("\r")
