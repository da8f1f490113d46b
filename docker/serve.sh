#!/bin/sh
# Start the headless server. numba wants to write where it reads compiled kernels, and the root file system is
# read-only: /tmp gets a copy (17 MB). Triangles of towns are only read, from where they are.
set -eu
export NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-/tmp/kernels}"
[ -d "$NUMBA_CACHE_DIR" ] || { cp -R /opt/drivegate/kernels "$NUMBA_CACHE_DIR"; : >"$NUMBA_CACHE_DIR/.copied"; }
exec carla-headless "$@"
