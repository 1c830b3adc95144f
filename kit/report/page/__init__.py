"""Reads: results, verdicts, manifests and states of runs.
Writes: one HTML page that holds all of it, and the data that stand in it.
"""

from kit.report.page.build import Page, build
from kit.report.page.facts import Facts, RunFacts, SetFacts
from kit.report.page.render import render

__all__ = ["Facts", "Page", "RunFacts", "SetFacts", "build", "render"]
