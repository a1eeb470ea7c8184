#!/usr/bin/env bash
# Builds what checks deploy/ into a folder of its own, each tool once for each of its pins, and installs nothing else.
# Prints the folder. The first time takes some minutes of a CPU; needs Go and Python.
set -euo pipefail
cd "$(dirname "$0")"
home="${XDG_CACHE_HOME:-$HOME/.cache}/relevo/check"
mkdir -p "$home"
exec 9> "$home/lock"
flock 9

# The pin of a tool's module is part of the program's name, so that a new pin is a new program.
build() { # name, module, package
  local version
  version="$(sed -n "s|^\(require \)\?[[:space:]]*$2 v\([^ ]*\).*|\2|p" "tools/$1/go.mod" | head -1)"
  local program="$home/$1-$version"
  if [ ! -x "$program" ]; then
    command -v go > /dev/null || { echo "no go here: it builds $1 $version" >&2; exit 1; }
    echo "building $1 $version, which takes some minutes the first time" >&2
    (cd "tools/$1" && nice -n 15 go build -mod=readonly -trimpath -ldflags='-s -w' -o "$program.new" "$3")
    mv "$program.new" "$program"
  fi
  ln -sfn "$program" "$home/$1"
}
build helm helm.sh/helm/v3 helm.sh/helm/v3/cmd/helm
build kubeconform github.com/yannh/kubeconform github.com/yannh/kubeconform/cmd/kubeconform

ALONE=1 ./debian.sh "$home/prometheus" prometheus

linters="$home/linters-$(sha256sum requirements.txt | cut -c1-16)"
if [ ! -e "$linters/ready" ]; then
  rm -rf "$linters"
  "${PYTHON:-python3}" -m venv "$linters"
  "$linters/bin/pip" install --quiet --require-hashes -r requirements.txt
  touch "$linters/ready"
fi
ln -sfn "$linters" "$home/linters"
echo "$home"
