#!/bin/sh
# Judge a run: gate it, write the report, and end with the gate's exit code (0 PASS, 1 FAIL, 3 INCONCLUSIVE,
# 4 INVALID). Without a baseline there is no verdict, and that is no failure: 0.
#
#     ci/verdict.sh RUN POLICY [BASELINE [RULES [OUT]]]
#
# BASELINE is a stored baseline, a run folder, or a folder of stored baselines from which the fitting one is taken.
# OUT (RUN/verdict) gets verdict.txt (one word), gate.txt, summary.md for a job summary or a comment, and the report.
# Needs drivegate on PATH.
set -eu
run=$1 policy=$2 baseline=${3:-ci/baselines} rules=${4:-ci/gate.yaml}
out=${5:-$run/verdict}
mkdir -p "$out"
code=0

if [ -d "$baseline" ] && [ ! -e "$baseline/run.json" ]; then
  shelf=$baseline
  baseline=$(drivegate baseline find "$run" --policy "$policy" --shelf "$shelf" --rules "$rules" \
    2>"$out/gate.txt") || code=$?
fi
if [ -n "$baseline" ] && [ "$code" = 0 ]; then
  echo "Gate of $policy against $baseline:"
  drivegate gate --baseline "$baseline" --candidate "$run" --policy "$policy" --rules "$rules" \
    >"$out/gate.txt" 2>&1 || code=$?
fi
cat "$out/gate.txt"

case $code in
  0) verdict=PASS ;; 1) verdict=FAIL ;; 3) verdict=INCONCLUSIVE ;; *) verdict=INVALID ;;
esac
[ -n "$baseline" ] || [ "$code" != 0 ] || verdict=NONE
echo "$verdict" >"$out/verdict.txt"

said() { echo '```text'; cat "$out/gate.txt"; echo '```'; }

# The report's summary.md has tables and links; what the gate said has to do if there is nothing to report on.
set -- "$run" --policy "$policy" --rules "$rules" --out "$out"
[ -z "$baseline" ] || set -- "$@" --baseline "$baseline"
if [ -e "$run/run.json" ] && drivegate report "$@" >"$out/report.log" 2>&1; then
  [ "$verdict" != NONE ] || { echo; said; } >>"$out/summary.md"
  echo "Report: $out/report.html"
else
  [ ! -e "$out/report.log" ] || cat "$out/report.log" >&2
  { echo "## drivegate: $verdict"; echo; said; } >"$out/summary.md"
fi
exit "$code"
