# The command in a container: docs/install.md has the lines that build and run it.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY requirements/run.txt requirements/
RUN python -m venv /opt/collector \
 && /opt/collector/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY collector collector
RUN /opt/collector/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:${PYTHON}-slim
# tini hands signals on to the collector, and reaps processes that have lost their parent.
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin collector
COPY --from=build /opt/collector /opt/collector
ENV PATH=/opt/collector/bin:$PATH
USER 10001
WORKDIR /work
ENTRYPOINT ["tini", "--", "collector"]
CMD ["--help"]
