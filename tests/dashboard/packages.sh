#!/bin/bash
# Installs what the page's tests are made with (Playwright, axe) into build/dashboard-tests, unless it is there already.
# Chromium itself is a Debian package.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
packages=$here/../../build/dashboard-tests

if cmp -s "$here/package-lock.json" "$packages/installed.json"; then
  exit 0
fi
if ! command -v npm > /dev/null; then
  echo "packages.sh: npm is missing; run deploy/install-deps.sh" >&2
  exit 1
fi
mkdir -p "$packages"
rm -f "$packages/installed.json"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$packages"
(cd "$packages" && npm ci --prefer-offline --no-audit --no-fund --loglevel=error)
cp "$here/package-lock.json" "$packages/installed.json"
