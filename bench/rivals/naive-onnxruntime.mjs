// A naive model server on node:http + onnxruntime-node: JSON.parse, one `await session.run` per request with one thread,
// reply in the callback. One input, one output, rows of one shape.
// Usage: node naive-onnxruntime.mjs MODEL.onnx INPUT OUTPUT; prints its port.
import http from 'node:http';
import ort from 'onnxruntime-node';

const [, , model, input, output] = process.argv;
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });

function shapeOf(value) {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}

function nest(flat, dims) {
  if (dims.length <= 1) return Array.from(flat);
  const [rows, ...rest] = dims;
  const size = flat.length / rows;
  return Array.from({ length: rows }, (_, i) => nest(flat.subarray(i * size, (i + 1) * size), rest));
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const { instances } = JSON.parse(Buffer.concat(chunks).toString());
    const tensor = new ort.Tensor('float32', Float32Array.from(instances.flat(Infinity)), shapeOf(instances));
    const result = (await session.run({ [input]: tensor }))[output];
    const body = JSON.stringify({ predictions: nest(result.data, result.dims) });
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
