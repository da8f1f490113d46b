#!/bin/sh
# Run drivegate. See serve.sh for the copy of the kernels.
set -eu
export NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-/tmp/kernels}"
[ -d "$NUMBA_CACHE_DIR" ] || { cp -R /opt/drivegate/kernels "$NUMBA_CACHE_DIR"; : >"$NUMBA_CACHE_DIR/.copied"; }
exec drivegate "$@"
