// The bare engine: `await session.run` in a loop on one input, nothing around it. Prints one JSON line after SECONDS:
// { p50Ms, runs, seconds, cpuSeconds, output }, output being the numbers of the first output.
// Usage: node bare-engine.mjs MODEL.onnx THREADS SECONDS INPUT DIM,DIM,... FLOAT32_FILE
import fs from 'node:fs';
import ort from 'onnxruntime-node';

const [, , model, threads, seconds, input, dims, file] = process.argv;
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
});
const values = new Float32Array(new Uint8Array(fs.readFileSync(file)).buffer);
const feeds = { [input]: new ort.Tensor('float32', values, dims.split(',').map(Number)) };
const run = async () => (await session.run(feeds))[session.outputNames[0]].data;

for (let i = 0; i < 10; i++) await run();
const start = performance.now();
const cpuStart = process.cpuUsage();
const runsMs = [];
let output = [];
while (performance.now() - start < Number(seconds) * 1000) {
  const before = performance.now();
  output = await run();
  runsMs.push(performance.now() - before);
}
const elapsed = (performance.now() - start) / 1000;
const cpu = process.cpuUsage(cpuStart);
runsMs.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    p50Ms: runsMs[runsMs.length >> 1],
    runs: runsMs.length,
    seconds: elapsed,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    output: Array.from(output),
  }),
);
