"""How fast a plugin is listed."""

from __future__ import annotations

import json
import subprocess
import sys

LONGEST_LISTING = 1.0
"""Seconds of processor time that a plugin may take to say what it offers."""

LISTING = """
import json, sys, time
sys.path[:0] = json.loads(sys.argv[1])
from zoo.registry.packages import find_plugin
from zoo.registry.catalog import Catalog
sources, plugin = find_plugin(sys.argv[2])
began = time.process_time()
Catalog([source for source in sources if source[0] == plugin], lambda *failure: None).plugins
print(json.dumps({"seconds": time.process_time() - began, "torch": "torch" in sys.modules}))
"""


def check_listing(asked: str) -> None:
    """In a process of its own, the plugin says what it offers within a second, and imports no torch for it."""
    command = [sys.executable, "-c", LISTING, json.dumps(sys.path), asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.strip().rpartition("\n")[2]
    found = json.loads(done.stdout.splitlines()[-1])
    assert not found["torch"], "torch is imported to list it"
    assert found["seconds"] <= LONGEST_LISTING, f"it takes {found['seconds']:.1f} s to be listed"
