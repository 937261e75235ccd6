"""Commands typed in this process, where a process of their own is not what is tested: starting one takes seconds."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from zoo.cli import main


def typed(*words: object, cwd: Path | None = None) -> CompletedProcess[str]:
    """`zoo` with these words: its status, and what it printed."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        if cwd is not None:
            patch.chdir(cwd)
        patch.setattr(sys, "argv", ["zoo", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
    return CompletedProcess([*map(str, words)], int(end.value.code or 0), out.getvalue(), err.getvalue())


def on_any_machine(printed: str) -> str:
    """What a command printed, without what it says of this machine and its memory."""
    return re.sub(
        r"^cpu \(.*\), fp32, kernels [a-z, ]+; peak memory [0-9,]+ MB$", "on cpu", printed, flags=re.MULTILINE
    )
