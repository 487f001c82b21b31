#!/bin/sh
# Installs the real servers and programs that the tests use. Prints what could not be installed, and why.
#
# From Debian (as root): Redis, Prometheus, Alertmanager, Chromium with its driver, a Java compiler; no service is started.
# From Maven: Apache Kafka, into .cache/kafka/libs. From npm: Grafana's own types into
# .cache/grafana, and axe into .cache/axe. Tests of anything that is still missing are skipped.
# With the argument `helm`, it installs Helm only: from its Go module, into .cache/helm.
set -u
here=$(cd "$(dirname "$0")" && pwd)
libs="$here/../../.cache/kafka/libs"
helm=v3.18.4
report=$(mktemp)
guard=/usr/sbin/policy-rc.d
guarded=

finish() {
    rm -f "$report"
    if [ -n "$guarded" ]; then rm -f "$guard"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

say() {
    printf 'real parts: %s\n' "$1"
}

# Each line: a Debian package, and a program that it installs.
lacking_packages() {
    while read -r package program; do
        command -v "$program" >/dev/null 2>&1 || printf '%s ' "$package"
    done <<LIST
redis-server redis-server
prometheus prometheus
prometheus-alertmanager prometheus-alertmanager
chromium chromium
chromium-driver chromedriver
chromium-headless-shell chromium-headless-shell
default-jdk-headless javac
LIST
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" >"$report" 2>&1 </dev/null
}

# A package that is installed here must not start its service: the tests start their own, on their own ports.
forbid_services() {
    if [ ! -e "$guard" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$guard" && chmod 755 "$guard" && guarded=yes
    fi
}

install_packages() {
    lacking=$(lacking_packages)
    if [ -z "$lacking" ]; then return; fi
    if ! command -v apt-get >/dev/null 2>&1; then
        say "not installed: ${lacking}- this is not Debian; install them by hand"
        return
    fi
    if [ "$(id -u)" != 0 ]; then
        say "not installed: ${lacking}- that needs root: sudo apt-get install --no-install-recommends $lacking"
        return
    fi
    forbid_services
    apt update || say "the package lists could not be renewed: $(tail -n 1 "$report")"
    for package in $lacking; do
        if apt install --yes --no-install-recommends "$package"; then
            say "installed $package"
        else
            say "not installed: $package - $(tail -n 1 "$report")"
        fi
    done
}

install_kafka() {
    if cmp -s "$here/pom.xml" "$libs/pom.xml"; then return; fi
    for program in java mvn; do
        if ! command -v "$program" >/dev/null 2>&1; then
            say "not installed: Apache Kafka - there is no $program; try apt-get install default-jre-headless maven"
            return
        fi
    done
    rm -rf "$libs"
    if mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
        -DoutputDirectory="$libs" >"$report" 2>&1 </dev/null; then
        rm -f "$libs/../classes.jsa"
        cp "$here/pom.xml" "$libs/pom.xml"
        say "installed Apache Kafka into .cache/kafka/libs"
    else
        rm -rf "$libs"
        say "not installed: Apache Kafka - $(grep -m 1 ERROR "$report" | cut -c 1-300)"
    fi
}

# Arguments: the name to print, the test directory with package-lock.json, and the target directory in .cache.
install_from_npm() {
    place="$here/../../.cache/$3"
    if cmp -s "$here/../$2/package-lock.json" "$place/package-lock.json" && [ -d "$place/node_modules" ]; then return; fi
    for program in node npm; do
        if ! command -v "$program" >/dev/null 2>&1; then
            say "not installed: $1 - there is no $program; try apt-get install nodejs npm"
            return
        fi
    done
    rm -rf "$place" && mkdir -p "$place"
    cp "$here/../$2/package.json" "$here/../$2/package-lock.json" "$place"
    if (cd "$place" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >"$report" 2>&1 </dev/null; then
        say "installed $1 into .cache/$3"
    else
        rm -rf "$place"
        say "not installed: $1 - $(grep -m 1 . "$report" | cut -c 1-300)"
    fi
}

# Compiling takes minutes, so `make parts` leaves it out: only `install.sh helm` does it.
install_helm() {
    place="$here/../../.cache/helm"
    if [ "$(cat "$place/version" 2>/dev/null)" = "$helm" ]; then return; fi
    if ! command -v go >/dev/null 2>&1; then
        say "not installed: Helm - there is no go; try apt-get install golang"
        return
    fi
    mkdir -p "$place"
    if GOBIN="$(cd "$place" && pwd -P)" go install "helm.sh/helm/v3/cmd/helm@$helm" >"$report" 2>&1 </dev/null; then
        echo "$helm" >"$place/version"
        say "installed Helm $helm into .cache/helm"
    else
        say "not installed: Helm - $(tail -n 1 "$report" | cut -c 1-300)"
    fi
}

if [ "${1-}" = helm ]; then
    install_helm
    exit 0
fi
install_packages
install_kafka
install_from_npm "Grafana's types" grafana grafana
install_from_npm "axe" board axe
exit 0
