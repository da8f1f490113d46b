# The harness: client, policies, gate. `make docker` fills the build context (wheels and nothing else).
# Extras and the kind of torch are chosen when the wheels are collected: make docker EXTRAS=vlm TORCH=cuda
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS python
RUN python3 -c 'import ensurepip' 2>/dev/null || { \
      apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv && \
      rm -rf /var/lib/apt/lists/*; }

FROM python AS wheels
ARG EXTRAS=
COPY wheels /wheels
RUN python3 -m venv /opt/drivegate && \
    /opt/drivegate/bin/python -m pip install --no-cache-dir --no-index --find-links /wheels \
      "drivegate${EXTRAS:+[$EXTRAS]}" && \
    /opt/drivegate/bin/python -m pip uninstall --quiet --yes pip setuptools

FROM python
ARG VERSION=unknown
ARG TORCH=none
LABEL org.opencontainers.image.title="drivegate harness" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      drivegate.torch="${TORCH}"
COPY --from=wheels /opt/drivegate /opt/drivegate

# See headless.Dockerfile: compiled once, for all processors. The embedded server needs them too.
ENV NUMBA_CPU_NAME=x86-64-v3 \
    NUMBA_CPU_FEATURES=+avx2,+bmi,+bmi2,+fma,+f16c,+lzcnt,+movbe,+popcnt \
    OMP_WAIT_POLICY=passive \
    DRIVEGATE_TOWNS=/opt/drivegate/towns \
    PATH=/opt/drivegate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
RUN NUMBA_CACHE_DIR=/opt/drivegate/kernels carla-headless --warm-up all && \
    chmod -R a+rX /opt/drivegate/kernels "$DRIVEGATE_TOWNS"
COPY drive.sh /opt/drivegate/bin/

# Runs and the user's own policies are mounted here.
WORKDIR /drivegate
RUN chown 10001:10001 /drivegate
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["drive.sh"]
CMD ["--help"]
