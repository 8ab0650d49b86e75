#!/bin/bash
# Installs what Breakwater needs on Debian 12, by package name. Looks first and touches nothing when nothing is missing,
# so it may be run as often as wanted and by anybody; only installing needs root.
#
#   deploy/install-deps.sh                 what building and every test need
#   deploy/install-deps.sh --build-only    what building needs
#   deploy/install-deps.sh --check         installs nothing; names what is missing and exits 1
set -euo pipefail

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }

# Each group says what it is for, so that a package can leave with its last user.
build_packages=(
  # compilers and tools; clang compiles the packet filter to eBPF, llvm-strip takes its DWARF off
  build-essential cmake ninja-build ccache clang llvm bpftool
  # packet filter and its loader
  libbpf-dev libelf-dev zlib1g-dev linux-libc-dev libcap-dev
  # wire contract
  protobuf-compiler libprotobuf-dev protobuf-compiler-grpc libgrpc++-dev
  # libraries
  libabsl-dev libxxhash-dev libboost-dev libyaml-cpp-dev libcli11-dev nlohmann-json3-dev libspdlog-dev
  prometheus-cpp-dev libpcap-dev librocksdb-dev libssl-dev
  # the dashboard
  nodejs
  # the unit tests and micro-benchmarks are part of every build
  libgtest-dev libgmock-dev libbenchmark-dev
)
# Debian packs npm by itself, other builds of Node.js bring it along and conflict with that package.
if ! command -v npm > /dev/null; then
  build_packages+=(npm)
fi

test_packages=(
  # lint
  clang-format clang-tidy git python3
  # fuzzers
  libclang-rt-14-dev
  # lab: namespaces, visitors, a web server, an attacker
  iproute2 ethtool procps util-linux libcap2-bin nginx-light curl wrk tcpdump bird2 openssl
  # the page in a browser
  chromium
  # systemd-analyze judges the shipped units
  systemd
)

# The page is bundled by npm. Whoever has a Node.js of another origin than Debian's keeps it: the two can't be mixed.
if ! { command -v npm && node -e 'process.exit(process.versions.node.split(".")[0] >= 18 ? 0 : 1)'; } > /dev/null 2>&1; then
  build_packages+=(nodejs npm)
fi

check_only=false
packages=("${build_packages[@]}" "${test_packages[@]}")
for argument in "$@"; do
  case "$argument" in
    --build-only) packages=("${build_packages[@]}") ;;
    --check) check_only=true ;;
    -h | --help) usage; exit 0 ;;
    *) echo "install-deps.sh: unknown option '$argument'; --help lists them" >&2; exit 64 ;;
  esac
done

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  echo "install-deps.sh: this needs Debian 12 (no apt-get here). The packages are listed in $0." >&2
  exit 1
fi

# Sets `missing` to the names among `packages` that aren't installed. dpkg-query exits 1 when it doesn't know a name, which
# is an answer. No process substitution in this script: a bare chroot has no /proc, hence no /dev/fd.
find_missing() {
  local installed package
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2> /dev/null || true)
  missing=()
  for package in "${packages[@]}"; do
    if [[ $'\n'"$installed"$'\n' != *$'\n'"installed $package"$'\n'* ]]; then
      missing+=("$package")
    fi
  done
}

find_missing
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

if $check_only; then
  echo "install-deps.sh: missing: ${missing[*]}" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "install-deps.sh: ${#missing[@]} packages are missing and only root may install them." >&2
  echo "Run:  sudo $0   (or: apt-get install --no-install-recommends ${missing[*]})" >&2
  exit 1
fi

# Debian starts a service as soon as its package is unpacked. Here nginx, bird and civetweb are tools for tests, which must
# not take port 80 or the routes of somebody's machine: nothing is started while this installs, and what it brought isn't enabled.
policy=/usr/sbin/policy-rc.d
made_policy=false
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  made_policy=true
fi
cleanup() { if $made_policy; then rm -f "$policy"; fi; }
trap cleanup EXIT

export DEBIAN_FRONTEND=noninteractive
echo "install-deps.sh: installing ${#missing[@]} packages: ${missing[*]}"
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
for package in "${missing[@]}"; do
  if [ -d /run/systemd/system ]; then
    case "$package" in
      nginx-light) systemctl disable --quiet nginx.service ;;
      bird2) systemctl disable --quiet bird.service ;;
    esac
  fi
done

find_missing
if [ ${#missing[@]} -ne 0 ]; then
  echo "install-deps.sh: apt-get reported success, but these are still missing: ${missing[*]}" >&2
  exit 1
fi
