"""The typed claims file: what is claimed, of which cells, by which predicate, and the rules that decide.

Nothing in it is evaluated as code: a predicate is one of three kinds with numbers in it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from kit.catalog.entries import Name, Names, Part, Text
from kit.results import CONTRAST_COLUMNS, METRICS

SCHEMA = 1
"""Version of the file's format. A reader refuses newer ones."""

Measure = Literal["bleu", "chrf", "verbatim", "length-ratio"]
"""What is measured of training sets, as the audit does (`docs/data.md`)."""
Needed = Literal["all", "most", "any", "mean"]
Cause = Literal["over-generation", "lead-in", "knowledge", "language", "suppression"]
Controls = Annotated[
    tuple[Annotated[str, Field(pattern="^(shuffled|random)[0-9]*$|^contexts$")], ...],
    BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v),
]
Causes = Annotated[tuple[Cause, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)]


def _items(value: object) -> object:
    """A list as a tuple, and a text as a list of one."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Measures = Annotated[tuple[Measure, ...], BeforeValidator(_items)]
Some = Annotated[tuple[Text, ...], BeforeValidator(_items), Field(min_length=1)]


class Rules(Part):
    """The decision rules, fixed before anything runs.

    `gate`: a change counts from so many points on, its interval without 0. `level` of the intervals and, its rest,
    of the tests after Holm's correction. `share`: a cause is named from this share of the change on. `knowledge`:
    the share of answers that the model ranks first counts as unchanged within so much (0 to 1). `language`: its part
    of a change (S3) counts from so many points on, by the end of its interval that is nearer to 0, and from
    `language_share` of all parts that point the same way. `kept`: a control does the same where it has this share of
    the change, past the gate, or of the part that is language, past `language`.
    """

    gate: Annotated[float, Field(ge=0)] = 5.0
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    knowledge: Annotated[float, Field(ge=0, lt=1)] = 0.10
    language: Annotated[float, Field(ge=0)] = 2.0
    language_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    kept: Annotated[float, Field(gt=0, le=1)] = 0.5


class Sets(Part):
    """Data sets by name, in languages by code or by a group of the catalog (`indic`); left out: all that there are, but
    for controls (`xquad-in~shuffled`), which have to be named. `split` is that of what is evaluated on.
    """

    datasets: Some | None = None
    languages: Some | None = None
    without: Names = Field(default=(), alias="except")
    split: Text | None = None


class Against(Part):
    """What is compared with, where that is not the base: cells tuned on the same language in other `datasets`, or the
    same cells of another `recipe`. Of the untuned model itself: the same items in other `datasets` or `languages`.
    """

    datasets: Some | None = None
    languages: Some | None = None
    recipe: Text | None = None

    @model_validator(mode="after")
    def _names_another(self) -> Against:
        if self.datasets is None and self.languages is None and self.recipe is None:
            raise ValueError("`against` names neither other `datasets` or `languages` nor another `recipe`")
        return self


class Bounded(Part):
    """A predicate: a quantity `above` or `below` a number, in the metric's unit (a ratio has none)."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Bounded:
        if (self.above is None) == (self.below is None):
            raise ValueError("a predicate has one of `above` and `below`")
        return self

    @property
    def sign(self) -> Literal[-1, 1]:
        """1 where the claim says more than the threshold, -1 where it says less."""
        return 1 if self.above is not None else -1

    @property
    def threshold(self) -> float:
        """The number."""
        return float(self.above if self.above is not None else self.below or 0.0)


class Difference(Bounded):
    """Tuned minus what it is compared with; of the untuned model, its own value minus that of the other sets, or 0."""

    kind: Literal["difference"]


class Ratio(Bounded):
    """Tuned divided by what it is compared with."""

    kind: Literal["ratio"]


class RankCorrelation(Bounded):
    """Spearman's, over training sets: of a set's translation quality with the mean change that it brings."""

    kind: Literal["rank-correlation"]
    quality: Measure = Field(alias="with")


class Suppression(Part):
    """A target gains, a language that interferes with it falls, and more so than its like that do not (S1).

    Who interferes is named on the base's answers of `named_on`: who is written in another script than the target, with
    `mass` percent of the letters of the answers to the target's questions, or more. `quiet`: who has as much at most
    does not interfere. `like`: points of the base's score within which such a one is compared.
    """

    kind: Literal["suppression"]
    named_on: Sets
    mass: Annotated[float, Field(gt=0, le=100)]
    quiet: Annotated[float, Field(ge=0, lt=100)]
    like: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _apart(self) -> Suppression:
        if self.quiet >= self.mass:
            raise ValueError("`quiet` is below `mass`: who interferes is not compared with itself")
        return self


Effect = Annotated[Difference | Ratio | RankCorrelation | Suppression, Field(discriminator="kind")]


class Claim(Part):
    """One claim. `family` names the tests that are corrected together; `expects` the causes that it speaks of.

    `against` is None for the base. `pairs`: `self` (tuned and evaluated in one language), `cross` (in two), or both.
    `controls`: kinds of controls of the training sets (S2), which must not do the same without the cause.
    `needed`: in `all` pairs, in `most` (more than half), in `any`, or in their `mean`. `gate` overrules the rules'
    where it must. `covariates`: measures of the training sets, at equal values of which the effect has to be there too.
    where it must. A claim on the untuned model (`subject: base`) is on a metric that is a comparison in itself (of a
    test with what it could have said instead): its mean, or where it speaks `against` other sets, that minus theirs.
    """

    title: Text
    statement: Text
    source: Text
    recipes: Some
    family: Name
    models: Some
    metric: str = "f1"
    prompt: Name = "qa"
    step: Annotated[int, Field(gt=0)] | Literal["last"] = "last"
    subject: Literal["tuned", "base"] = "tuned"
    trained_on: Sets | None = None
    evaluated_on: Sets
    pairs: Literal["self", "cross", "both"] = "both"
    against: Annotated[Against | None, BeforeValidator(lambda value: None if value == "base" else value)] = (
        None
    )
    effect: Effect
    needed: Needed = "mean"
    gate: Annotated[float, Field(ge=0)] | None = None
    expects: Causes = ()
    controls: Controls = ()
    covariates: Measures = ()
    waived: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _sense(self) -> Claim:
        if self.metric not in METRICS:
            raise ValueError(f"no metric is called {self.metric!r}; there are {', '.join(METRICS)}")
        if METRICS[self.metric].signed and self.effect.kind == "ratio":
            raise ValueError(f"`{self.metric}` may be negative and has no ratio")
        if self.expects and self.metric != "f1":
            raise ValueError("a cause is looked for in a change of `f1` alone")
        if self.covariates and not self._adjustable:
            raise ValueError(
                "`covariates` go with a rank correlation, or with the mean difference `against` other `datasets`"
            )
        if isinstance(self.effect, RankCorrelation) and self.effect.quality in self.covariates:
            raise ValueError(f"`{self.effect.quality}` is what is correlated, and no covariate of itself")
        if isinstance(self.effect, Suppression):
            self._names_beforehand(self.effect)
        if self.controls and not {"language", "suppression"} & set(self.expects):
            raise ValueError(
                "controls (S2) decide on `language` or `suppression`, which the claim does not expect"
            )
        return self

    def _names_beforehand(self, effect: Suppression) -> None:
        """Raises ValueError where who interferes would be named on what is judged, or what it says is not defined."""
        same = effect.named_on.split == self.evaluated_on.split
        own, other = effect.named_on.datasets, self.evaluated_on.datasets
        if same and (own is None or other is None or set(own) & set(other)):
            raise ValueError(
                "`named_on` must be other data than `evaluated_on`: another `split`, or data set"
            )
        if self.needed == "mean":
            raise ValueError(
                "a suppression is needed in `any`, `most` or `all` cases: a mean over them says nothing"
            )
        if self.against is not None or self.expects:
            raise ValueError("a suppression is judged against the base, and expects no other cause")

    @model_validator(mode="after")
    def _of_its_subject(self) -> Claim:
        if self.subject == "tuned":
            if self.trained_on is None:
                raise ValueError("`trained_on` is missing")
            if self.against and self.against.languages:
                raise ValueError("`against` other `languages` goes with `subject: base` alone")
        elif self.metric not in CONTRAST_COLUMNS:
            raise ValueError(f"with `subject: base` goes a metric out of {', '.join(CONTRAST_COLUMNS)}")
        elif self.trained_on or self.pairs != "both" or self.step != "last":
            raise ValueError("with `subject: base` go no `trained_on`, `pairs` and `step`")
        elif self.effect.kind != "difference" or (self.against and self.against.recipe):
            raise ValueError("with `subject: base` goes a `difference`, and none to another `recipe`")
        return self

    @property
    def _adjustable(self) -> bool:
        if self.effect.kind == "difference" and self.subject == "tuned":
            return self.needed == "mean" and self.against is not None and self.against.datasets is not None
        return self.effect.kind == "rank-correlation"


class ClaimsFile(Part):
    """A whole file: claims by id."""

    schema_version: Literal[1] = Field(alias="schema")
    title: str = ""
    rules: Rules = Rules()
    claims: dict[Name, Claim]
