"""What a process of torch must find in its environment, for it reads it at import."""

from __future__ import annotations


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables for so many threads.

    Threads that wait for each other give their core away soon: by default they hold it for milliseconds, and on a
    machine that does something else as well a job then takes up to sixty times as long.
    """
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "GOMP_SPINCOUNT": "10000",
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
    }
