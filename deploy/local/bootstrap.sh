#!/bin/sh
# bootstrap.sh COMMAND...: from a machine with little more than Python to `python -m marketpulse_stack COMMAND...`.
# Checks the system's programs (as root on Debian it installs those that are missing), then installs a pinned uv and the
# stack's own environment, once.
set -eu

uv_version=0.13.9
root=$(cd "$(dirname "$0")/../.." && pwd)
from_file=$(sed -n 's/^MARKETPULSE_TOOLS=//p' "$root/.env" 2>/dev/null | tail -n 1)
tools=${MARKETPULSE_TOOLS:-${from_file:-.tools}}
case $tools in /*) ;; *) tools=$root/$tools ;; esac
venv=$tools/venvs/stack
stamp=$tools/stamps/stack-environment
case "${1:-} ${2:-}" in "test all" | "test e2e") browser=yes ;; *) browser=no ;; esac

fail() {
    printf '\n%s\n  Fix: %s\n' "$1" "$2" >&2
    exit 1
}

find_python() {
    for candidate in python3.11 python3.12 python3; do
        # The real program, not a shim that could mean another Python tomorrow.
        if "$candidate" -c 'import sys; fit = (3, 11) <= sys.version_info[:2] < (3, 13)
print(sys._base_executable if fit else "")
sys.exit(not fit)' 2>/dev/null; then
            return
        fi
    done
}

java_is_fit() {
    [ "$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')" -ge 17 ] 2>/dev/null
}

# Go 1.21 and newer fetch the toolchain that these ask for by themselves.
go_is_fit() {
    [ "$(PATH=$PATH:/usr/local/go/bin go version 2>/dev/null | sed -n 's/.* go1\.\([0-9]*\).*/\1/p')" -ge 21 ] 2>/dev/null
}

# Prints the Debian packages that are missing.
missing_packages() {
    python=$(find_python)
    if [ -z "$python" ]; then
        echo python3 python3-venv
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo python3-venv
    fi
    java_is_fit || echo default-jre-headless
    command -v mvn >/dev/null || [ -d "$tools/jars/kafka" ] || echo maven
    command -v flock >/dev/null && command -v setpriv >/dev/null || echo util-linux
    command -v ps >/dev/null || echo procps
    go_is_fit || { [ -x "$tools/bin/statsd_exporter" ] && [ -x "$tools/bin/alertmanager" ]; } || echo golang-go
    if [ "$browser" = yes ]; then
        command -v chromium >/dev/null || echo chromium
        command -v chromedriver >/dev/null || echo chromium-driver
    fi
}

check_prerequisites() {
    packages=$(missing_packages | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    install="apt-get update && apt-get install -y --no-install-recommends $packages"
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "  ..  installing from Debian: $packages"
        mkdir -p "$tools/logs"
        sh -c "export DEBIAN_FRONTEND=noninteractive; $install" >"$tools/logs/apt-get.log" 2>&1 || {
            tail -n 5 "$tools/logs/apt-get.log" >&2
            fail "apt-get could not install: $packages" "see $tools/logs/apt-get.log, then: $install"
        }
    else
        fail "Missing on this machine: $packages(names of Debian's packages)." "sudo sh -c '$install'"
    fi
    [ -n "$(find_python)" ] || fail "Python 3.11 or 3.12 is missing; the system's python3 is another version." \
        "install python3.11 (Debian 12 has it) and put it on PATH"
    java_is_fit || fail "Java 17 or newer is missing." "apt-get install default-jre-headless"
    go_is_fit || fail "Go 1.21 or newer is missing (Debian 12's golang is too old); it builds statsd-exporter and Alertmanager." \
        "unpack a current Go release into /usr/local/go, then run this again"
}

digest() {
    { cat "$root/uv.lock" && printf '\0' && cat "$root/pyproject.toml"; } | sha256sum | cut -d ' ' -f 1
}

# Runs a command with its output in a log: install NAME COMMAND...
install() {
    name=$1
    shift
    echo "  ..  $name"
    if ! "$@" >"$tools/logs/bootstrap.log" 2>&1; then
        tail -n 15 "$tools/logs/bootstrap.log" >&2
        fail "$name failed (log: $tools/logs/bootstrap.log)." "check the network and run this again"
    fi
}

install_stack_environment() {
    python=$(find_python)
    mkdir -p "$tools/logs" "$tools/stamps"
    exec 9>"$tools/bootstrap.lock"
    flock 9
    if [ "$("$tools/uv/bin/uv" --version 2>/dev/null | cut -d ' ' -f 2)" != "$uv_version" ]; then
        install "uv $uv_version: create $tools/uv" "$python" -m venv --clear "$tools/uv"
        install "uv $uv_version: download" "$tools/uv/bin/pip" install --disable-pip-version-check "uv==$uv_version"
    fi
    if ! is_installed; then
        cd "$root"
        # An environment that exists keeps its Python: naming another would make uv build it anew, without test tools.
        if [ -x "$venv/bin/python" ]; then python=$venv/bin/python; fi
        install "environment of the stack" env UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT="$venv" \
            UV_PYTHON="$python" "$tools/uv/bin/uv" sync --frozen --inexact --group stack
        cd "$OLDPWD"
        digest | tr -d '\n' >"$stamp"
    fi
    exec 9>&-
}

is_installed() {
    [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(digest)" ]
}

case ${1:-} in
    up | install | test | run)
        check_prerequisites
        if ! is_installed || [ ! -x "$tools/uv/bin/uv" ]; then install_stack_environment; fi
        ;;
    *)
        [ -x "$venv/bin/python" ] || { echo "Nothing is installed here yet: \`make up\` comes first."; exit 0; }
        ;;
esac
PYTHONPATH=$root/deploy/local exec "$venv/bin/python" -m marketpulse_stack "$@"
