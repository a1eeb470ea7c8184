#!/usr/bin/env bash
# Brings packages of Debian into a folder of its own, with what they need where apt says so, and installs nothing on
# this machine: debian.sh FOLDER PACKAGE… Does nothing when they are there. FOLDER/root is then as `/` would be.
# With ALONE=1 only the packages themselves, without what they need. Needs Debian's apt-get, as it is set up here.
set -euo pipefail
home="$1"
shift
[ -e "$home/ready" ] && exit
command -v apt-get > /dev/null || { echo "no apt-get here, which brings $*" >&2; exit 1; }
mkdir -p "$home"
exec 9> "$home/lock"
flock 9
[ -e "$home/ready" ] && exit
rm -rf "$home/root" "$home/archives"
mkdir -p "$home/root" "$home/archives/partial"
fetch() {
  if [ -n "${ALONE:-}" ]; then
    (cd "$home/archives" && apt-get download --quiet -o APT::Sandbox::User="$(id -un)" "$@" > "$home/log" 2>&1)
  else
    apt-get install --quiet --yes --download-only --reinstall --no-install-recommends -o Dir::Cache::archives="$home/archives" \
      -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" "$@" > "$home/log" 2>&1
  fi
}
fetch "$@" || { apt-get update --quiet >> "$home/log" 2>&1 && fetch "$@"; } || { cat "$home/log" >&2; exit 1; }
for package in "$home"/archives/*.deb; do dpkg -x "$package" "$home/root"; done
rm -rf "$home/archives"
touch "$home/ready"
