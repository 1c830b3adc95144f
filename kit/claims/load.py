"""A claims file, read and checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from kit.catalog import Catalog
from kit.catalog.faults import explain, suggest
from kit.claims.model import SCHEMA, Claim, ClaimsFile, Sets, Suppression
from kit.claims.pairs import Groups
from kit.errors import ClaimsError, KitError
from kit.recipe import LoadedRecipe, load_recipe
from kit.recipe.sources import CONTROL_MARK, FileSet
from kit.yamlfile import Document, Loc, load

_COMPARE = "compare it with recipes/paper/claims.yaml"


@dataclass(frozen=True)
class LoadedClaims:
    """A claims file, and the recipes beside it that its claims name, by name."""

    path: Path
    file: ClaimsFile
    recipes: dict[str, LoadedRecipe]

    def needed(self, claim: Claim) -> tuple[str, ...]:
        """The recipes that decide a claim: the first of its own, and that which it is compared with."""
        other = claim.against.recipe if claim.against else None
        return tuple(dict.fromkeys((claim.recipes[0], *((other,) if other else ()))))

    def paths(self, claim: Claim) -> tuple[Path, ...]:
        """Their files."""
        return tuple(_beside(self.path, name) for name in self.needed(claim))

    def command(self, claim: Claim) -> str:
        """How to run them."""
        return " && ".join(f"xlt-kit run {path}" for path in self.paths(claim))

    def cost(self, claim: Claim) -> str:
        """What that takes, as the recipes say."""
        return "; then ".join(self.recipes[name].recipe.needs for name in self.needed(claim))


def load_claims(path: Path, catalog: Catalog) -> LoadedClaims:
    """Read a claims file; the recipes that it names stand beside it as `<name>.yaml`.

    Raises:
        ClaimsError: it cannot be read, is of a newer schema, or holds a fault: the first, with file, line and remedy,
            and the lines of the others.
    """
    document = load(path, ClaimsError)
    schema = document.value.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        message = f"the file is of schema {schema}; this kit reads up to {SCHEMA}"
        raise ClaimsError(message, where=document.where(("schema",)), remedy="use a newer kit")
    try:
        file = ClaimsFile.model_validate(document.value)
    except ValidationError as problem:
        raise _combined([_own(fault) for fault in explain(problem, ClaimsFile, document, ())]) from None
    recipes: dict[str, LoadedRecipe] = {}
    faults = list(_faults(file, document, catalog, recipes))
    if faults:
        raise _combined(faults)
    return LoadedClaims(path, file, recipes)


def groups_of(catalog: Catalog) -> Groups:
    """Languages by the groups of the catalog, and by class in BLOOM's pre-training (`high`, `medium`, `low`)."""
    found: dict[str, set[str]] = {}
    for short, language in catalog.languages.items():
        level = (language.bloom.level,) if language.bloom else ()
        for name in (*language.groups, *level):
            found.setdefault(name, set()).add(short)
    return {name: frozenset(members) for name, members in found.items()}


def _beside(path: Path, recipe: str) -> Path:
    return path.parent / f"{recipe}.yaml"


def _faults(
    file: ClaimsFile, document: Document, catalog: Catalog, recipes: dict[str, LoadedRecipe]
) -> Iterator[ClaimsError]:
    """Names that stand for nothing. Fills `recipes`."""
    known = {*catalog.codes, *groups_of(catalog)}
    for id_, claim in file.claims.items():
        other = claim.against
        named: list[tuple[str, Loc]] = [(name, ("claims", id_, "recipes")) for name in claim.recipes]
        named += [(other.recipe, ("claims", id_, "against", "recipe"))] if other and other.recipe else []
        for name, place in named:
            yield from _recipe_fault(name, document, place, recipes)
    datasets, models = _names(catalog, recipes)
    for id_, claim in file.claims.items():
        way: Loc = ("claims", id_)
        other = claim.against
        parts: list[tuple[Loc, Sets]] = [
            (("trained_on",), claim.trained_on or Sets()),
            (("evaluated_on",), claim.evaluated_on),
        ]
        if isinstance(claim.effect, Suppression):
            parts.append((("effect", "named_on"), claim.effect.named_on))
        for part, sets in parts:
            for name in sets.datasets or ():
                if name.partition(CONTROL_MARK)[0] not in datasets:
                    yield _unknown("data set", name, datasets, document, (*way, *part, "datasets"))
            for name in (*(sets.languages or ()), *sets.without):
                if name not in known:
                    yield _unknown("language or group", name, known, document, (*way, *part, "languages"))
        for name in (other.datasets if other else None) or ():
            if name not in datasets:
                yield _unknown("data set", name, datasets, document, (*way, "against", "datasets"))
        for name in (other.languages if other else None) or ():
            if name not in known:
                yield _unknown("language or group", name, known, document, (*way, "against", "languages"))
        for name in claim.models:
            if name not in models:
                yield _unknown("model", name, models, document, (*way, "models"))
        if claim.prompt.partition(":")[0] not in catalog.prompts:
            yield _unknown("prompt", claim.prompt, catalog.prompts, document, (*way, "prompt"))


def _names(catalog: Catalog, recipes: dict[str, LoadedRecipe]) -> tuple[set[str], set[str]]:
    """Data sets and models by name: those of the catalog, and what the recipes bring along themselves."""
    datasets, models = set(catalog.datasets), set(catalog.models)
    for loaded in recipes.values():
        recipe = loaded.recipe
        own = Catalog.load(recipe.catalog) if recipe.catalog else catalog
        datasets |= {
            *own.datasets,
            *(e.label for e in (*recipe.train, *recipe.evaluate) if isinstance(e, FileSet)),
        }
        models |= {*own.models, *(model.name for model in recipe.models)}
    return datasets, models


def _recipe_fault(
    name: str, document: Document, way: Loc, recipes: dict[str, LoadedRecipe]
) -> Iterator[ClaimsError]:
    if name in recipes:
        return
    path = _beside(document.path, name)
    if not path.is_file():
        there = [
            other.stem for other in sorted(document.path.parent.glob("*.yaml")) if other != document.path
        ]
        yield _unknown("recipe", name, there, document, way)
        return
    try:
        recipes[name] = load_recipe(path)
    except KitError as fault:
        yield ClaimsError(
            f"the recipe {name} has a fault: {fault.message}", where=fault.where, remedy=fault.remedy
        )
        return
    if recipes[name].recipe.name != name:
        called = recipes[name].recipe.name
        message = (
            f"the recipe {path.name} calls itself {called!r}, and its runs would not be found as {name!r}"
        )
        yield ClaimsError(message, where=document.where(way), remedy="give the recipe its file's name")


def _unknown(what: str, name: str, options: object, document: Document, way: Loc) -> ClaimsError:
    known = sorted(options)  # type: ignore[call-overload]
    return ClaimsError(
        f"the {what} {name!r} is unknown", where=document.where(way), remedy=suggest(name, known)
    )


def _own(fault: KitError) -> ClaimsError:
    remedy = fault.remedy if fault.remedy and not fault.remedy.startswith("compare it") else _COMPARE
    return ClaimsError(fault.message, where=fault.where, remedy=remedy)


def _combined(faults: list[ClaimsError]) -> ClaimsError:
    """The first fault, which also says where the others stand."""
    first, *others = sorted(faults, key=lambda fault: (fault.where.line or 0) if fault.where else 0)
    if not others:
        return first
    lines = ", ".join(dict.fromkeys(f"line {o.where.line}" for o in others[:10] if o.where and o.where.line))
    message = f"{first.message}; {len(others)} more fault{'s' * (len(others) > 1)} ({lines})"
    return ClaimsError(message, where=first.where, remedy=first.remedy)
