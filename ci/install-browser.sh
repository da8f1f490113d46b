#!/bin/sh
# Chromium and its driver for the tests marked `browser`, on Debian as root; elsewhere those tests say that they were
# skipped. Nothing is done where both are there already.
set -eu
if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "No chromium here, and no way to install it: the browser tests will be skipped."
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core
