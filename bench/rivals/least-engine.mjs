// The engine behind least-front.mjs: a byte on descriptor 3 runs the tensor in the file of descriptor 4; the output goes
// back as bytes. One input [1, 3, 224, 224] float32, one output, one thread.
// Usage: by least-front.mjs only.
import fs from 'node:fs';
import net from 'node:net';
import ort from 'onnxruntime-node';

const [, , model, size] = process.argv;
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
});
const bytes = Buffer.allocUnsafeSlow(Number(size));
const pixels = new Float32Array(bytes.buffer);
const [input] = session.inputNames;
const [output] = session.outputNames;

async function run() {
  const feeds = { [input]: new ort.Tensor('float32', pixels, [1, 3, 224, 224]) };
  return (await session.run(feeds))[output].data;
}

const onread = {
  buffer: Buffer.alloc(1024),
  callback() {
    fs.readSync(4, bytes, 0, bytes.length, 0);
    run().then((data) => pipe.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
    return true;
  },
};
const pipe = new net.Socket({ fd: 3, readable: true, writable: true, onread });
pipe.on('close', () => process.exit());
for (let i = 0; i < 10; i++) await run();
pipe.write('ready');
