#!/bin/sh
# Judge a run: gate it, write the report, and end with the gate's exit code (0 PASS, 1 FAIL, 3 INCONCLUSIVE,
# 4 INVALID). Without a baseline there is no verdict, and that is no failure: 0.
#
#     ci/verdict.sh RUN POLICY [BASELINE [RULES [OUT]]]
#
# BASELINE is a stored baseline, a run folder, or a folder of stored baselines from which the fitting one is taken.
# OUT (RUN/verdict) gets gate.txt, summary.md for a job summary or a comment, and the report. Needs drivegate on PATH.
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
  0) verdict=PASS ;; 1) verdict=FAIL ;; 3) verdict=INCONCLUSIVE ;; 4) verdict=INVALID ;; *) verdict="error $code" ;;
esac
[ -n "$baseline" ] || [ "$code" != 0 ] || verdict="no baseline"
{
  echo "## drivegate: $verdict"
  echo
  echo '```text'
  cat "$out/gate.txt"
  echo '```'
} >"$out/summary.md"

# The report's own summary.md, with tables and links, takes the place of the one above.
if [ -e "$run/run.json" ] && drivegate report --help >/dev/null 2>&1; then
  set -- "$run" --rules "$rules" --out "$out"
  [ -z "$baseline" ] || set -- "$@" --baseline "$baseline"
  if drivegate report "$@"; then echo "Report: $out/report.html"; fi
fi
exit "$code"
