"""Which of the real parts are installed: Apache Kafka, Redis, Prometheus, Alertmanager, Chromium, a Java compiler, Helm and others."""

import shutil
from pathlib import Path

KAFKA_LIBRARIES = Path(__file__).resolve().parents[2] / ".cache" / "kafka" / "libs"
KAFKA_CLASSES = KAFKA_LIBRARIES.parent / "classes.jsa"
KAFKA_FORMATTED = KAFKA_LIBRARIES.parent / "formatted"
GRAFANA_TYPES = KAFKA_LIBRARIES.parents[1] / "grafana" / "node_modules"
HELM = KAFKA_LIBRARIES.parents[1] / "helm" / "helm"
AXE = KAFKA_LIBRARIES.parents[1] / "axe" / "node_modules" / "axe-core" / "axe.min.js"

# The name of each part, and the programs it needs.
_PROGRAMS = {
    "kafka": ("java",),
    "redis": ("redis-server",),
    "prometheus": ("prometheus", "promtool"),
    "alertmanager": ("prometheus-alertmanager",),
    "chromium": ("chromium", "chromedriver"),
    "grafana_types": ("node",),
    "axe": (),
    "javac": ("javac",),
    "openssl": ("openssl",),
    "helm": (),
}


def missing(part: str) -> str | None:
    """Why a part cannot be used on this machine, and what to do; None if it can."""
    for program in _PROGRAMS[part]:
        if shutil.which(program) is None:
            return f"{part}: there is no {program} on the PATH; `make parts` as root installs what it can"
    if part == "kafka" and not any(KAFKA_LIBRARIES.glob("kafka_*.jar")):
        return "kafka: Apache Kafka is not in .cache/kafka/libs; `make parts` fetches it"
    if part == "grafana_types" and not (GRAFANA_TYPES / "@grafana" / "schema").is_dir():
        return "grafana_types: @grafana/schema is not in .cache/grafana; `make parts` fetches it with npm"
    if part == "axe" and not AXE.is_file():
        return "axe: axe-core is not in .cache/axe; `make parts` fetches it with npm"
    if part == "helm" and not HELM.is_file():
        return "helm: Helm is not in .cache/helm; `make faults` and `make chart` build it if Go is installed"
    return None
