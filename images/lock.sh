#!/usr/bin/env bash
# Writes the lock files of the images anew, with hashes: images/lock.sh [cpu] [cu12] [cu13], all without a word.
# Needs uv. The CPU build of torch is not on every index: TORCH_INDEX=URL names one that has it, FIND_LINKS=DIR a
# folder with its wheel. What stands in a lock is kept where it still fits; UPGRADE=1 takes the newest.
set -euo pipefail
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- cpu cu12 cu13
common=(--python-version 3.11 --generate-hashes --no-header --quiet --no-emit-index-url --no-emit-find-links)
for flavour in "$@"; do
  needed=(job.in)
  [ "$flavour" = cpu ] || needed+=(gpu.in)
  uv pip compile "${needed[@]}" -c "torch-$flavour.txt" "${common[@]}" ${UPGRADE:+--upgrade} \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} ${FIND_LINKS:+--find-links "$FIND_LINKS"} -o "lock-$flavour.txt"
done
