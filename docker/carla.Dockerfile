# A thin layer on CARLA's own image: a health check that means ready, our label, and by build argument
# ScenarioRunner and the Leaderboard at pinned versions (they are fetched from GitHub, and run inside the container).
#   docker build -f carla.Dockerfile --build-arg SCENARIO_RUNNER=v0.9.16 --build-arg LEADERBOARD=<commit> ...
ARG BASE=carlasim/carla:0.9.16

FROM ${BASE}
ARG CARLA_USER=carla
ARG SCENARIO_RUNNER=
ARG LEADERBOARD=
USER root
COPY ready.sh /usr/local/bin/
RUN set -eu; \
    [ -n "$SCENARIO_RUNNER$LEADERBOARD" ] || exit 0; \
    apt-get update && apt-get install --yes --no-install-recommends ca-certificates curl; \
    fetch() { mkdir -p "/opt/$1"; \
      curl -fsSL "https://github.com/carla-simulator/$1/archive/$2.tar.gz" | tar -xz -C "/opt/$1" --strip-components=1; }; \
    [ -z "$SCENARIO_RUNNER" ] || fetch scenario_runner "$SCENARIO_RUNNER"; \
    [ -z "$LEADERBOARD" ] || fetch leaderboard "$LEADERBOARD"; \
    rm -rf /var/lib/apt/lists/*

LABEL drivegate.server="carla" \
      drivegate.scenario-runner="${SCENARIO_RUNNER}" \
      drivegate.leaderboard="${LEADERBOARD}"
# The Unreal Engine refuses to run as root.
USER ${CARLA_USER}
ENV NVIDIA_DRIVER_CAPABILITIES=all
EXPOSE 2000-2002
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=8s --start-period=120s --retries=3 CMD ["ready.sh"]
CMD ["bash", "CarlaUE4.sh", "-RenderOffScreen", "-nosound", "-carla-rpc-port=2000", "-stdout", "-FullStdOutLogOutput"]
