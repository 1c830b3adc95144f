#!/bin/sh
# Inside a build: the locked packages into /opt/job, from the wheels in /build where there are any, else from an index.
set -eu
python3 -m venv /opt/job
from=""
if ls /build/*.whl >/dev/null 2>&1; then from="--no-index --find-links /build"; fi
/opt/job/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes $from \
  -r /build/lock-*.txt
# The final stage gets no installer, no headers and no tests.
/opt/job/bin/python -m pip uninstall --yes --quiet pip
find /opt/job -name tests -path '*site-packages/*' -prune -exec rm -rf {} +
rm -rf /opt/job/lib/python3*/site-packages/torch/include /opt/job/lib/python3*/site-packages/torch/share \
  /opt/job/lib/python3*/site-packages/setuptools* /opt/job/lib/python3*/site-packages/pkg_resources
/opt/job/bin/python -m compileall -qq /opt/job/lib || true
