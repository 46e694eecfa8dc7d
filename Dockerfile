# One file, two images: `api` serves and never holds torch; `worker` builds, registers models and evaluates.
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
RUN pip install --no-cache-dir --constraint constraints.txt ".[serve]"
USER groundwork
ENV GROUNDWORK_HOST=0.0.0.0
EXPOSE 8080
CMD ["groundwork", "serve"]

FROM base AS worker
RUN pip install --no-cache-dir --constraint constraints.txt ".[models,sources,worker,eval]"
USER groundwork
CMD ["groundwork", "worker"]
