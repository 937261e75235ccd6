"""Standard output and error for commands: any text can be printed, and a reader that leaves is no error."""

from __future__ import annotations

import codecs
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO

from zoo.core.errors import RunFailed

ESCAPES = "zoo-json-escapes"
"""An encoding error handler that escapes as JSON does: readable in text, valid in JSON."""

_results: list[TextIO] = []


def results() -> TextIO:
    """The stream of a command's answer: standard output, even if all other output is redirected."""
    return _results[-1] if _results else sys.stdout


@contextmanager
def prepared(*, answer_alone: bool) -> Iterator[None]:
    """Prepare the standard streams for a command, and log to standard error, inside the block.

    With `answer_alone`, all other output goes to standard error, whether of a plugin, a native library or a child
    process.
    """
    with ExitStack() as stack:
        err = stack.enter_context(_fit(sys.stderr, sys.__stderr__, reports_errors=False))
        stack.enter_context(redirect_stderr(err))
        out = stack.enter_context(_fit(sys.stdout, sys.__stdout__, reports_errors=True))
        if answer_alone and sys.stdout is sys.__stdout__:
            stack.enter_context(_descriptor_led(1, 2))
        stack.enter_context(redirect_stdout(err if answer_alone else out))
        stack.enter_context(_logged())
        _results.append(out)
        stack.callback(_results.pop)
        yield


@contextmanager
def _fit(stream: TextIO | None, original: TextIO | None, *, reports_errors: bool) -> Iterator[TextIO]:
    """The stream, able to print any text; a stream that replaces the process's own is left as it is."""
    if stream is None:  # closed before the process began
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            yield nowhere
    elif stream is not original:
        yield stream
    else:
        stream.flush()
        raw = io.BufferedWriter(_Raw(os.dup(stream.fileno()), reports_errors=reports_errors))
        lines = stream.isatty() or not reports_errors
        fit = io.TextIOWrapper(raw, encoding=stream.encoding, errors=ESCAPES, line_buffering=lines)
        try:
            yield fit
        finally:
            with suppress(RunFailed):  # a command flushes what it wants to be sure of
                fit.close()


class _Raw(io.FileIO):
    """A stream beneath its buffer. When it fails once, what follows is dropped; a reader that left is no failure."""

    def __init__(self, descriptor: int, *, reports_errors: bool) -> None:
        super().__init__(descriptor, "w")
        self._reports_errors, self._gone = reports_errors, False

    def write(self, content: Any) -> int:
        """Write to the stream. Raises RunFailed if it refuses."""
        try:
            return len(content) if self._gone else super().write(content)
        except OSError as error:
            self._gone = True
            if self._reports_errors and not isinstance(error, BrokenPipeError):
                raise RunFailed(f"cannot write to standard output: {error.strerror}") from error
            return len(content)


@contextmanager
def _descriptor_led(source: int, target: int) -> Iterator[None]:
    """Inside, output to one of the process's descriptors goes to another."""
    kept = os.dup(source)
    try:
        with suppress(OSError):  # a target that was closed before the process began
            os.dup2(target, source)
        yield
    finally:
        os.dup2(kept, source)
        os.close(kept)


@contextmanager
def _logged() -> Iterator[None]:
    """Inside, the zoo's log is printed to standard error."""
    log, handler = logging.getLogger("zoo"), _ToStandardError()
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


class _ToStandardError(logging.Handler):
    """A line for each message, on what standard error is at the moment: a progress bar may have replaced it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the message."""
        print(record.getMessage(), file=sys.stderr)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error(ESCAPES, _escape)
