"""Drives a server with tritonclient over gRPC. Usage: oip_grpc.py HOST:PORT; fails with an assertion."""

import queue
import sys

import numpy as np
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

TENSORS = {
    "echo_int64": ("INT64", np.array([-(2**63), 2**53 + 1, 7], np.int64)),
    "echo_float16": ("FP16", np.array([0.5, -65504, np.inf], np.float16)),
    "echo_bool": ("BOOL", np.array([True, False, True])),
    "echo_string": ("BYTES", np.array(["ü".encode(), b"", b"a" * 1000], np.object_)),
}


def tensor(name, datatype, values):
    return grpc.InferInput(name, list(values.shape), datatype).set_data_from_numpy(values)


def main(address):
    client = grpc.InferenceServerClient(address)
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("half_plus_two") and not client.is_model_ready("nobody")
    assert "classification" in client.get_server_metadata().extensions
    assert client.get_model_metadata("half_plus_two").inputs[0].shape == [-1]
    assert ("half_plus_two", "READY") in {(each.name, each.state) for each in client.get_model_repository_index().models}

    x = np.array([1, 2, 5], np.float32)
    for compression in (None, "gzip", "deflate"):
        result = client.infer(
            "half_plus_two",
            [tensor("x", "FP32", x)],
            outputs=[grpc.InferRequestedOutput("y")],
            request_id="seven",
            priority=1,
            timeout=5_000_000,
            client_timeout=10,
            compression_algorithm=compression,
        )
        assert result.get_response().id == "seven"
        assert result.as_numpy("y").tolist() == [2.5, 3.0, 4.5], result.as_numpy("y")

    for model, (datatype, values) in TENSORS.items():
        got = client.infer(model, [tensor("x", datatype, values)]).as_numpy("y")
        assert got.tolist() == values.tolist(), (model, got)

    top = client.infer("half_plus_two", [tensor("x", "FP32", x)], outputs=[grpc.InferRequestedOutput("y", class_count=2)])
    assert top.as_numpy("y").tolist() == [[b"2.500000:0"], [b"3.000000:0"], [b"4.500000:0"]]  # three rows of one

    answers = queue.Queue()
    for i in range(50):
        client.async_infer("half_plus_two", [tensor("x", "FP32", x + i)], lambda result, error, i=i: answers.put((i, result, error)))
    for _ in range(50):
        i, result, error = answers.get(timeout=10)
        assert error is None and result.as_numpy("y").tolist() == ((x + i) / 2 + 2).tolist()

    client.start_stream(lambda result, error: answers.put((result, error)))
    for model in ("half_plus_two", "nobody", "half_plus_two"):
        client.async_stream_infer(model, [tensor("x", "FP32", x)])
    told = [answers.get(timeout=10) for _ in range(3)]
    assert [error is None for _, error in told] == [True, False, True], told
    assert told[2][0].as_numpy("y").tolist() == [2.5, 3.0, 4.5]
    client.stop_stream()

    [stats] = client.get_inference_statistics("half_plus_two").model_stats
    assert stats.inference_count >= 3 * 50 and 0 < stats.execution_count <= stats.inference_stats.success.count, stats
    assert sum(each.compute_infer.count for each in stats.batch_stats) == stats.execution_count, stats
    client.unload_model("half_plus_two")
    assert not client.is_model_ready("half_plus_two")
    client.load_model("half_plus_two")
    assert client.is_model_ready("half_plus_two")

    for model, message in (("nobody", "Servable not found for request: Latest(nobody)"), ("echo_int64", "INT64")):
        try:
            client.infer(model, [tensor("x", "FP32", x)])
            raise AssertionError(f"{model} answered")
        except InferenceServerException as error:
            assert message.lower() in str(error).lower(), error


main(sys.argv[1])
