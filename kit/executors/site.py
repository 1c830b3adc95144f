"""What a cluster asks of a job: a file of the site's own, found by name or by the host that one is on.

`~/.config/xlt-kit/sites/NAME.yaml`; every key may be left out.
"""

from __future__ import annotations

import os
import socket
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from kit.errors import EnvironmentError_
from kit.yamlfile import Document, load, nearest

Texts = Annotated[tuple[str, ...], Strict(False)]
Count = Annotated[int, Field(ge=1)]


class Site(BaseModel):
    """How jobs are submitted to one cluster. `name` is its file's; `hosts` are patterns of its login nodes' names.

    `options` are lines of `#SBATCH` for what has no key here. `setup` are lines of shell that each job begins with
    (`module load …`); `python` is the interpreter that has the kit and torch there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    name: str = ""
    hosts: Texts = ()
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gpus: str | None = None
    memory: str | None = None
    time: str | None = None
    options: Texts = ()
    setup: Texts = ()
    python: str | None = None
    jobs: Count = 8

    def directives(self, threads: int, cuda: bool) -> list[str]:
        """What `sbatch` is asked for, an option a line."""
        named = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "mem": self.memory,
            "time": self.time,
            "gres": (self.gpus or "gpu:1") if cuda else None,
        }
        said = [f"--{key}={value}" for key, value in named.items() if value]
        return [f"--cpus-per-task={threads}", *said, *self.options]


def sites_folder() -> Path:
    """Where the files of sites lie: `$XLT_KIT_SITES`, else in the user's configuration."""
    named = os.environ.get("XLT_KIT_SITES")
    return Path(named).expanduser() if named else Path(platformdirs.user_config_path("xlt-kit")) / "sites"


def find_site(name: str | None, folder: Path | None = None) -> Site:
    """The site of that name; without one, the only one whose `hosts` fit this machine, or one that asks for nothing.

    Raises:
        EnvironmentError_: there is none of that name, several fit, or a file is faulty, with its place and the remedy.
    """
    place = folder or sites_folder()
    files = {path.stem: path for path in sorted(place.glob("*.yaml"))}
    if name is not None:
        if name not in files:
            near = nearest(name, files)
            there = f"there are: {', '.join(files)}" if files else f"write {place / name}.yaml"
            raise EnvironmentError_(
                f"there is no site {name!r}", remedy=f"did you mean {near!r}?" if near else there
            )
        return read_site(files[name])
    host = socket.gethostname()
    fitting = [
        site
        for site in map(read_site, files.values())
        if any(fnmatch(host, pattern) for pattern in site.hosts)
    ]
    if len(fitting) > 1:
        names = ", ".join(site.name for site in fitting)
        raise EnvironmentError_(f"several sites fit {host}: {names}", remedy="name one with --site")
    return fitting[0] if fitting else Site()


def read_site(path: Path) -> Site:
    """The site of a file.

    Raises:
        EnvironmentError_: it cannot be read, or holds what is no key of a site, with file and line.
    """
    document = load(path, EnvironmentError_)
    try:
        return Site(**{**document.value, "name": path.stem})  # type: ignore[arg-type]
    except ValidationError as problem:
        raise _told(problem.errors(include_url=False)[0], document) from problem


def _told(fault: Any, document: Document) -> EnvironmentError_:
    where, key = document.where(fault["loc"]), str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        near = nearest(key, Site.model_fields)
        known = ", ".join(name for name in Site.model_fields if name != "name")
        remedy = f"did you mean {near!r}?" if near else f"there are: {known}"
        return EnvironmentError_(f"`{key}` is no key of a site", where=where, remedy=remedy)
    message = f"`{key}`: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    return EnvironmentError_(message, where=where, remedy="compare it with docs/slurm.md")
