#!/bin/sh
# Builds the gRPC echo server in C++. Needs g++, protoc, grpc_cpp_plugin and pkg-config with grpc++ (Debian: g++
# protobuf-compiler-grpc libgrpc++-dev pkg-config).
# Usage: build.sh PROTOS_FOLDER OUTPUT
set -eu
protos=$1
output=$2
here=$(cd "$(dirname "$0")" && pwd)
generated=$(mktemp -d)
trap 'rm -rf "$generated"' EXIT
protoc -I "$protos" --cpp_out="$generated" --grpc_out="$generated" \
  --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" \
  tensorflow_serving/prediction_service.proto tensorflow/tensor.proto
# shellcheck disable=SC2046 # flags are words
g++ -std=c++17 -O2 -DNDEBUG -I "$generated" -o "$output" \
  "$here/main.cc" "$generated"/tensorflow_serving/*.cc "$generated"/tensorflow/*.cc \
  $(pkg-config --cflags --libs grpc++ protobuf)
