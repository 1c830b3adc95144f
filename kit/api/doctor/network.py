"""Whether data can be fetched, as whom, and whether the clock is right."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from kit.api.doctor.finding import Finding, Surroundings

_TIMEOUT_SECONDS = 3
_CLOCK_SECONDS = 300
_WITHOUT = "or work without: --mirror DIR, --offline (docs/fetching.md)"
_REFUSALS = (403, 407, 511)
"""What proxies and log-in pages answer in the place of the host that was meant."""


def hosts() -> dict[str, str]:
    """The places that data and weights come from."""
    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    return {"hub": hub, "data": "https://raw.githubusercontent.com"}


def network(here: Surroundings) -> Iterator[Finding]:
    """One short question to each place, and the clock by the date of an answer."""
    if not here.network:
        for what in ("network (hub)", "network (data)"):
            yield Finding(what, "skipped", "not asked: offline")
    dates: list[tuple[str, float]] = []
    if here.network:
        for name, address in hosts().items():
            finding, date = _ask(f"network ({name})", address)
            dates += [(address, date)] if date is not None else []
            yield finding
    yield (
        _clock(dates[0])
        if dates
        else Finding("clock", "skipped", "no answer from the network to compare with")
    )


def _ask(what: str, address: str) -> tuple[Finding, float | None]:
    """What a place answers, and by how many seconds its clock is ahead of this one."""
    import requests

    begun = time.monotonic()
    try:
        answer = requests.head(address, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
    except requests.exceptions.SSLError as problem:
        says = f"{address}: no trusted connection ({_words(problem)})"
        remedy = f"check the clock (date) and the certificates (REQUESTS_CA_BUNDLE), {_WITHOUT}"
        return Finding(what, "warning", says, remedy), None
    except (requests.RequestException, ValueError) as problem:
        says = f"{address} cannot be reached: {_words(problem)}"
        return Finding(what, "warning", says, f"check the network and HTTPS_PROXY, {_WITHOUT}"), None
    ahead = _ahead(answer)
    if answer.status_code in _REFUSALS or answer.status_code >= 500:
        says = f"{address} answers {answer.status_code} {answer.reason}"
        remedy = f"check the proxy (HTTPS_PROXY) or a log-in page of the network, {_WITHOUT}"
        return Finding(what, "warning", says, remedy), ahead
    return Finding(what, "fine", f"{address} answers after {time.monotonic() - begun:.1f} s"), ahead


def _ahead(answer: Any) -> float | None:
    try:
        return parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _words(problem: Exception) -> str:
    """An error of the network in one short line."""
    import requests

    if isinstance(problem, requests.exceptions.ProxyError):
        return "the proxy does not let it through"
    if isinstance(problem, requests.exceptions.Timeout):
        return f"no answer within {_TIMEOUT_SECONDS} s"
    text = str(problem)
    for sign, said in _KNOWN.items():
        if sign in text:
            return said
    return (text.splitlines() or [type(problem).__name__])[0][:100]


_KNOWN = {
    "Name or service not known": "its name is not found",
    "name resolution": "its name is not found",
    "nodename nor servname": "its name is not found",
    "Failed to resolve": "its name is not found",
    "Connection refused": "the connection is refused",
    "unreachable": "the network is unreachable",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not trusted",
}


def login(here: Surroundings) -> Iterator[Finding]:
    """Only whether there is a token: it is neither shown nor tried."""
    from huggingface_hub import (
        get_token,
    )  # here, because it takes a while, and fails where HF_ENDPOINT is no address

    del here
    if get_token():
        yield Finding("hub login", "fine", "a token is there; it was not tried")
    else:
        yield Finding(
            "hub login", "skipped", "no token; only gated and private models need one", "hf auth login"
        )


def _clock(date: tuple[str, float]) -> Finding:
    address, ahead = date
    if abs(ahead) <= _CLOCK_SECONDS:
        return Finding("clock", "fine", f"within {max(1, round(abs(ahead)))} s of {address}")
    way = "behind" if ahead > 0 else "ahead of"
    says = f"{abs(ahead) / 60:.0f} minutes {way} that of {address}: certificates and dates of runs go wrong"
    return Finding("clock", "problem", says, "timedatectl set-ntp true")
