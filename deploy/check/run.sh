#!/usr/bin/env bash
# Checks deploy/ of this repository, or of the copy whose root ROOT names, with all example values or those that
# EXAMPLES names: run.sh [STEP…]. Without steps: all of them.
#   files   what the code makes is what is committed
#   rules   promtool reads the rules
#   chart   helm lints the chart with each of the example values
#   objects every object that comes out of it, custom ones too, against the schema of its kind
#   yaml    yamllint over values, rules and the chart's own files
#   image   hadolint over the Dockerfile
#   shell   shellcheck over all scripts
set -euo pipefail
here="$(cd "$(dirname "$0")/../.." && pwd)"
root="${ROOT:-$here}"
home="${XDG_CACHE_HOME:-$HOME/.cache}/relevo/check"
python="${RELEVO_PYTHON:-$here/.venv/bin/python}"
kubernetes=1.34
read -ra examples <<< "${EXAMPLES:-small typical large}"

[ -x "$home/helm" ] || { echo "the tools are not built: make check-deploy" >&2; exit 1; }

files() {
  local maker failed=0
  for maker in relevo.kubernetes relevo.monitoring; do
    (cd "$here" && "$python" -m "$maker" --check --chart "$root/deploy/helm/relevo") || failed=1
  done
  return "$failed"
}

rules() {
  "$home/prometheus/root/usr/bin/promtool" check rules --lint=all --lint-fatal "$root"/deploy/helm/relevo/files/rules/*.yaml
}

chart() {
  for example in "${examples[@]}"; do
    "$home/helm" lint --strict --quiet --kube-version "$kubernetes" "$root/deploy/helm/relevo" \
      -f "$root/deploy/helm/values/$example.yaml"
  done
}

objects() {
  for example in "${examples[@]}"; do
    "$home/helm" template relevo "$root/deploy/helm/relevo" --namespace relevo --kube-version "$kubernetes" \
      -f "$root/deploy/helm/values/$example.yaml" |
      "$home/kubeconform" -strict -summary -schema-location \
        "$here/deploy/check/schemas/{{.ResourceKind}}{{.KindSuffix}}.json"
  done
}

yaml() {
  (cd "$root" && "$home/linters/bin/yamllint" --strict -c "$here/deploy/check/yamllint.yaml" deploy/helm)
}

image() {
  "$home/linters/bin/hadolint" --failure-threshold style "$root/deploy/Dockerfile"
}

shell() {
  (cd "$root" && find . -path ./.venv -prune -o -type f \( -name '*.sh' -o -path ./.ci/run \) -print0 |
    xargs -0 "$home/linters/bin/shellcheck")
}

steps=("$@")
[ $# -gt 0 ] || steps=(files rules chart objects yaml image shell)
for step in "${steps[@]}"; do
  echo "== $step"
  "$step"
done
