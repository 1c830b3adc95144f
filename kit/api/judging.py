"""From runs to verdicts on the claims of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kit import yamlfile
from kit.api.auditing import measures_of_sets
from kit.api.forecast import Work, work_left
from kit.api.planning import load
from kit.api.referring import published
from kit.api.tables import results
from kit.api.workspace import Workspace
from kit.catalog import Catalog
from kit.claims import (
    Case,
    Claim,
    LoadedClaims,
    Outcome,
    Verdict,
    groups_of,
    judge,
    load_claims,
)
from kit.claims.model import RankCorrelation
from kit.errors import ClaimsError, KitError, StorageError, UsageError, Where
from kit.recipe.sources import NamedModel, PretrainedModel
from kit.report.claims import write_claims
from kit.results import Results
from kit.schedule import RunFolder

CLAIMS = "claims.yaml"
_RECIPES = Path("recipes")
_TOY = 100_000_000
"""Models of fewer parameters show the mechanics of an experiment, not what it says of language models."""


@dataclass(frozen=True)
class Judgement:
    """Verdicts in the order of the claims file; `notes` are sentences on what was judged."""

    claims: LoadedClaims
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The claims file."""
        return self.claims.path

    @property
    def title(self) -> str:
        """Its title."""
        return self.claims.file.title


def claims_of(folders: Sequence[RunFolder]) -> Path | None:
    """The claims file of some runs: that beside the recipe of one of them, else the first below `recipes/` that names
    one of their recipes; None where there is none.
    """
    for folder in folders:
        try:
            beside = Path(folder.request().source).parent / CLAIMS
        except KitError:
            continue
        if beside.is_file():
            return beside
    recipes = {folder.wanted().recipe for folder in folders}
    return next((path for path in sorted(_RECIPES.rglob(CLAIMS)) if recipes & _named_in(path)), None)


def _named_in(path: Path) -> set[str]:
    """The recipes that the claims of a file name, as far as it can be read."""
    try:
        claims = yamlfile.load(path, ClaimsError).value.get("claims")
    except ClaimsError:
        return set()
    entries = claims.values() if isinstance(claims, dict) else ()
    listed = [entry.get("recipes") for entry in entries if isinstance(entry, dict)]
    return {
        name
        for names in listed
        for name in (names if isinstance(names, list) else [names])
        if isinstance(name, str)
    }


def check_claims(recipe: Path) -> None:
    """Check the claims file beside a recipe, if there is one. Raises ClaimsError: it has a fault."""
    beside = recipe.parent / CLAIMS
    if beside.is_file():
        load_claims(beside, Catalog.load())


def judge_runs(
    workspace: Workspace,
    folders: Sequence[RunFolder],
    path: Path | None = None,
    waived: Mapping[str, str] | None = None,
    found: Mapping[str, Results] | None = None,
    quality: Mapping[str, Mapping[str, float]] | None = None,
) -> Judgement:
    """Judge the claims of a file (`claims_of` the runs, if none is named) on some runs.

    Of several runs of one recipe the first that is named counts. Nothing is fetched. `found` are results that have been
    read already, by the run's name; `quality` are measures of training sets (`quality_of`) that were taken already.

    Raises:
        ClaimsError: the file has a fault. UsageError: there is no file, or a claim to be waived is not in it.
    """
    chosen = path or claims_of(folders)
    if chosen is None:
        remedy = "name one with --claims, or call this where the folder `recipes` lies"
        raise UsageError("no claims file beside or below speaks of the recipes of these runs", remedy=remedy)
    catalog = Catalog.load()
    loaded = load_claims(chosen, catalog)
    if unknown := sorted(set(waived or {}) - set(loaded.file.claims)):
        remedy = f"there are {', '.join(loaded.file.claims)}"
        raise UsageError(f"no claim is called {unknown[0]!r}", remedy=remedy)
    runs, notes, toys = _read(workspace, folders, found or {})
    used = {name for claim in loaded.file.claims.values() for name in _recipes(claim)}
    notes += [f"no claim of {chosen} speaks of the recipe {name}" for name in runs if name not in used]
    case = Case(
        runs=runs,
        groups=groups_of(catalog),
        toys=toys,
        waived=waived or {},
        quality=quality_of(workspace, loaded, runs.values()) if quality is None else quality,
        references=published(workspace),
    )
    verdicts = tuple(_with_remedy(verdict, loaded) for verdict in judge(loaded.file, case))
    return Judgement(loaded, verdicts, tuple(notes))


def priced(workspace: Workspace, judgement: Judgement) -> Judgement:
    """The same with the hours that deciding what was not run takes, by the plans of its recipes: a second a recipe."""
    left: dict[Path, Work | None] = {}

    def told(verdict: Verdict) -> Verdict:
        if verdict.outcome is not Outcome.NOT_RUN:
            return verdict
        paths = judgement.claims.paths(verdict.claim)
        for path in paths:
            if path not in left:
                left[path] = work_left(workspace, path)
        found = [work for path in paths if (work := left[path]) is not None]
        if len(found) < len(paths):
            return verdict
        hours: dict[Literal["CPU", "GPU"], float] = {}
        for work in found:
            hours[work.on] = hours.get(work.on, 0.0) + work.hours
        words = f"by the plan {' and '.join(str(Work(each, on)) for on, each in hours.items())}"
        return replace(
            verdict,
            cost="; ".join(filter(None, (verdict.cost, words))),
            work={str(on): each for on, each in hours.items()},
        )

    return replace(judgement, verdicts=tuple(map(told, judgement.verdicts)))


def export_claims(judgement: Judgement, folder: RunFolder) -> list[Path]:
    """Write the verdicts into the run's folder of tables, as JSON, CSV and Markdown.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        return write_claims(judgement.verdicts, folder.tables)
    except OSError as problem:
        raise StorageError(
            f"the verdicts cannot be written: {problem.strerror}",
            where=Where(str(folder.tables)),
            remedy=f"free some space, then: xlt-kit claims {folder.name}",
        ) from problem


def _read(
    workspace: Workspace, folders: Sequence[RunFolder], known: Mapping[str, Results]
) -> tuple[dict[str, Results], list[str], frozenset[str]]:
    """Results by recipe, notes, and the models that are toys."""
    runs: dict[str, Results] = {}
    notes: list[str] = []
    toys: set[str] = set()
    for folder in folders:
        found = known.get(folder.name) or results(workspace, folder)
        if found.recipe in runs:
            notes.append(f"run {folder.name} is left out: another run of {found.recipe} was named before it")
            continue
        runs[found.recipe] = found
        toys.update(toys_of(folder))
    return runs, notes, frozenset(toys)


def toys_of(folder: RunFolder) -> Iterable[str]:
    """The models of a run that show the mechanics of an experiment alone: too small, or pre-trained by the kit."""
    try:
        loaded, catalog = load(folder.recipe)
    except KitError:
        return  # a run of another kit, or without its recipe: its models are taken for what they are called
    for model in loaded.recipe.models:
        if isinstance(model, PretrainedModel):
            yield model.name
        elif isinstance(model, NamedModel):
            parameters = catalog.model(model.name).parameters
            if parameters is not None and parameters < _TOY:
                yield model.name


def _recipes(claim: Claim) -> tuple[str, ...]:
    other = claim.against.recipe if claim.against else None
    return (*claim.recipes, other) if other else claim.recipes


def quality_of(
    workspace: Workspace, loaded: LoadedClaims, runs: Iterable[Results]
) -> dict[str, dict[str, float]]:
    """Measures of the training sets of some runs (by measure, then set), where a claim asks for them and the data is at
    hand.
    """
    claims = loaded.file.claims.values()
    if not any(isinstance(claim.effect, RankCorrelation) or claim.covariates for claim in claims):
        return {}
    sets = {cell.at.trained_on for found in runs for cell in found.wanted.cells if cell.at.seed is not None}
    return measures_of_sets(workspace, sorted(sets)) if sets else {}


def _with_remedy(verdict: Verdict, loaded: LoadedClaims) -> Verdict:
    """Where something is not there, how to get it, and what it costs."""
    lacks = verdict.outcome is Outcome.NOT_RUN or any(pair.missing for pair in verdict.pairs)
    if not lacks:
        return verdict
    return replace(verdict, command=loaded.command(verdict.claim), cost=loaded.cost(verdict.claim))
