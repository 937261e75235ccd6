"""One plugin by any of its names: its own, its distribution's, or the folder of its package."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

from zoo.core.errors import UnknownName, ZooError
from zoo.registry.offers import PROJECT
from zoo.registry.plugins import Plugin, Source, installed_plugins


def find_plugin(asked: str) -> tuple[list[Source], Plugin]:
    """What brings all plugins, and the one that is asked for: by name, by distribution, or the folder of its package.

    A package in a folder takes the place of an installed one of the same name. Raises ZooError if there is none.
    """
    sources = installed_plugins()
    folder = Path(asked)
    if (folder / "pyproject.toml").is_file():
        source = _in_folder(folder)
        return [*(each for each in sources if each[0].name != source[0].name), source], source[0]
    found = [plugin for plugin, _ in sources if asked in (plugin.name, plugin.distribution)]
    if found:
        return sources, found[0]
    if folder.is_dir():
        raise ZooError(f"{folder} holds no pyproject.toml, so it is no package of a plugin")
    if folder.exists():
        raise ZooError(f"{folder} is a file; name the folder of a plugin's package")
    if len(folder.parts) > 1 or asked.startswith("."):
        raise ZooError(f"there is no folder {asked!r}")
    made = Path(f"zoo-{asked}")  # where `zoo new` puts it
    if (made / "pyproject.toml").is_file():
        raise ZooError(f"the plugin {asked!r} is not installed: pip install -e {made}, or zoo check ./{made}")
    raise UnknownName("plugin", asked, {name for each, _ in sources for name in (each.name, each.distribution)})


def _in_folder(folder: Path) -> Source:
    """The plugin of a package's folder, whose modules can be imported from now on."""
    path = folder / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ZooError(f"{path}: not valid TOML: {error}") from None
    entries = project.get("entry-points", {}).get(PROJECT, {})
    if len(entries) != 1:
        stated = f"{len(entries)} plugins" if entries else "no plugin"
        raise ZooError(
            f'{path} states {stated}; add one line below [project.entry-points.{PROJECT}], as mine = "zoo_mine"'
        )
    ((name, module),) = entries.items()
    sys.path[:0] = [str(place.resolve()) for place in (folder, folder / "src") if place.is_dir()]
    entry = EntryPoint(name, module, PROJECT)
    return Plugin(name, str(project.get("name", folder.name)), str(project.get("version", "-"))), entry.load
