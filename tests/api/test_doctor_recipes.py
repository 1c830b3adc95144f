"""Which recipes fit a machine, in which time, and what its speed is taken to be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kit.api import Workspace, forecast, machine_factor, measuring
from kit.api.doctor import Fit, Surroundings, fits, in_order, kept_speed, measure_speed, speed_finding
from kit.api.doctor.recipes import fit
from kit.errors import EnvironmentError_
from kit.executors.gpus import Gpu
from kit.jobdir import encode
from kit.plan import Costs, Speeds
from kit.recipe import find_recipes
from tests.kit_command import ROOT

RECIPE = """schema: 1
name: {name}
needs: a made-up machine
models: [tiny-bloom]
train:
  - {{dataset: tiny-qa, languages: [de], limit: 16}}
evaluate:
  - {{dataset: {dataset}, languages: [{language}], limit: 10}}
resources: {{device: {device}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that fits, one whose data are elsewhere, one for a GPU, one that is faulty."""
    made = tmp_path / "recipes"
    made.mkdir()
    for name, dataset, language, device in (
        ("fit", "tiny-qa", "hi", "cpu"),
        ("far", "xquad", "de", "cpu"),
        ("gpu", "tiny-qa", "hi", "cuda"),
        ("bad", "tiny-qo", "hi", "cpu"),
    ):
        text = RECIPE.format(name=name, dataset=dataset, language=language, device=device)
        (made / f"{name}.yaml").write_text(text)
    return made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    """A machine with torch and no GPU."""
    made = Surroundings(Workspace(tmp_path / "home", offline=True))
    made.gpus = []
    monkeypatch.setattr(forecast, "gpus_here", lambda: ())
    return made


def test_those_that_fit_come_first_and_the_others_say_what_they_lack(
    here: Surroundings, folder: Path
) -> None:
    found = {one.name: one for one in in_order(list(fits(here, folder)))}
    assert list(found) == ["fit", "gpu", "far", "bad"]
    assert found["fit"].standing == "fits" and "of work" in found["fit"].time
    assert (found["fit"].seconds or 0) > 0 and not found["fit"].remedy
    assert found["gpu"].standing == "lacks" and "GPU" in found["gpu"].says
    assert "a made-up machine" in found["gpu"].remedy
    assert found["far"].standing == "unknown" and "xquad/de" in found["far"].says
    assert found["far"].remedy == f"xlt-kit fetch {folder / 'far.yaml'}"
    assert found["bad"].standing == "faulty" and "tiny-qa" in found["bad"].remedy


def test_without_anything_that_jobs_can_run_in_none_fits(here: Surroundings, folder: Path) -> None:
    standings = {one.name: one.standing for one in fits(here, folder, able=False)}
    assert standings == {"fit": "lacks", "gpu": "lacks", "far": "unknown", "bad": "faulty"}


def test_a_machine_with_little_memory_lacks_it(
    here: Surroundings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "hardware", lambda: {"memory_gb": 0.5})
    one = next(one for one in fits(here, folder) if one.name == "fit")
    assert one.standing == "lacks" and "memory" in one.says


def test_what_takes_weeks_here_is_told_so(here: Surroundings, folder: Path) -> None:
    one = next(one for one in fits(here, folder, factor=1e9) if one.name == "fit")
    assert one.standing == "slow" and "years of work" in one.time


def test_the_factor_scales_what_is_assumed_on_the_cpu_alone(here: Surroundings, folder: Path) -> None:
    head = next(head for head in find_recipes(folder) if head.name == "fit")
    plain, slow = (fit(here, head, factor, True).seconds or 0 for factor in (None, 1000.0))
    assert slow > plain * 2
    head = next(head for head in find_recipes(folder) if head.name == "gpu")
    here.gpus = [Gpu(0, "GPU-1234567", 80 << 30, "580.95.05", "NVIDIA H100")]
    assert fit(here, head, None, True).seconds == fit(here, head, 1000.0, True).seconds


def test_measured_seconds_are_not_multiplied(tmp_path: Path, folder: Path) -> None:
    from kit.api import prepare

    workspace = Workspace(tmp_path / "home", offline=True)
    prepared = prepare(workspace, folder / "fit.yaml", fetch=False)
    cells = prepared.plan.demand.wanted.cells
    measured = Speeds({(cell.spec.base, cell.spec.task.kind): 2.0 for cell in cells})
    costs = Costs("cpu", {cells[0].spec.base: 851_328}, measured)
    assert replace(costs, factor=50.0).evaluate(cells).seconds == costs.evaluate(cells).seconds
    assumed = replace(costs, speeds=Speeds())
    twice = replace(assumed, factor=2.0).evaluate(cells)
    start = 2 * assumed.evaluate(cells).seconds - twice.seconds
    assert 0 < start < assumed.evaluate(cells).seconds and "measured here" in twice.basis


def figures(workspace: Workspace, **others: object) -> None:
    """A measurement of this machine, written down as a doctor does; some of its fields otherwise."""
    found = {"prompt_tokens": 5000, "questions": 120, "seconds": 1.0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kit.api.doctor.speed.measure", lambda workspace, trial: found)
        made = measure_speed(workspace)
    (workspace.home / "speed.json").write_text(json.dumps({**encode(made), **others}))


def test_a_speed_is_kept_for_this_machine_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    assert machine_factor(workspace) is None
    figures(workspace)
    factor = machine_factor(workspace)
    assert factor == pytest.approx(1.0 / (2 * 851_328 * 5000 / 2e10))
    assert list(workspace.home.iterdir()) == [workspace.home / "speed.json"]
    for others in ({"host": "another"}, {"processors": 4096}, {"schema": 2}, {"seconds": 0.0}, {"more": 1}):
        figures(workspace, **others)
        assert machine_factor(workspace) is None, others
    (workspace.home / "speed.json").write_text("{")
    assert machine_factor(workspace) is None


def test_where_it_cannot_be_measured_the_reason_is_said(
    here: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.libraries = {"torch": False}
    found = speed_finding(here)
    assert found.state == "skipped" and "torch is not installed" in found.says
    here.libraries = {"torch": True}
    assert speed_finding(here, bench=False).state == "skipped"

    def refused(workspace: Workspace, trial: measuring.Trial) -> None:
        raise EnvironmentError_("it could not be measured: no luck", remedy="try again")

    monkeypatch.setattr("kit.api.doctor.speed.measure", refused)
    found = speed_finding(here)
    assert (found.state, found.remedy) == ("warning", "try again") and "no luck" in found.says
    figures(here.workspace)
    told = speed_finding(here, bench=False)
    assert told.state == "fine" and "120 questions a second" in told.says and "(measured " in told.says


def test_a_home_that_cannot_keep_it_is_said(here: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    here.workspace, here.libraries = Workspace(tmp_path / "file"), {"torch": True}
    with pytest.MonkeyPatch.context() as patch:
        found = {"prompt_tokens": 5000, "questions": 120, "seconds": 1.0}
        patch.setattr("kit.api.doctor.speed.measure", lambda workspace, trial: found)
        assert speed_finding(here).state == "warning" and "XLT_KIT_HOME" in speed_finding(here).remedy


def test_the_order_is_by_standing_then_time() -> None:
    def one(name: str, standing: str, seconds: float | None = None) -> Fit:
        return Fit(Path(name), name, standing, "", seconds=seconds)  # type: ignore[arg-type]

    mixed = [one("a", "faulty"), one("b", "fits", 9.0), one("c", "lacks", 1.0), one("d", "fits", 2.0)]
    assert [each.name for each in in_order(mixed)] == ["d", "b", "c", "a"]


def test_the_kits_own_recipes_are_none_of_them_faulty(tmp_path: Path) -> None:
    made = Surroundings(Workspace(tmp_path / "home", offline=True))
    standings = {one.name: one.standing for one in fits(made, ROOT / "recipes" / "paper")}
    assert standings and "faulty" not in standings.values()


@pytest.mark.slow
def test_this_machine_is_measured(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    workspace = Workspace(tmp_path / "home")
    found = measure_speed(workspace)
    assert found.seconds > 0 and found.questions == 120 and kept_speed(workspace) == found
