"""A series: tunings and evaluations of one base, one after the other, as jobs of their own would do them.

Each piece works as its own job does, with seeds of its own, on a base that is exactly the base: nothing that it makes
depends on what ran before it. A tuning works in the scratch folder; all its adapters are put in place together once it
has ended well, and a copy is kept for the evaluations after it, for the host moves them away.

A piece that cannot be done for a reason of its own is passed over, with those that wait for it, so that one bad piece
does not cost a night of others; the job then ends in that failure. A lack of memory or disk ends it at once: what
starts the job again has to change something first.
"""

from __future__ import annotations

import os
import shutil
import traceback
from dataclasses import replace

from kit.job.derive import derive
from kit.job.evaluate import Desk, evaluate
from kit.job.failures import InPiece, classify, unstopped
from kit.job.model import adapter_digest
from kit.job.tune import tune
from kit.jobdir import (
    AdapterSpec,
    DeriveSpec,
    EvaluateSpec,
    FailureCode,
    JobFolder,
    JobSpec,
    Piece,
    SeriesSpec,
    TuneSpec,
    publish_folder,
)

_OWN = (FailureCode.BAD_INPUT, FailureCode.DEFECT)
"""Failures of a piece that say nothing of the others."""


def series(desk: Desk) -> None:
    """Do every piece whose outcome is not in the folder yet.

    Raises:
        InPiece: one of them has failed, the first of all that have.
    """
    work = desk.job.work
    assert isinstance(work, SeriesSpec)
    before, failed = 0.0, _Failed()
    for number, piece in enumerate(work.pieces, 1):
        about = {"name": piece.name, "work": piece.kind, "keys": piece.keys}
        desk.emit("piece", number=number, of=len(work.pieces), before=before, share=piece.share, **about)
        before += piece.share
        if failed.before(piece):
            desk.emit("warning", message=f"passed over, for what it needs has failed: {piece.name}")
            continue
        try:
            _do(piece, desk)
        except Exception as error:
            failed.note(piece, error)
            desk.bases.spoil(f"{piece.name} has failed on it")
    if failed.first is not None:
        raise failed.first


def _do(piece: Piece, desk: Desk) -> None:
    if isinstance(piece.work, EvaluateSpec):
        evaluate(_desk_of(piece, desk))
    else:
        _make_adapters(piece, desk)


class _Failed:
    """The pieces that have failed: the first as the job's failure, and the tunings among them."""

    def __init__(self) -> None:
        self.first: InPiece | None = None
        self._tunings: set[str] = set()

    def note(self, piece: Piece, error: Exception) -> None:
        """Remember a failure of the piece's own; raises InPiece for any other."""
        failure = InPiece(piece.name)
        failure.__cause__ = error
        if classify(error).code not in _OWN:
            raise failure
        traceback.print_exception(error)
        traceback.clear_frames(error.__traceback__)  # what they hold would stay in memory until the end
        self.first = self.first or failure
        if isinstance(piece.work, AdapterSpec):
            self._tunings.update(piece.keys)

    def before(self, piece: Piece) -> bool:
        """Whether a piece needs what has failed."""
        work = piece.work
        if isinstance(work, TuneSpec):
            needed = set(work.parents)
        elif isinstance(work, DeriveSpec):
            needed = {work.adapter}
        else:
            needed = {adapter for cell in work.cells for adapter in cell.adapters}
        return any(adapter.partition("@")[0] in self._tunings for adapter in needed)


def _desk_of(piece: Piece, desk: Desk) -> Desk:
    """The desk of a job that does this piece alone; adapters that were made here lie in the folder."""
    job, kept = desk.job, desk.folder.kept
    made = {f"{path.parent.name}@{path.name}": str(path) for path in kept.glob("*/*") if path.name.isdigit()}
    inputs = {**made, **job.inputs}
    alone = JobSpec(piece.name, piece.work, piece.keys, inputs, job.device, job.threads, job.batch_tokens)
    return replace(desk, job=alone)


def _make_adapters(piece: Piece, desk: Desk) -> None:
    """Tune, or derive, unless an earlier go has; then hand the adapters over."""
    assert isinstance(piece.work, AdapterSpec)
    key = piece.keys[0]
    own = desk.folder.kept / key
    if not (own.is_dir() and all((own / str(step)).is_dir() for step in piece.work.save_steps)):
        inner = JobFolder(desk.folder.scratch / key)
        inner.scratch.mkdir(parents=True)
        make = tune if isinstance(piece.work, TuneSpec) else derive
        make(replace(_desk_of(piece, desk), folder=inner, landed={}))
        shutil.rmtree(own, ignore_errors=True)
        own.parent.mkdir(exist_ok=True)
        publish_folder(inner.adapters, own)
    digests = {f"{key}@{path.name}": adapter_digest(path) for path in own.iterdir() if path.name.isdigit()}
    copy = desk.folder.scratch / f"{key}.copy"
    shutil.copytree(own, copy, copy_function=_link)
    place = desk.folder.adapters / key
    with unstopped():
        shutil.rmtree(place, ignore_errors=True)  # of a go cut short; its copy is what was kept
        place.parent.mkdir(exist_ok=True)
        publish_folder(copy, place)
        desk.landed.update(digests)


def _link(source: str, target: str) -> None:
    """A second name for a file that nobody writes any more; a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
