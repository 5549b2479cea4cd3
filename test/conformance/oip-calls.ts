/** Calls of the Open Inference Protocol on the fake server. */
import assert from 'node:assert/strict';
import { FakeCall, fakeServer } from './fake-server.ts';
import { conformanceRuntime } from './models.ts';

interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data?: readonly unknown[];
  readonly parameters?: { readonly binary_data_size: number };
}

export interface Reply {
  readonly id?: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly outputs: readonly Output[];
}

const NO_BYTES = Buffer.alloc(0);

/** Sends a request to `model` and runs it; `binary` follows the JSON. */
export function infer(model: string, request: unknown, binary: Uint8Array = NO_BYTES): FakeCall {
  const json = Buffer.from(typeof request === 'string' ? request : JSON.stringify(request));
  const headers: Record<string, string> =
    binary.length === 0 ? {} : { 'inference-header-content-length': String(json.length) };
  return send(`/v2/models/${model}/infer`, Buffer.concat([json, binary]), headers);
}

export function send(
  path: string,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
): FakeCall {
  const runtime = conformanceRuntime();
  const call = fakeServer(runtime).send(new FakeCall('POST', path, body, headers));
  runtime.flush();
  return call;
}

export function get(path: string): FakeCall {
  return fakeServer(conformanceRuntime()).send(new FakeCall('GET', path));
}

/** Text of a refusal. */
export const errorOf = (call: FakeCall): string => (JSON.parse(call.replyBody) as { error: string }).error;

/** The JSON of a reply and the bytes behind it. */
export function parts(call: FakeCall): { json: Reply; binary: Buffer } {
  assert.equal(call.status, 200, call.replyBody);
  const length = Number(call.replyHeaders['inference-header-content-length'] ?? call.replyBytes.length);
  return {
    json: JSON.parse(call.replyBytes.toString('utf8', 0, length)) as Reply,
    binary: call.replyBytes.subarray(length),
  };
}

/** A request with one input `x`. */
export const x = (data: unknown, shape: readonly number[], datatype = 'FP32'): unknown => ({
  inputs: [{ name: 'x', shape, datatype, data }],
});
