#!/usr/bin/env bash
# A base image without a registry: Debian with Python, made by debootstrap and imported into the engine.
# usage: images/base-debian.sh [NAME]          (as root; needs debootstrap, and docker or a program like it)
#   SUITE=bookworm     Debian's release, which decides on Python: bookworm has 3.11
#   DEBIAN_MIRROR=URL  where packages come from; otherwise what this machine's own apt uses, or deb.debian.org
#   DOCKER=docker      the program that imports
#   MORE=git,make      packages beside Python
set -euo pipefail
name=${1:-xlt-kit-base:debian12}
suite=${SUITE:-bookworm}
docker=${DOCKER:-docker}

own_mirror() {
  # The first address in apt's own sources, in either of its two formats.
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    sed -n -E 's/^(deb (\[[^]]*\] )?|URIs: *)(https?:[^ ]+).*/\3/p' | head -n 1
}

for program in debootstrap "$docker"; do
  command -v "$program" >/dev/null || { echo "$0: needs $program" >&2; exit 10; }
done
mirror=${DEBIAN_MIRROR:-$(own_mirror)}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include="python3,python3-venv,ca-certificates${MORE:+,$MORE}" \
  "$suite" "$root/fs" ${mirror:+"$mirror"} >&2
# Package lists, caches and documents are of no use in an image; the sources are those of this machine, not of the next.
rm -rf "$root"/fs/var/lib/apt/lists/* "$root"/fs/var/cache/* "$root"/fs/var/log/* "$root"/fs/usr/share/{doc,man,locale}
echo "deb http://deb.debian.org/debian $suite main" > "$root/fs/etc/apt/sources.list"
tar -C "$root/fs" -c . | "$docker" import --change 'CMD ["python3"]' - "$name" >&2
echo "$name"
