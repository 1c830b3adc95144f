"""Flavours of the image: which one a driver carries, and what a build takes of the kit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.errors import EnvironmentError_
from kit.executors.flavour import FLAVOURS, ROOT, check_driver, code_digest, for_driver, job_files


@pytest.mark.parametrize(
    ("driver", "flavour"),
    [
        (None, "cpu"),
        ("525.60.13", "cu12"),
        ("550.54.14", "cu12"),
        ("580.65.05", "cu12"),
        ("580.65.06", "cu13"),
        ("581.1", "cu13"),
        ("1000.2.3", "cu13"),
    ],
)
def test_a_driver_gets_the_newest_cuda_that_it_carries(driver: str | None, flavour: str) -> None:
    assert for_driver(driver).name == flavour


def test_a_driver_that_is_too_old_for_all_is_refused_with_the_remedy() -> None:
    with pytest.raises(EnvironmentError_, match=r"470.1 is too old: CUDA 12 needs 525") as refusal:
        for_driver("470.1")
    assert "upgrade the driver" in (refusal.value.remedy or "")


def test_an_image_whose_cuda_is_too_new_is_refused_with_the_command_that_mends_it() -> None:
    check_driver("i", "cu12", "580.95.05")
    check_driver("i", "cu13", "580.95.05")
    with pytest.raises(EnvironmentError_, match=r"needs the NVIDIA driver 580.65.06 or newer") as refusal:
        check_driver("i", "cu13", "550.54.14")
    assert refusal.value.remedy == "xlt-kit image build --flavour cu12"
    with pytest.raises(EnvironmentError_, match="has no CUDA") as refusal:
        check_driver("i", "cpu", "580.95.05")
    assert refusal.value.remedy == "xlt-kit image build --flavour cu13"


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=lambda flavour: flavour.name)
def test_each_flavour_has_its_dockerfile_and_a_lock_with_hashes(flavour: object) -> None:
    assert (ROOT / flavour.dockerfile).is_file()  # type: ignore[attr-defined]
    lock = (ROOT / flavour.lock).read_text()  # type: ignore[attr-defined]
    pinned = re.findall(r"^([a-z0-9-]+)==", lock, re.M)
    assert {"torch", "transformers", "peft", "nvidia-ml-py"} <= set(pinned)
    for block in re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.M)[1:]:
        assert "--hash=sha256:" in block, block
    assert "://" not in re.sub(r"#.*", "", lock)


def test_the_cuda_of_a_lock_is_that_of_its_name() -> None:
    assert "nvidia-cuda-runtime-cu12==12." in (ROOT / FLAVOURS["cu12"].lock).read_text()
    assert "nvidia-cuda-runtime==13." in (ROOT / FLAVOURS["cu13"].lock).read_text()
    assert "nvidia-cuda" not in (ROOT / FLAVOURS["cpu"].lock).read_text()


def test_images_for_gpus_can_quantise() -> None:
    """`weights: int8|nf4` and the paged optimizer need a package that is of no use without a GPU."""
    having = {
        name for name, flavour in FLAVOURS.items() if "\nbitsandbytes==" in (ROOT / flavour.lock).read_text()
    }
    assert having == {"cu12", "cu13"}


def test_a_build_takes_what_a_job_runs_and_no_more() -> None:
    names = set(job_files())
    assert {"kit/__init__.py", "kit/job/__main__.py", "kit/jobdir/folder.py", "kit/data/example.py"} <= names
    assert not [
        name for name in names if name.startswith(("kit/cli", "kit/api", "kit/store", "kit/executors"))
    ]
    assert len(code_digest()) == 64 and code_digest() == code_digest()


def test_what_a_build_takes_is_all_that_a_job_imports(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for name, path in job_files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / name)
    every = sorted(
        name.removesuffix(".py").replace("/", ".") for name in job_files() if name.startswith("kit/job/")
    )
    modules = [one for one in every if not one.endswith("__")]
    script = f"import importlib\nfor name in {modules}: importlib.import_module(name)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
