"""A container as a job gets it, with a few lines of torch inside: does the image work on this machine?"""

from __future__ import annotations

import json
import os
from typing import Any

from kit.errors import EnvironmentError_
from kit.executors.engine import Engine, engine_errors
from kit.executors.flavour import Flavour, check_driver
from kit.executors.gpus import of_engine
from kit.executors.image import check

_CODE = """
import json, os, sys, time
start = time.monotonic()
import torch, transformers, peft
facts = {"python": sys.version.split()[0], "torch": torch.__version__, "transformers": transformers.__version__,
         "peft": peft.__version__, "imports": f"{time.monotonic() - start:.1f} s", "user": str(os.getuid())}
device = "cuda" if torch.cuda.is_available() else "cpu"
facts["device"] = torch.cuda.get_device_name(0) if device == "cuda" else "cpu"
if device == "cuda":
    facts["cuda"] = str(torch.version.cuda)
    facts["built for"] = " ".join(torch.cuda.get_arch_list())
a = torch.ones(256, 256, device=device)
facts["product"] = "right" if float((a @ a).sum()) == 256.0 ** 3 else "wrong"
print(json.dumps(facts))
"""


def attempt(engine: Engine, flavour: Flavour) -> dict[str, str]:
    """Versions, device and a product of two matrices, from inside a container of this flavour.

    Raises:
        EnvironmentError_: the image is missing or unfit, the engine gives no GPU, the driver is too old, or torch
            does not work in there.
    """
    import docker
    from docker.types import DeviceRequest

    found = check(engine.client, flavour.image)
    facts = {"engine": f"{engine.kind}, {engine.address} ({engine.why})", "image": found.name}
    requests: dict[str, Any] = {}
    if flavour.driver:
        gpus = of_engine(engine, found.id)
        for gpu in gpus:
            check_driver(found.name, flavour.name, gpu.driver)
            facts[f"gpu {gpu.index}"] = f"{gpu.name}, {gpu.memory / 2**30:.0f} GiB, driver {gpu.driver}"
        requests["device_requests"] = [DeviceRequest(count=-1, capabilities=[["gpu"]])]
    with engine_errors(engine.address):
        try:
            said = engine.client.containers.run(
                found.id,
                entrypoint=["python", "-c", _CODE],
                command=[],
                user="0:0" if engine.rootless else f"{os.getuid()}:{os.getgid()}",
                network_mode="none",
                read_only=True,
                tmpfs={"/tmp": ""},
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                remove=True,
                **requests,
            )
        except docker.errors.ContainerError as problem:
            last = (problem.stderr or b"").decode("utf-8", "replace").strip().splitlines()
            raise EnvironmentError_(
                f"torch does not work in the image {found.name}: {last[-1] if last else problem.exit_status}",
                remedy=f"make it again: xlt-kit image build --flavour {flavour.name}; see docs/containers.md",
            ) from problem
    inside: dict[str, str] = json.loads(said.decode().strip().splitlines()[-1])
    if flavour.driver and inside["device"] == "cpu":
        raise EnvironmentError_(
            "torch sees no GPU in the container, though the engine gives one",
            remedy="compare the driver with: xlt-kit image inspect; see docs/containers.md",
        )
    return facts | inside
