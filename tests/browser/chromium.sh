#!/usr/bin/env bash
# Brings a Chromium, what it needs and a font of emoji into a folder of its own, and installs nothing on this machine.
# Does nothing when it is there. Prints the program's path. Needs Debian's apt-get, as it is set up here.
set -euo pipefail
[ -n "${CHROMIUM:-}" ] && { echo "$CHROMIUM"; exit; }
home="${XDG_CACHE_HOME:-$HOME/.cache}/relevo/chromium"
"$(dirname "$0")/../../deploy/check/debian.sh" "$home" chromium chromium-common fonts-noto-color-emoji ||
  { echo "or set CHROMIUM to the program of a Chromium" >&2; exit 1; }
echo "$home/root/usr/lib/chromium/chromium"
