// PredictionService.Predict on grpc-go that sends the inputs back as outputs: no model, no checks.
// Usage: grpc-echo-go; prints its port.
package main

import (
	"context"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"

	pb "skylift/bench/grpc-echo-go/generated/tensorflow_serving"
)

func predict(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	request := new(pb.PredictRequest)
	if err := decode(request); err != nil {
		return nil, err
	}
	return &pb.PredictResponse{Outputs: request.Inputs, ModelSpec: request.ModelSpec}, nil
}

var predictionService = grpc.ServiceDesc{
	ServiceName: "tensorflow.serving.PredictionService",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Predict", Handler: predict}},
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&predictionService, nil)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
