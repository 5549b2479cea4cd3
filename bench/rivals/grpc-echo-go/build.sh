#!/bin/sh
# Builds the gRPC echo server in Go. Needs go, protoc, and the Go module proxy once.
# Usage: build.sh PROTOS_FOLDER OUTPUT
set -eu
protos=$1
output=$2
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$here"/main.go "$here"/go.mod "$here"/go.sum "$folder"
mkdir "$folder/generated"
cd "$folder"
go build -o protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
generated=skylift/bench/grpc-echo-go/generated
protoc -I "$protos" --plugin=protoc-gen-go=./protoc-gen-go \
  --go_out=generated --go_opt=module="$generated" \
  --go_opt=Mtensorflow/tensor.proto="$generated/tensorflow" \
  --go_opt=Mtensorflow_serving/prediction_service.proto="$generated/tensorflow_serving" \
  --go_opt=Mgoogle/protobuf/any.proto=google.golang.org/protobuf/types/known/anypb \
  --go_opt=Mgoogle/protobuf/wrappers.proto=google.golang.org/protobuf/types/known/wrapperspb \
  tensorflow_serving/prediction_service.proto tensorflow/tensor.proto
go build -o "$output" .
