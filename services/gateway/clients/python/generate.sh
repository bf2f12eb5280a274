#!/usr/bin/env bash
# Generates the Python messages and stubs of the API into a folder.
#
#   services/gateway/clients/python/generate.sh FOLDER
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,4p' "$0"; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../../../../proto"
protoc -I . --python_out="$out" --grpc_python_out="$out" \
  --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
  mitra/v1/*.proto google/rpc/*.proto google/api/*.proto
