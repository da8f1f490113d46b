#!/bin/sh
# Build our images: docker/build.sh headless harness carla. `make docker` calls this.
#
# Wheels are collected on this machine, with its own pip configuration, and the build installs them without a
# network. So no registry's name, password or certificate gets into a layer, and a build behind a proxy works.
#
# Settings (environment): BASE image to build on; TAG (latest); PYTHON that has pip; EXTRAS of the harness, such as
# vlm,export; TORCH none, cpu or cuda; IMAGE_PYTHON version in the base image (3.11); SCENARIO_RUNNER and LEADERBOARD
# versions for carla; CONTEXT folder for what is collected (build/docker); DOCKER command (docker).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
TAG=${TAG:-latest}
PYTHON=${PYTHON:-python3}
EXTRAS=${EXTRAS:-}
TORCH=${TORCH:-none}
IMAGE_PYTHON=${IMAGE_PYTHON:-3.11}
CONTEXT=${CONTEXT:-$root/build/docker}
DOCKER=${DOCKER:-docker}

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml")
# glibc of Debian 12 and everything before it.
platforms=$(for n in 36 35 34 31 28 27 24 17; do printf -- '--platform manylinux_2_%s_x86_64 ' $n; done)
platforms="$platforms--platform manylinux2014_x86_64"

collect() { # requirements...
  # shellcheck disable=SC2086 # options are several words
  "$PYTHON" -m pip download --quiet --disable-pip-version-check --dest "$wheels" --constraint "$root/constraints.txt" \
    --only-binary=:all: --python-version "$IMAGE_PYTHON" $platforms "$@"
}

our_wheel() {
  "$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$wheels" "$root"
}

build() { # image, options...
  image=$1
  shift
  echo "building drivegate/$image:$TAG" >&2
  "$DOCKER" build --file "$here/$image.Dockerfile" --tag "drivegate/$image:$TAG" \
    ${BASE:+--build-arg "BASE=$BASE"} "$@" "$context"
}

for image in "$@"; do
  context=$CONTEXT/$image
  wheels=$context/wheels
  rm -rf "$context"
  mkdir -p "$wheels"
  case $image in
    headless)
      collect --requirement "$here/headless.txt"
      our_wheel
      cp "$here/ready.sh" "$here/serve.sh" "$context"
      build headless --build-arg "VERSION=$version"
      ;;
    harness)
      our_wheel
      case $TORCH in
        none) index= ;;
        cpu) index="--extra-index-url https://download.pytorch.org/whl/cpu" ;;
        cuda) index= ;; # the package index's own torch is the CUDA one
        *) echo "TORCH=$TORCH is not none, cpu or cuda" >&2; exit 2 ;;
      esac
      torch=
      [ "$TORCH" = none ] || torch=torch==2.13.0
      # shellcheck disable=SC2086
      collect $index --find-links "$wheels" "drivegate${EXTRAS:+[$EXTRAS]}==$version" $torch
      cp "$here/drive.sh" "$context"
      build harness --build-arg "VERSION=$version" --build-arg "EXTRAS=$EXTRAS" --build-arg "TORCH=$TORCH"
      ;;
    carla)
      rm -rf "$wheels"
      cp "$here/ready.sh" "$context"
      build carla --build-arg "SCENARIO_RUNNER=${SCENARIO_RUNNER:-}" --build-arg "LEADERBOARD=${LEADERBOARD:-}"
      ;;
    *)
      echo "there is no image $image: headless, harness or carla" >&2
      exit 2
      ;;
  esac
done
