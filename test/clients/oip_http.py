"""Drives a server with tritonclient over HTTP. Usage: oip_http.py HOST:PORT; fails with an assertion."""

import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

TENSORS = {
    "echo_int64": ("INT64", np.array([-(2**63), 2**53 + 1, 7], np.int64)),
    "echo_float16": ("FP16", np.array([0.5, -65504, np.inf], np.float16)),
    "echo_bool": ("BOOL", np.array([True, False, True])),
    "echo_string": ("BYTES", np.array(["ü", "", "a" * 1000], np.object_)),
}


def tensor(name, datatype, values, binary=True):
    given = http.InferInput(name, list(values.shape), datatype)
    return given.set_data_from_numpy(values, binary_data=binary)


def main(address):
    client = http.InferenceServerClient(address)
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("half_plus_two") and not client.is_model_ready("nobody")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    assert client.get_model_metadata("half_plus_two")["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1]}]
    assert {(each["name"], each["state"]) for each in client.get_model_repository_index()} >= {("half_plus_two", "READY")}

    x = np.array([1, 2, 5], np.float32)
    for binary_in in (True, False):
        for binary_out in (True, False):
            for compression in (None, "gzip", "deflate"):
                result = client.infer(
                    "half_plus_two",
                    [tensor("x", "FP32", x, binary_in)],
                    outputs=[http.InferRequestedOutput("y", binary_data=binary_out)],
                    request_id="seven",
                    priority=1,
                    timeout=5_000_000,
                    request_compression_algorithm=compression,
                )
                assert result.get_response()["id"] == "seven"
                assert result.as_numpy("y").tolist() == [2.5, 3.0, 4.5], result.as_numpy("y")

    for model, (datatype, values) in TENSORS.items():
        sent = np.array([each.encode() for each in values], np.object_) if datatype == "BYTES" else values
        for binary in (True, False):
            if datatype == "FP16" and not binary:
                continue  # tritonclient sends it as bytes only
            asked = [http.InferRequestedOutput("y", binary_data=binary)]
            got = client.infer(model, [tensor("x", datatype, sent, binary)], outputs=asked).as_numpy("y")
            wanted = sent.tolist() if binary or datatype != "BYTES" else values.tolist()
            assert got.tolist() == wanted, (model, binary, got)

    top = client.infer("half_plus_two", [tensor("x", "FP32", x)], outputs=[http.InferRequestedOutput("y", class_count=2)])
    assert top.as_numpy("y").tolist() == [[b"2.500000:0"], [b"3.000000:0"], [b"4.500000:0"]]  # three rows of one

    pending = [client.async_infer("half_plus_two", [tensor("x", "FP32", x + i)]) for i in range(50)]
    for i, each in enumerate(pending):
        assert each.get_result().as_numpy("y").tolist() == ((x + i) / 2 + 2).tolist()

    [stats] = client.get_inference_statistics("half_plus_two", "1")["model_stats"]
    assert stats["name"] == "half_plus_two" and stats["version"] == "1", stats
    assert stats["inference_count"] >= 3 * 50 and 0 < stats["execution_count"] <= stats["inference_stats"]["success"]["count"], stats
    assert sum(each["compute_infer"]["count"] for each in stats["batch_stats"]) == stats["execution_count"], stats
    assert len(client.get_inference_statistics()["model_stats"]) == len(client.get_model_repository_index())

    client.unload_model("half_plus_two")
    assert not client.is_model_ready("half_plus_two")
    client.load_model("half_plus_two")
    assert client.is_model_ready("half_plus_two")

    try:
        client.infer("half_plus_two", [tensor("x", "FP32", x)], model_version="9")
    except InferenceServerException as error:
        assert error.status() == "404" and "9" in error.message(), error
    else:
        raise AssertionError("an unknown version was answered")


main(sys.argv[1])
