// PredictionService.Predict on gRPC's C++ callback API that sends the inputs back as outputs: no model, no checks.
// Usage: grpc-echo-cpp; prints its port.
#include <csignal>
#include <iostream>
#include <memory>

#include <grpcpp/grpcpp.h>

#include "tensorflow_serving/prediction_service.grpc.pb.h"

using tensorflow::serving::PredictRequest;
using tensorflow::serving::PredictResponse;
using tensorflow::serving::PredictionService;

class Echo final : public PredictionService::CallbackService {
  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* context, const PredictRequest* request,
                                    PredictResponse* response) override {
    *response->mutable_outputs() = request->inputs();
    *response->mutable_model_spec() = request->model_spec();
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

int main() {
  Echo echo;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&echo);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  std::cout << port << std::endl;
  server->Wait();
}
