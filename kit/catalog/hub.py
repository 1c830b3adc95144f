"""Snapshots of the hub's repositories, in the hub's own cache."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from kit.catalog.locations import Locations
from kit.errors import KitError, MissingInputError

HUB_IN_MIRROR = "huggingface"
"""Where a mirror holds the hub's repositories: `huggingface/<owner>/<name>/<commit>/`, `refs/main` for the newest."""


def snapshot(
    hub: str,
    revision: str | None,
    locations: Locations,
    wanted: Sequence[str],
    check: Callable[[Path], object],
) -> Path:
    """The folder of a repository at a commit; the folder's name is the commit.

    A mirror that has it comes first. A pinned commit that is here, and passes `check` (which raises a KitError), is
    taken without asking the network. Only files whose names match `wanted` are fetched, none out of subfolders.

    Raises:
        MissingInputError: it is not here, and may not or cannot be fetched.
    """
    if locations.mirror is not None and (mirrored := in_mirror(hub, revision, locations.mirror)):
        return mirrored
    offline = locations.offline
    if revision is not None and not offline:
        with contextlib.suppress(KitError):
            here = _download(hub, revision, True, wanted)
            check(here)
            return here
    return _download(hub, revision, offline, wanted)


def in_mirror(hub: str, revision: str | None, mirror: Path) -> Path | None:
    """The folder of a repository in a mirror, at a commit or, where none is named, at the one it was made with."""
    place = mirror / HUB_IN_MIRROR / hub
    if revision is None:
        try:
            revision = (place / "refs" / "main").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return None
    folder = place / revision
    return folder if "/" not in revision and folder.is_dir() else None


def _download(hub: str, revision: str | None, offline: bool, wanted: Sequence[str]) -> Path:
    from huggingface_hub import errors, snapshot_download  # here, because it takes a while

    at = f"{hub} at {revision or 'its newest commit'}"
    try:
        return Path(
            snapshot_download(
                hub,
                revision=revision,
                allow_patterns=list(wanted),
                ignore_patterns=["*/*", "consolidated*"],
                local_files_only=offline,
            )
        )
    except errors.GatedRepoError as problem:
        remedy = f"accept its licence at https://huggingface.co/{hub}, then log in: `hf auth login`, or set HF_TOKEN"
        raise MissingInputError(f"{at} is gated, and you have no access", remedy=remedy) from problem
    except errors.RevisionNotFoundError as problem:
        raise MissingInputError(f"the hub has no {at}", remedy="check the revision") from problem
    except errors.RepositoryNotFoundError as problem:
        remedy = "check the name; for a private one log in: `hf auth login`"
        raise MissingInputError(f"the hub has no {at} for you", remedy=remedy) from problem
    except (OSError, ValueError) as problem:  # not in the cache, no network, a malformed name
        if offline:
            message = f"{at} is not on this machine, and the network is not to be used"
            raise MissingInputError(
                message, remedy="run once without --offline, or give a `path`"
            ) from problem
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        remedy = "check the network, or download it elsewhere and give its `path`"
        raise MissingInputError(f"{at} cannot be fetched: {reason}", remedy=remedy) from problem
