#!/usr/bin/env bash
# Brings a Chromium, what it needs and a font of emoji into a folder of its own, and installs nothing on this machine.
# Does nothing when it is there. Prints the program's path. Needs Debian's apt-get, as it is set up here.
set -euo pipefail
[ -n "${CHROMIUM:-}" ] && { echo "$CHROMIUM"; exit; }
home="${XDG_CACHE_HOME:-$HOME/.cache}/relevo/chromium"
program="$home/root/usr/lib/chromium/chromium"
if [ ! -e "$home/ready" ]; then
  command -v apt-get > /dev/null || { echo "no apt-get here: set CHROMIUM to the program of a Chromium" >&2; exit 1; }
  mkdir -p "$home"
  exec 9> "$home/lock"
  flock 9
  if [ ! -e "$home/ready" ]; then
    rm -rf "$home/root" "$home/archives"
    mkdir -p "$home/root" "$home/archives/partial"
    fetch() {
      apt-get install --quiet --yes --download-only --reinstall --no-install-recommends -o Dir::Cache::archives="$home/archives" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" chromium chromium-common fonts-noto-color-emoji > "$home/log" 2>&1
    }
    fetch || { apt-get update --quiet >> "$home/log" 2>&1 && fetch; } || { cat "$home/log" >&2; exit 1; }
    for package in "$home"/archives/*.deb; do dpkg -x "$package" "$home/root"; done
    rm -rf "$home/archives"
    touch "$home/ready"
  fi
fi
echo "$program"
