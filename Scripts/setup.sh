#!/bin/sh
# Installs what is missing for one purpose, and does nothing if nothing is.
#   setup.sh build   libraries, to build and run
#   setup.sh test    also the programs that the tests run against, and .venv, .venv-mitmproxy and .build/venv-mitm
#   setup.sh bench   also what the benchmarks measure with and against
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-build}
missing=""

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }
has_program() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
has_package() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
has_postgres() { has_program postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
want() { missing="$missing $1"; }

want_library() { # package, pkg-config module
    has_package "$1" || pkg-config --exists "$2" 2>/dev/null || want "$1"
}
want_program() { # package, program
    has_program "$2" || want "$1"
}

want_for_build() {
    want_program pkg-config pkg-config
    want_library libssl-dev openssl
    want_library libjansson-dev jansson
    want_library zlib1g-dev zlib
    want_library libcrypt-dev libcrypt
    want_library libbrotli-dev libbrotlienc
    want_library libzstd-dev libzstd
    want_library libre2-dev re2
    want_library libsqlite3-dev sqlite3
    want_program python3 python3
    want_program openssl openssl
    want_program curl curl
}
want_for_python_environments() {
    python3 -c 'import venv, ensurepip' 2>/dev/null || want python3-venv
}
want_for_test() {
    want_program nginx-light nginx
    want_program socat socat
    want_program jq jq
    want_program redis-server redis-server
    want_program redis-tools redis-cli
    want_program apache2-utils htpasswd
    want_program iproute2 ip
    want_program nftables nft
    want_program openssh-client ssh
    want_program openssh-server sshd
    want_program postgresql-client psql
    has_postgres || want postgresql
    want_program nghttp2-client nghttp
    want_program nghttp2-server nghttpd
    want_program brotli brotli
    want_program zstd zstd
    want_program gcc cc
    want_for_python_environments
}
want_for_bench() {
    want_program nginx-light nginx
    want_program haproxy haproxy
    want_program wrk wrk
    want_program nghttp2-client h2load
    want_program gcc cc
    want_program nodejs node
    want_program valgrind valgrind
    want_program strace strace
    want_program binutils strip
    want_for_python_environments
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

install_missing() {
    [ -n "$missing" ] || return 0
    by_hand="install by hand:$missing"
    has_program apt-get || fail "no apt-get on this system; $by_hand"
    [ "$(id -u)" -eq 0 ] || has_program sudo || fail "neither root nor sudo; $by_hand"
    say "installing$missing"
    mkdir -p .build
    log=.build/apt.log
    { as_root apt-get -o DPkg::Lock::Timeout=300 update &&
        as_root apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing; } \
        >"$log" 2>&1 </dev/null ||
        fail "apt-get failed ($(grep -m1 -E '^E:|sudo:' "$log" || echo "see $log")); $by_hand"
    stop_new nginx-light nginx
    stop_new haproxy haproxy
    stop_new redis-server redis-server
    stop_new postgresql postgresql
    stop_new openssh-server ssh
}

# Debian starts a server when its package is installed; the tests start their own.
stop_new() { # package, service
    case "$missing " in *" $1 "*) ;; *) return 0 ;; esac
    [ -d /run/systemd/system ] || return 0
    as_root systemctl disable --now "$2" >/dev/null 2>&1 || say "the $2 service could not be stopped"
}

# Browsers for the stories about the inspector's page, which are skipped without them.
browsers() {
    missing=""
    want_program chromium chromium
    want_program chromium-driver chromedriver
    want_program libnss3-tools certutil
    has_program firefox || want_program firefox-esr firefox-esr
    (install_missing) || say "the stories in a browser that is missing will be skipped"
}

# Runtimes for addons in other languages, if they are small; without one its stories are skipped.
languages() {
    missing=""
    ! has_program node || want_program node-typescript tsc
    want_program perl perl
    want_program ruby ruby
    want_program lua5.4 lua5.4
    has_package lua-socket || want lua-socket
    has_package lua-cjson || want lua-cjson
    (install_missing) || say "the stories in a language that is missing will be skipped"
}

python_environment() { # folder, requirements file, python
    cmp -s "$2" "$1/requirements.installed" && return 0
    say "installing the Python packages of $2 into $1"
    "${3:-python3}" -m venv "$1" || fail "python3 -m venv $1 failed; install by hand: python3-venv"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2" ||
        fail "pip could not install $2 into $1"
    cp "$2" "$1/requirements.installed"
}

# mitmproxy 11 and the packages of its test suite need this Python.
python_for_mitmproxy() {
    for each in python3.11 "$HOME/.pyenv/versions/"3.11.*/bin/python3 python3; do
        command -v "$each" >/dev/null 2>&1 && { echo "$each"; return; }
    done
}

has_program swift || fail "swift is not on PATH; install Swift 6.2 or newer from swift.org"
want_for_build
case "$purpose" in
build) ;;
test) want_for_test ;;
bench) want_for_bench ;;
*) fail "'$purpose' is not a purpose; use build, test or bench" ;;
esac
install_missing
case "$purpose" in
test)
    browsers
    languages
    python_environment .venv Tests/stories/requirements.txt
    # A few stories compare with mitmproxy; they are skipped without it.
    (python_environment .venv-mitmproxy Benchmarks/requirements.txt) || say "the stories beside mitmproxy will be skipped"
    mkdir -p .build
    (python_environment .build/venv-mitm Tests/mitmproxy/requirements.txt "$(python_for_mitmproxy)") ||
        say "the suite of proxyd-mitm will be skipped"
    ;;
bench) python_environment .build-bench/venv Benchmarks/requirements.txt ;;
esac
