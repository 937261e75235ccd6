"""Run folders that were damaged or altered: a line that names the file, or the same result; never a traceback."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.synthetic_runs import CATALOG, PLACE, made_up, rendered, saved
from zoo import ZooError
from zoo.experiments.plan.ablation import Ablation, edge
from zoo.experiments.plan.plan import read_plan
from zoo.experiments.report.build import write_report
from zoo.experiments.report.results_json import summary
from zoo.experiments.results.folder import read_run, results_by_key
from zoo.experiments.results.merge import merge
from zoo.experiments.results.run import ComparisonRun
from zoo.experiments.runner.claim import claim
from zoo.experiments.runner.job_store import JobStore
from zoo.experiments.statistics import chance, verdicts
from zoo.experiments.statistics.ablation import effects
from zoo.experiments.statistics.analysis import analyse
from zoo.experiments.statistics.error import Error
from zoo.experiments.statistics.verdicts import compare_systems
from zoo.experiments.submission.write import submit
from zoo.experiments.verify.files import Check, verify

N_MUTATIONS = 300
WRONG = {"bert-tiny": [18, 17, 19], "albert-tiny": [1, 2, 1]}

ODD: list[Any] = [
    None, True, -1, 0, 1, 7, 10**6, 2**63, 10**400, -(10**30), 0.5, -0.0, 1e308, -1e308, 1e39, "", "x", "majority",
    "../../x", "\u202e\x1b[31m", "x" * 100_000, [], [1], [[]], {}, {"x": 1}, [None] * 40, [0.5] * 40, [1] * 41,
    [7] * 40,
]  # fmt: skip
ODD_BYTES = (b"\xff", b"\0", b"9", b'"', b"}", b"9" * 5_000, b"[" * 9_000)


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdicts, "N_DRAWS", 20)
        patch.setattr(chance, "N_DRAWS", 20)
        patch.setattr(Error, "detectable", lambda *level: None)  # the dearest, and it sees variances alone
        yield


@pytest.fixture(scope="module")
def sound(few_draws: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with an ablation, as it is when it has ended."""
    folder = tmp_path_factory.mktemp("sound") / "run"
    first, second = (CATALOG.variant(name) for name in ("bert-tiny", "bert-tiny+dims.n_layers=1"))
    one = edge(CATALOG, first, second).model_copy(update={"second": "albert-tiny"})
    run = made_up(2, WRONG, pretrain=True)
    run = replace(run, plan=run.plan.model_copy(update={"ablation": Ablation(edges=(one,))}))
    saved(run, folder)
    write_report(analyse(run), folder)
    (folder / "ablation.json").write_text(effects(run, Ablation(edges=(one,))).model_dump_json())
    return folder


def as_report(folder: Path) -> str:
    run = read_run(folder)
    told = rendered(run, "terminal") + rendered(run) + rendered(run, "csv")
    return told + (effects(run, run.plan.ablation).model_dump_json() if run.plan.ablation else "")


def scores(run: ComparisonRun) -> str:
    """All that a run says of quality, without costs and places."""
    return compare_systems(run).model_dump_json() + str([(r.job, getattr(r, "main_score", 0)) for r in run.results])


def resumed(folder: Path) -> None:
    plan = read_plan(folder / "plan.json")
    claim(plan, folder, PLACE)
    JobStore(plan, folder, PLACE).completed()


def submitted(folder: Path) -> None:
    try:
        submit(read_run(folder), "bert-tiny", folder / "submission")
    except ZooError as error:
        if "no task of this suite" not in str(error):
            raise


COMMANDS: dict[str, Callable[[Path], object]] = {
    "report": as_report,
    "resume": resumed,
    "reuse": lambda folder: results_by_key([folder]),
    "merge": lambda folder: merge({"a": read_run(folder), "b": read_run(folder)}),
    "submit": submitted,
    "json": lambda folder: json.dumps(summary(analyse(read_run(folder)), costs=True)),
}


def places(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in an object."""
    pairs = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    return [path, *(place for key, value in pairs for place in places(value, (*path, key)))]


def altered(text: str, dice: random.Random) -> bytes:
    """The JSON with one value exchanged, left out, given twice or misnamed, or its bytes broken."""
    found = json.loads(text)
    *way, last = dice.choice(places(found)[1:])
    place = found
    for key in way:
        place = place[key]
    kind = dice.randrange(8)
    if kind < 4:
        place[last] = dice.choice(ODD)
    elif kind == 4:
        del place[last]
    elif kind == 5 and isinstance(place, dict):
        place["x" * dice.choice((1, 1_000))] = place.pop(last)
    elif kind == 5:
        place.append(place[last])
    made = json.dumps(found).encode()
    at = dice.randrange(len(made))
    if kind == 6:
        return made[:at]
    if kind == 7:
        return made[:at] + dice.choice(ODD_BYTES) + made[at:]
    return made


def told(command: Callable[[Path], object], folder: Path) -> str:
    """What a command refuses a folder with, in one short line that names a file of it; nothing where it takes it."""
    try:
        command(folder)
    except ZooError as error:
        message = str(error)
        assert "\n" not in message and "\x1b" not in message and len(message) < 2_000, message[:3_000]
        assert any(path.name in message for path in folder.rglob("*.json")) or str(folder) in message, message
        return message
    return ""


def contradictions(folder: Path) -> list[str]:
    """Where verification contradicts a folder, or the line with which it refuses it."""
    found: list[Check] = []
    refused = told(lambda place: found.extend(verify(place)), folder)
    return [refused] if refused else [check.where for check in found if check.finding == "contradicted"]


@pytest.mark.slow
def test_hundreds_of_altered_runs_are_refused_in_a_line_contradicted_or_the_same(sound: Path, tmp_path: Path) -> None:
    dice = random.Random(0)
    right = scores(read_run(sound))
    files = sorted(path.relative_to(sound) for path in sound.rglob("*.json"))
    assert {check.finding for check in verify(sound)} == {"confirmed", "not decidable"}  # the checkpoints are made up
    refused = 0
    for number in range(N_MUTATIONS):
        folder = tmp_path / f"run{number}"
        shutil.copytree(sound, folder)
        path = folder / dice.choice(files)
        path.write_bytes(altered(path.read_text(), dice))
        refusals = [told(command, folder) for command in COMMANDS.values()]
        told(lambda place: read_plan(place / "plan.json"), folder)
        refused += any(refusals)
        contradicted = contradictions(folder)
        assert contradicted or not any(refusals), (path, refusals)
        assert contradicted or scores(read_run(folder)) == right, path
        shutil.rmtree(folder)
    assert N_MUTATIONS / 4 < refused < N_MUTATIONS


@pytest.mark.parametrize("name", ["plan.json", "jobs/finetune-bert-tiny-lamps-s1.json", "gold/lamps.json"])
@pytest.mark.parametrize("what", ["a pipe", "a folder", "a dead link", "nothing", "bytes", "deep"])
def test_what_is_no_file_of_a_run_is_named(name: str, what: str, sound: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sound, tmp_path / "run"))
    path = folder / name
    path.unlink()
    match what:
        case "a pipe":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case "a dead link":
            path.symlink_to(tmp_path / "nowhere")
        case "nothing":
            path.write_bytes(b"")
        case "bytes":
            path.write_bytes(b"\xff\xfe{\0}\0")
        case "deep":
            path.write_bytes(b'{"x": ' + b"[" * 200_000)
    for command in ("report", "reuse", "merge"):
        assert path.name in told(COMMANDS[command], folder)
    assert any(path.name in where for where in contradictions(folder))
