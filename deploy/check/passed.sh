#!/usr/bin/env bash
# Whether what `make check-deploy` looks at is as it was when it passed last on this machine: exit code 0, and 1 if not.
# `passed.sh --now` says that it passes as it is. What it looks at: the chart, the image, and the code that makes their files.
set -euo pipefail
cd "$(dirname "$0")/../.."
looked_at=(deploy tests/deploy tests/builders/prometheus.py tests/builders/board_picture.py docs/runbooks relevo/kubernetes
  relevo/monitoring relevo/demo relevo/generated.py runtime/metrics ingress/webhooks/outcomes.py schemas/topics.py runtime/settings
  egress/lease/service.py egress/lines/process ingress/webhooks/service.py processors/agents/service.py
  processors/conversations/service.py pyproject.toml requirements.txt Makefile .ci)
file="${XDG_CACHE_HOME:-$HOME/.cache}/relevo/check/passed"
now="$({ git ls-files -z -- "${looked_at[@]}"; git ls-files -z --others --exclude-standard -- "${looked_at[@]}"; } |
  sort -z | xargs -0 sha256sum | sha256sum)"
if [ "${1:-}" = --now ]; then
  echo "$now" > "$file"
elif [ "$(cat "$file" 2> /dev/null)" = "$now" ]; then
  echo "what make check-deploy looks at is as it was when it passed"
else
  exit 1
fi
