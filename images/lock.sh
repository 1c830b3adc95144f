#!/usr/bin/env bash
# Writes the lock files of the images anew, with hashes. Needs uv. The CPU build of torch is not on every index:
# TORCH_INDEX=URL names one that has it, FIND_LINKS=DIR a folder with its wheel.
set -euo pipefail
cd "$(dirname "$0")"
common=(--python-version 3.11 --generate-hashes --no-header --quiet --no-emit-index-url --no-emit-find-links)
uv pip compile job.in -c torch-cpu.txt "${common[@]}" ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
  ${FIND_LINKS:+--find-links "$FIND_LINKS"} -o lock-cpu.txt
