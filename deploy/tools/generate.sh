#!/usr/bin/env bash
# Regenerates all that follows from the .proto files, with the tools that this
# module pins: every *.pb.go, pkg/wire/PROTOCOL.md and the vectors beside it. Run it
# from anywhere: bash deploy/tools/generate.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
(cd deploy/tools && go build -o "$bin/" tool)
export PATH="$bin:$PATH"
buf lint --config deploy/tools/buf.yaml
buf generate --config deploy/tools/buf.yaml --template deploy/tools/buf.gen.yaml
buf build --config deploy/tools/buf.yaml -o "$bin/protocol.binpb"
go run ./deploy/protocol --descriptors "$bin/protocol.binpb"
