"""What a job takes of its machine while it works: processors, memory, GPU. Told as `usage` events."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from kit.jobdir import JobFolder

_SECONDS = 5.0
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container's limit of memory stands: control groups of version 2 and 1."""
_NO_LIMIT = 1 << 60


@contextlib.contextmanager
def measured(folder: JobFolder, device: str, environment: dict[str, Any]) -> Iterator[None]:
    """Tell of the usage every few seconds, and put the peaks into `environment` at the end (bytes).

    Measuring never ends a job: what cannot be read is left out, and where nothing can be written it ends itself.
    """
    over = threading.Event()
    meter = _Meter(device)

    def tell() -> None:
        with contextlib.suppress(OSError, psutil.Error):
            while not over.wait(_SECONDS):
                folder.emit("usage", **meter.read())

    teller = threading.Thread(target=tell, name="usage", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        with contextlib.suppress(OSError, psutil.Error):
            meter.read()
        environment.update(meter.peaks)
        meter.close()


def memory_limit() -> int | None:
    """The bytes that this container (or control group) may use; None where nothing limits it."""
    for name in _LIMITS:
        try:
            text = Path(name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        return int(text) if text.isdigit() and int(text) < _NO_LIMIT else None
    return None


class _Meter:
    """Reads `cpu` (busy processors), `memory` and `limit` (bytes); on CUDA `gpu` (share of time), its memory."""

    def __init__(self, device: str) -> None:
        self.peaks: dict[str, int] = {}
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call has nothing to compare with
        self._limit = memory_limit()
        self._nvml: Any
        self._gpu: Any
        self._nvml, self._gpu = _open_gpu() if device == "cuda" else (None, None)

    def read(self) -> dict[str, Any]:
        memory = int(self._process.memory_info().rss)
        facts: dict[str, Any] = {"cpu": round(self._process.cpu_percent() / 100, 2), "memory": memory}
        if self._limit is not None:
            facts["limit"] = self._limit
        self._peak("peak_memory", memory)
        if self._nvml is not None:
            with contextlib.suppress(self._nvml.NVMLError):
                held = self._nvml.nvmlDeviceGetMemoryInfo(self._gpu)
                busy = self._nvml.nvmlDeviceGetUtilizationRates(self._gpu)
                facts |= {"gpu": busy.gpu / 100, "gpu_memory": int(held.used), "gpu_total": int(held.total)}
                self._peak("peak_gpu_memory", int(held.used))
        return facts

    def close(self) -> None:
        if self._nvml is not None:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()

    def _peak(self, name: str, value: int) -> None:
        self.peaks[name] = max(value, self.peaks.get(name, 0))


def _open_gpu() -> tuple[Any, Any]:
    """NVML and the GPU that torch uses, found by its UUID; nothing where either is missing."""
    import torch

    try:
        import pynvml
    except ImportError:
        return None, None
    try:
        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(0).uuid)
        name = uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(name.encode())
    except (pynvml.NVMLError, AttributeError, RuntimeError):
        return None, None
