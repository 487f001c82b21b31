# The image of Blue Lamp's own services, installed in the same steps as `make` installs the virtual environment.
FROM python:3.11-slim
WORKDIR /opt/bluelamp
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && useradd --system bluelamp \
  && install --directory --owner bluelamp /var/lib/bluelamp
USER bluelamp
CMD ["bluelamp", "--help"]
