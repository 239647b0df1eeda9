#!/bin/sh
# Checks the configuration and the rules, and runs the rules' unit tests. promtool is taken from $PROMTOOL or PATH.
set -eu
cd "$(dirname "$0")"
promtool=${PROMTOOL:-promtool}
if ! command -v "$promtool" >/dev/null; then
  echo "No promtool: set PROMTOOL to its path, or install Prometheus (Debian: apt-get install prometheus)." >&2
  exit 69
fi
"$promtool" check config prometheus.yml
"$promtool" check rules --lint=all --lint-fatal rules/*.yml
"$promtool" test rules tests/*.yml
