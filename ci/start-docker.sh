#!/bin/sh
# Give the tests a Docker engine, its compose plugin and a base image, on Debian as root; anywhere else say why not and
# leave it.
#   ci/start-docker.sh         an engine that runs already is left alone; the base image is made if it is missing
#   ci/start-docker.sh stop    stop the engine if this script started it
# Never fails: without an engine, the tests that need one are skipped with the reason.
set -u
BASE=${BASE:-debian:bookworm-slim}
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/drivegate
STATE=${TMPDIR:-/tmp}/drivegate-docker
SOCKET=/var/run/docker.sock
SUITE=bookworm

say() { echo "start-docker: $*"; }
leave() { say "$*; tests that need containers will be skipped"; exit 0; }
answers() { curl -fsS --max-time 2 --unix-socket "$SOCKET" http://engine/_ping >/dev/null 2>&1; }

if [ "${1:-start}" = stop ]; then
  [ -f "$STATE/pid" ] || exit 0
  pid=$(cat "$STATE/pid")
  rm -f "$STATE/pid"
  # The pid may be somebody else's by now: look at its name.
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || exit 0
  kill "$pid"
  for _ in $(seq 100); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
  say "engine stopped"
  exit 0
fi

may_install() { command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; }
apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
update() { [ -n "${updated:-}" ] || { apt-get update -qq && updated=yes; }; }
install() { # command package
  command -v "$1" >/dev/null && return 0
  may_install || return 1
  update
  apt_install "$2"
}

# bookworm has version 1 of compose only. Its successor's package, from the same archive, needs no more than
# bookworm's libc.
install_compose() {
  docker compose version >/dev/null 2>&1 && return 0
  may_install || return 1
  update
  apt_install docker-compose-v2 2>/dev/null && return 0 # Ubuntu's name
  scratch=$(mktemp -d)
  chmod 755 "$scratch"
  mkdir -p "$scratch/lists/partial" "$scratch/parts"
  # shellcheck disable=SC2016 # a format of apt's own
  archive=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${archive:-nowhere} trixie main" \
    >"$scratch/trixie.list"
  set -- -o "Dir::Etc::sourcelist=$scratch/trixie.list" -o "Dir::Etc::sourceparts=$scratch/parts" \
    -o "Dir::State::lists=$scratch/lists"
  apt-get "$@" update -qq && apt_install "$@" docker-compose
  rm -rf "$scratch"
  docker compose version >/dev/null 2>&1
}

# containerd's pid file outlives a SIGKILL, and the next engine then waits for nobody.
forget_the_dead() {
  for file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
    [ -f "$file" ] && [ ! -d "/proc/$(cat "$file")" ] && rm -f "$file"
  done
  return 0
}

install curl curl || leave "curl is not here and cannot be installed"
if ! answers; then
  [ "$(id -u)" = 0 ] || leave "no engine runs, and only root can start one"
  grep -q cgroup /proc/mounts || leave "no engine runs, and this machine mounts no cgroups"
  install dockerd docker.io || leave "docker.io cannot be installed"
  install iptables iptables || leave "iptables cannot be installed"
  forget_the_dead
  mkdir -p "$STATE"
  setsid nohup dockerd >"$STATE/dockerd.log" 2>&1 </dev/null &
  echo $! >"$STATE/pid"
  for _ in $(seq 300); do
    answers && break
    [ -d "/proc/$(cat "$STATE/pid")" ] || break
    sleep 0.1
  done
  answers || { rm -f "$STATE/pid"; leave "dockerd did not come up: $(tail -n 3 "$STATE/dockerd.log" | tr '\n' ' ')"; }
  say "engine started (pid $(cat "$STATE/pid"), log $STATE/dockerd.log)"
else
  say "an engine runs already"
fi
install_compose || say "the compose plugin cannot be installed; the tests of the compose files will be skipped"

docker image inspect "$BASE" >/dev/null 2>&1 && { say "$BASE is here"; exit 0; }
timeout 60 docker pull --quiet "$BASE" >/dev/null 2>&1 && { say "$BASE pulled"; exit 0; }

# No registry: Debian's packages give the same, with the Python that our images need.
[ "$BASE" = debian:bookworm-slim ] || leave "$BASE cannot be pulled"
tarball=$CACHE/$SUITE-python3.tar.gz
if [ ! -f "$tarball" ]; then
  [ "$(id -u)" = 0 ] || leave "$BASE cannot be pulled, and only root can make it"
  install debootstrap debootstrap || leave "debootstrap cannot be installed"
  rootfs=$(mktemp -d)
  trap 'rm -rf "$rootfs"' EXIT
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$SUITE" "$rootfs" >"$rootfs.log" 2>&1 \
    || leave "debootstrap failed: $(tail -n 2 "$rootfs.log" | tr '\n' ' ')"
  rm -rf "$rootfs"/var/cache/apt/archives/*.deb "$rootfs"/var/lib/apt/lists/* "$rootfs.log"
  mkdir -p "$CACHE"
  tar -C "$rootfs" -c . | gzip -1 >"$tarball.$$" && mv "$tarball.$$" "$tarball"
fi
gunzip -c "$tarball" | docker import - "$BASE" >/dev/null && say "$BASE made from Debian's packages"
exit 0
