"""How many jobs a machine runs at a time, where, and with which environment."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kit.errors import EnvironmentError_
from kit.executors.gpus import Gpu
from kit.schedule.executor import Slot

_MOST_A_GPU = 8
_SHARE = 0.9
"""Of a GPU's memory; the rest is the driver's, and what estimates do not see."""


def make_slots(
    device: str, slots: int | str, threads: int, gpus: Sequence[Gpu], per_gpu: int = 1
) -> tuple[Slot, ...]:
    """One slot a GPU (or `per_gpu`) where there are GPUs, else one for every `threads` processors.

    Args:
        device: `auto`, `cpu` or `cuda`.
        slots: the most jobs at a time, or `auto`.
        threads: threads a job uses on the CPU.

    Raises:
        EnvironmentError_: `cuda` is asked for and there is no GPU.
    """
    if device == "cuda" and not gpus:
        raise EnvironmentError_(
            "no NVIDIA GPU answers (nvidia-smi lists none, or CUDA_VISIBLE_DEVICES hides them)",
            remedy="use --set resources.device=cpu, or run where there is a GPU and its driver",
        )
    if gpus and device != "cpu":
        # First one on each GPU, then the second ones: few jobs spread out.
        found = [
            Slot(
                f"gpu{gpu.index}" + (f".{turn + 1}" if turn else ""),
                "cuda",
                gpu.uuid or str(gpu.index),
                threads,
            )
            for turn in range(per_gpu)
            for gpu in gpus
        ]
        return tuple(found if slots == "auto" else found[: int(slots)])
    count = max(1, len(os.sched_getaffinity(0)) // threads) if slots == "auto" else int(slots)
    return tuple(Slot(f"cpu{i}", "cpu", None, threads) for i in range(count))


def jobs_that_fit(gpus: Sequence[Gpu], bytes_a_job: float) -> int:
    """How many jobs of that size the smallest of the GPUs can hold, at least one. Pure."""
    smallest = min((gpu.memory for gpu in gpus), default=0)
    return max(1, min(_MOST_A_GPU, int(smallest * _SHARE / max(bytes_a_job, 1.0))))


def environment(slot: Slot) -> dict[str, str]:
    """What a job is told by its environment, whatever starts it."""
    threads = str(slot.threads)
    return {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        # Attention makes large short-lived arrays; glibc would give each back to the system and fetch it again,
        # which took half of a CPU evaluation's time.
        "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    } | ({"CUDA_VISIBLE_DEVICES": ""} if slot.gpu is None else {})
