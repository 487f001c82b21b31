# The image of Blue Lamp's own services, installed in the same steps as `make` installs the virtual environment.
FROM python:3.11-slim
# Chromium prints the monthly report as PDF.
RUN apt-get update && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/bluelamp
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && useradd --system --uid 10001 bluelamp \
  && install --directory --owner bluelamp /var/lib/bluelamp
# The build, such as the commit: docker compose build --build-arg BLUELAMP_BUILD=$(git rev-parse --short HEAD)
ARG BLUELAMP_BUILD=""
# Nothing is written outside the data directory and /tmp, so the root may be read-only.
ENV BLUELAMP_BUILD=$BLUELAMP_BUILD PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
# A number, so that Kubernetes can see that it is not root.
USER 10001
CMD ["bluelamp", "--help"]
