#!/bin/bash
# How exposed are the shipped systemd units? Above 3.0 of 10 (systemd-analyze security) is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v systemd-analyze > /dev/null; then
  echo "skipped: systemd-analyze isn't installed"
  exit 77
fi
systemd-analyze security --offline=true --no-pager --threshold=30 deploy/systemd/*.service
