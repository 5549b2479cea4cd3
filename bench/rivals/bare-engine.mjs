// The bare engine: `await session.run` in a loop on one input, nothing around it. Prints one JSON line:
// { p50Ms, runs, cpuSeconds } after SECONDS.
// Usage: node bare-engine.mjs MODEL.onnx THREADS SECONDS INPUT DIM,DIM,...
import ort from 'onnxruntime-node';

const [, , model, threads, seconds, input, dims] = process.argv;
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
});
const shape = dims.split(',').map(Number);
const size = shape.reduce((product, dim) => product * dim, 1);
const feeds = { [input]: new ort.Tensor('float32', new Float32Array(size).fill(0.5), shape) };

for (let i = 0; i < 10; i++) await session.run(feeds);
const start = performance.now();
const cpuStart = process.cpuUsage();
const runsMs = [];
while (performance.now() - start < Number(seconds) * 1000) {
  const before = performance.now();
  await session.run(feeds);
  runsMs.push(performance.now() - before);
}
const cpu = process.cpuUsage(cpuStart);
runsMs.sort((a, b) => a - b);
const p50Ms = runsMs[runsMs.length >> 1];
console.log(JSON.stringify({ p50Ms, runs: runsMs.length, cpuSeconds: (cpu.user + cpu.system) / 1e6 }));
