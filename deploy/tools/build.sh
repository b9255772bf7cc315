#!/usr/bin/env bash
# Builds the programs into bin/: teahouse-node, teahouse-gateway, teahouse-bench and
# teahouse-local. They need no C library, hold no path of this machine and know their
# revision. What is given is passed on: bash deploy/tools/build.sh -tags faults
set -euo pipefail
cd "$(dirname "$0")/../.."
for program in node gateway bench deploy/local; do
  CGO_ENABLED=0 go build -trimpath -buildvcs=auto "$@" -o "bin/teahouse-${program##*/}" "./$program"
done
ls bin/teahouse-*
