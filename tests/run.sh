#!/bin/bash
# Installs what is missing, builds, and runs every test.
#
#   tests/run.sh           everything: build, unit tests, sanitizers, and the suites that need namespaces or captures
#   tests/run.sh --fast    build, then the unit tests (ctest -L unit): under two minutes after the build
#   tests/run.sh --fuzz    everything, and the fuzzers built with clang, a short while each
#   tests/run.sh --jobs N  that many compilers and unit tests at once (default: one a core, fewer when memory is short)
#
# Ends with one line, "N passed, N failed", over all parts; tests that this machine can't run are counted as skipped and
# named with the reason. Exit status 0 only when nothing failed. The Debian packages it needs are installed when it runs as
# root; without root it goes on when they are all there. Tests that make network namespaces or load eBPF need root.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' tests/run.sh; }

fast=false
fuzz=false
jobs=$(nproc)
if [ -r /proc/meminfo ]; then
  compilers_that_fit=$(awk '/^MemAvailable:/ { print int($2 / 1000000) }' /proc/meminfo) # 1 GB each
  if [ "$compilers_that_fit" -lt "$jobs" ]; then
    jobs=$((compilers_that_fit > 0 ? compilers_that_fit : 1))
  fi
fi
while [ $# -gt 0 ]; do
  case "$1" in
    --fast) fast=true ;;
    --fuzz) fuzz=true ;;
    --jobs) jobs=${2:?--jobs needs a number}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "tests/run.sh: unknown option '$1'; --help lists them" >&2; exit 64 ;;
  esac
  shift
done

results=build/test-results
rm -rf "$results"
mkdir -p "$results"
broken=() # parts that couldn't even start; each counts as one failure

# build PRESET: configures and builds what its build preset names.
build() {
  local preset=$1 start=$SECONDS
  echo "== build $preset"
  if cmake --preset "$preset" > "$results/configure-$preset.log" 2>&1; then
    if cmake --build --preset "$preset" -j "$jobs" -- -k 0; then # past the first error, to show them all
      echo "== built $preset in $((SECONDS - start)) s"
      return 0
    fi
    broken+=("build of preset $preset (above)")
  else
    cat "$results/configure-$preset.log"
    broken+=("configuration of preset $preset (above)")
  fi
  return 1
}

# run_ctest NAME PRESET CTEST-ARGUMENTS...: results go to NAME.xml, from which the last line is counted.
run_ctest() {
  local name=$1 preset=$2 start=$SECONDS
  shift 2
  echo "== test $name"
  if ! ctest --test-dir "build/$preset" --output-on-failure --output-junit "$PWD/$results/$name.xml" "$@"; then
    if [ ! -e "$results/$name.xml" ]; then
      broken+=("test part $name")
    fi
  fi
  echo "== tested $name in $((SECONDS - start)) s"
}

deploy/install-deps.sh

released=false
if build release; then
  released=true
  run_ctest unit release -L "^unit$" -j "$jobs"
fi
if ! $fast; then
  if build asan; then
    run_ctest asan asan -L "^unit$" -LE lint -j "$jobs"
    run_ctest corpus-asan asan -L "^corpus$"
  fi
  if $fuzz && build fuzz; then
    run_ctest fuzz fuzz -L "^fuzz$" -j "$jobs"
  fi
  if $released; then # everything else: namespaces, captures, timing; one at a time, because time is what they measure
    run_ctest suites release -LE "^unit$"
  fi
fi

python3 tests/summary.py "$results" "${broken[@]}"
