#!/usr/bin/env bash
# Regenerates every *.pb.go from the .proto files, with the tools that this
# module pins. Run it from anywhere: bash deploy/tools/generate.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
(cd deploy/tools && go build -o "$bin/" tool)
export PATH="$bin:$PATH"
buf lint --config deploy/tools/buf.yaml
buf generate --config deploy/tools/buf.yaml --template deploy/tools/buf.gen.yaml
