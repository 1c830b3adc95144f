"""The contract between host and job: one folder. Reads and writes: `job.json`, `events.jsonl`, `result.json`, cells.

Standard library only, so that both worlds can import it. The host writes `job.json`; the job appends to
`events.jsonl` and `log.txt`, puts each finished cell (or adapter, or model) in place by one rename, and writes
`result.json` last of all. Whoever sees the folder can follow, stop, resume or read the job.
"""

from kit.jobdir.cell import CELL_SCHEMA, DERIVED_FILE, ITEMS_FILE, LENS_FILE, PARENTS_FILE, digest_of_cell
from kit.jobdir.codec import SpecError, decode, encode
from kit.jobdir.files import (
    append_line,
    atomic_stream,
    atomic_write,
    publish_folder,
    read_json,
    sha256_file,
    tree_digest,
)
from kit.jobdir.folder import Event, Failure, FailureCode, Handle, JobFolder, Result
from kit.jobdir.keys import canonical, key_of, key_parts
from kit.jobdir.spec import (
    SCHEMA,
    AdapterSpec,
    CellSpec,
    DeriveSpec,
    EvaluateSpec,
    FitSpec,
    GenerateTask,
    InterchangeTask,
    JobSpec,
    LensTask,
    Lora,
    Piece,
    PretrainSpec,
    Prompt,
    ScoreTask,
    SeriesSpec,
    Task,
    TrainerSettings,
    TuneSpec,
    is_map,
    kind_of,
)
from kit.jobdir.threads import thread_environment

__all__ = [
    "CELL_SCHEMA",
    "DERIVED_FILE",
    "ITEMS_FILE",
    "LENS_FILE",
    "PARENTS_FILE",
    "SCHEMA",
    "AdapterSpec",
    "CellSpec",
    "DeriveSpec",
    "EvaluateSpec",
    "Event",
    "Failure",
    "FailureCode",
    "FitSpec",
    "GenerateTask",
    "Handle",
    "InterchangeTask",
    "JobFolder",
    "JobSpec",
    "LensTask",
    "Lora",
    "Piece",
    "PretrainSpec",
    "Prompt",
    "Result",
    "ScoreTask",
    "SeriesSpec",
    "SpecError",
    "Task",
    "TrainerSettings",
    "TuneSpec",
    "append_line",
    "atomic_stream",
    "atomic_write",
    "canonical",
    "decode",
    "digest_of_cell",
    "encode",
    "is_map",
    "key_of",
    "key_parts",
    "kind_of",
    "publish_folder",
    "read_json",
    "sha256_file",
    "thread_environment",
    "tree_digest",
]
