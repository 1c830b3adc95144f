"""Made-up runs for judging: a base and tuned models whose answers are right as often as a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kit.claims import Case, Claim, ClaimsFile, Evidence, Explain, Pair, Rules, Verdict, judge
from kit.data.example import Example
from kit.results import Results
from tests.results.cells import Shelf

CONTEXTS, QUESTIONS = 40, 5
GOLD = tuple(f"wort{at}" for at in range(CONTEXTS * QUESTIONS))
INDIC = {"indic": frozenset({"or", "hi", "bn"})}


def questions(language: str, gold: Sequence[str]) -> list[Example]:
    """Five questions a context."""
    return [
        Example(f"q{at}", f"c{at // QUESTIONS}", f"… {text} …", "?", (text,), language)
        for at, text in enumerate(gold)
    ]


def right(share: float, shift: int = 0) -> list[str]:
    """Answers of which so many are the gold; `shift` says which."""
    return [text if (at * 37 + shift) % 100 < 100 * share else "falsch" for at, text in enumerate(GOLD)]


class Bench:
    """A run of one recipe: base and tuned cells by share of right answers."""

    def __init__(self, root: Path, recipe: str = "grid", model: str = "bloomz-7b1") -> None:
        self.shelf, self.recipe, self.model = Shelf(root / recipe, questions), recipe, model

    def base(self, language: str, share: float, **more: Any) -> Bench:
        """A cell of the base."""
        return self._add(right(share), language, **more)

    def tuned(
        self,
        source: str,
        language: str,
        share: float,
        seed: int = 1,
        answers: Sequence[str] | None = None,
        **more: Any,
    ) -> Bench:
        """A cell of a model tuned on `source` (`dataset/language`)."""
        return self._add(answers or right(share, 3 * seed), language, trained_on=source, seed=seed, **more)

    def missing(self, source: str, language: str) -> Bench:
        """A cell that the recipe asks for and that is not there."""
        where = {"dataset": "xquad-in", "model": self.model, "gold": GOLD}
        self.shelf.want(language, source, 1, **where)  # type: ignore[arg-type]
        return self

    def results(self) -> Results:
        """What was run."""
        found = self.shelf.load()
        return replace(found, wanted=replace(found.wanted, recipe=self.recipe))

    def _add(self, answers: Sequence[str], language: str, **more: Any) -> Bench:
        self.shelf.add(
            answers, language=language, gold=GOLD, model=self.model, **{"dataset": "xquad-in", **more}
        )
        return self


def claims(claim: Mapping[str, Any], **others: Mapping[str, Any]) -> ClaimsFile:
    """A file with a claim called `C`, and others; what they leave out is filled in."""
    filled = {
        name: {
            "title": "t",
            "statement": "s",
            "source": "made up",
            "recipes": ["grid"],
            "family": "F",
            "models": ["bloomz-7b1"],
            "trained_on": {},
            "evaluated_on": {},
            "effect": {"kind": "difference", "above": 0},
            **one,
        }
        for name, one in {"C": claim, **others}.items()
    }
    return ClaimsFile.model_validate({"schema": 1, "claims": filled})


def verdict(claim: Mapping[str, Any], *runs: Results, explain: Explain | None = None, **case: Any) -> Verdict:
    """The verdict on one claim."""
    made = Case({run.recipe: run for run in runs}, groups=INDIC, **case)
    (found,) = judge(claims(claim), made, explain or unexplained)
    return found


def unexplained(claim: Claim, pair: Pair, rules: Rules) -> Evidence | None:
    """Nothing was measured of any cause."""
    return None
