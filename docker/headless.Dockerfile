# Our headless CARLA server. `make docker` fills the build context (wheels and nothing else) and builds it.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS python
RUN python3 -c 'import ensurepip' 2>/dev/null || { \
      apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv && \
      rm -rf /var/lib/apt/lists/*; }

FROM python AS wheels
COPY wheels /wheels
RUN python3 -m venv /opt/drivegate && \
    /opt/drivegate/bin/python -m pip install --no-cache-dir --no-index --no-deps /wheels/*.whl && \
    /opt/drivegate/bin/python -m pip uninstall --quiet --yes pip setuptools

FROM python
ARG VERSION=unknown
LABEL drivegate.server="headless" \
      org.opencontainers.image.title="drivegate headless CARLA server" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=wheels /opt/drivegate /opt/drivegate
COPY ready.sh serve.sh /opt/drivegate/bin/

# Kernels are compiled here, for every x86-64 processor since 2013 rather than for the one that builds: a start
# compiles nothing, and gives the same results wherever it runs. Triangles of towns are built here too (170 MB): every
# container of a machine maps the same read-only files.
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

USER 10001:10001
WORKDIR /tmp
EXPOSE 2000-2002
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["ready.sh"]
ENTRYPOINT ["serve.sh"]
CMD ["--host", "0.0.0.0", "--port", "2000"]
