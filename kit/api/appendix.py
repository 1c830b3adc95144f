"""The artifact appendix in the form that venues ask for, written from recipes, claims and measured times.

python -m kit.api.appendix docs/appendix.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from kit import yamlfile
from kit.api.judging import CLAIMS
from kit.catalog import Catalog
from kit.claims import LoadedClaims, load_claims
from kit.errors import DataError
from kit.jobdir import atomic_write
from kit.recipe import find_recipes, load_recipe
from kit.recipe.model import Recipe
from kit.recipe.sources import FileSet, HubModel, NamedModel

MEASURED = "measured.yaml"
_HUMAN = 2
"""Minutes of a person's work for a recipe of which none were measured: start the command, read the table."""


@dataclass(frozen=True)
class Experiment:
    """One recipe as an experiment: `claims` that it can decide, by file; `measured` minutes and MB, where it was."""

    number: int
    path: Path
    recipe: Recipe
    claims: tuple[str, ...]
    measured: Mapping[str, float]


def experiments(folder: Path) -> tuple[list[Experiment], list[LoadedClaims], str]:
    """All recipes below a folder, those without a GPU first, their claims files, and the machine of the times.

    Raises:
        RecipeErrors, ClaimsError, DataError: a file has a fault.
    """
    catalog = Catalog.load()
    files = [load_claims(path, catalog) for path in sorted(folder.rglob(CLAIMS))]
    document = yamlfile.load(folder / MEASURED, DataError).value
    times: dict[str, dict[str, float]] = cast("dict[str, dict[str, float]]", document.get("recipes") or {})
    machine = str(document.get("machine", ""))
    serves: dict[str, list[str]] = {}
    for loaded in files:
        for id_, claim in loaded.file.claims.items():
            for name in {*claim.recipes, *loaded.needed(claim)}:
                serves.setdefault(name, []).append(f"{loaded.path.parent.name}/{id_}")
    heads = sorted(
        find_recipes(folder), key=lambda head: ("GPU" in head.needs, len(head.path.parts), head.name)
    )
    found = [
        Experiment(
            number,
            head.path,
            load_recipe(head.path).recipe,
            tuple(sorted(serves.get(head.name, ()))),
            times.get(head.name, {}),
        )
        for number, head in enumerate(heads, 1)
    ]
    return found, files, machine


def appendix(folder: Path) -> str:
    """The appendix as Markdown. Raises as `experiments`."""
    found, files, machine = experiments(folder)
    lines = [
        "# Artifact appendix",
        "",
        "<!-- Written by `make appendix` from recipes/, their claims and recipes/measured.yaml; not by hand. -->",
        "",
        *_abstract(),
        "",
        "## Experiments",
        "",
        "Each is one command and ends in tables and verdicts. Human-minutes are a person's, compute a machine's:",
        f"measured on {machine}, where it says so, else as the recipe's head states it;",
        "`xlt-kit plan RECIPE` estimates it for your machine.",
        "",
    ]
    for each in found:
        lines += [*_experiment(each), ""]
    lines += ["## Claims, and what decides them", ""]
    for loaded in files:
        lines += [*_claims(loaded, found), ""]
    return "\n".join([*lines, *_limits()]) + "\n"


def _abstract() -> Iterator[str]:
    yield "## Summary"
    yield ""
    yield "- **Program**: `xlt-kit`, a Python package with a terminal UI; Apache-2.0; its citation is CITATION.cff."
    yield "- **Hardware**: two CPU cores and 4 GB of memory for the embedded model; an NVIDIA GPU for the paper's."
    yield "- **Software**: Linux, Python 3.11 or newer; jobs run there or in an image of `xlt-kit image build`."
    yield "- **Data and models**: fetched by name with checksums, none shipped; the smoke run needs neither."
    yield "  `xlt-kit fetch RECIPE --bundle DIR` carries them to a machine without a network."
    yield "- **Metrics**: EM, F1 and their language-aware forms, over-generation, p(stop), accuracy over choices."
    yield "- **Output**: tables (JSON, CSV, Markdown, LaTeX, SVG), verdicts, an HTML report, a bundle to verify."
    yield ""
    yield "## Set up and kick the tires"
    yield ""
    yield "```sh"
    yield "make install                 # into .venv; nothing else on the machine is touched"
    yield "xlt-kit doctor               # what is here, what fits, what is in the way and its remedy"
    yield "xlt-kit kick-the-tires       # a minute or two: every part, ends in a checklist"
    yield "xlt-kit artifact --plan      # what fits an afternoon here, and how long each step takes"
    yield "xlt-kit artifact             # all of it, up to the report and a verified bundle"
    yield "```"
    yield ""
    yield "Files are written below `--home` (or `XLT_KIT_HOME`) and the folder of `--out` alone; the network is asked"
    yield "for data and weights alone, and never with `--offline`."


def _experiment(each: Experiment) -> Iterator[str]:
    recipe, measured = each.recipe, each.measured
    human = f"{measured.get('human', _HUMAN):g} human-minutes"
    compute = (
        f"{measured['minutes'] / 60:.2f} compute-hours, measured"
        if measured
        else f"compute: {recipe.needs or 'not said'}"
    )
    yield f"### (E{each.number}) [{recipe.name}] [{human} + {compute}]"
    yield ""
    yield f"{recipe.title}."
    yield ""
    yield f"- **Command**: `xlt-kit run {each.path.as_posix()}`"
    yield f"- **Needs**: {recipe.needs or 'not said'}"
    if measured:
        yield f"- **Disk**: {measured['disk_mb']:g} MB left in the home"
    yield f"- **Models**: {_models(recipe)}"
    yield f"- **Data**: {_data(recipe)}"
    if each.claims:
        yield f"- **Claims**: {', '.join(each.claims)}; `xlt-kit claims {recipe.name}`"
        yield "- **Expected**: a transfer table, and a verdict for each of these claims with its effect and interval"
    else:
        yield "- **Expected**: a transfer table; no claim rests on it"


def _claims(loaded: LoadedClaims, found: list[Experiment]) -> Iterator[str]:
    numbers = {each.recipe.name: f"E{each.number}" for each in found}
    yield f"**{loaded.file.title}** (`{loaded.path.as_posix()}`)"
    yield ""
    yield "| claim | what it states | where it is from | experiments | reproduced if |"
    yield "| --- | --- | --- | --- | --- |"
    for id_, claim in loaded.file.claims.items():
        wanted = ", ".join(
            numbers.get(name, name) for name in dict.fromkeys((*claim.recipes, *loaded.needed(claim)))
        )
        effect = claim.effect.model_dump(exclude_none=True, exclude_defaults=False, by_alias=True)
        rule = ", ".join(
            f"{name} {_words(value)}"
            for name, value in effect.items()
            if isinstance(value, (str, float, int))
        )
        cells = (id_, claim.statement, claim.source, wanted, f"{rule}; in {claim.needed}")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _words(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _limits() -> Iterator[str]:
    yield "## What is not supported"
    yield ""
    yield "- Windows and macOS without a container engine; GPUs other than NVIDIA's."
    yield "- Models that need code of their own from the hub (PolyLM): nothing is run that was downloaded."
    yield "- Equality of digits on GPUs: the same model and seed give other last digits on another card or batch."
    yield "  Verdicts rest on intervals, and `replicates: 2` shows the noise floor."
    yield "- The order of the authors' batches, which hung on a global random generator."


def _models(recipe: Recipe) -> str:
    names = []
    for model in recipe.models:
        shown = f"{model.name} ({model.hub})" if isinstance(model, HubModel) else model.name
        names.append(
            f"{shown}, made by the recipe" if not isinstance(model, (NamedModel, HubModel)) else shown
        )
    return "; ".join(names)


def _data(recipe: Recipe) -> str:
    names = [
        entry.label if isinstance(entry, FileSet) else entry.dataset
        for entry in (*recipe.train, *recipe.evaluate, *recipe.lens_texts)
    ]
    return ", ".join(dict.fromkeys(names))


if __name__ == "__main__":
    atomic_write(Path(sys.argv[1]), appendix(Path("recipes")))
