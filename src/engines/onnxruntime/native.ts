/** onnxruntime-node as a native engine: loads the programs of a package by path and runs its signatures. */
import { basename, join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { SkyliftError } from '../../core/errors.ts';
import { programFile } from '../../package/manifest-rules.ts';
import type { Signature } from '../../package/manifest.ts';
import type { Tensor, TensorSpec } from '../../tensor/tensor.ts';
import type { Device } from '../port.ts';
import type { NativeEngine, NativeLoadSpec, NativeSession } from '../host/native.ts';
import { loadOrt } from './binding.ts';
import { executionProviders, requireDevice } from './devices.ts';
import { loadPacked, packInto } from './packing.ts';
import type { Ort, OrtFetches, OrtNames, OrtResults, OrtSession } from './binding.ts';
import { fromOrt, toOrt } from './tensors.ts';

/** A signature with the graph that answers it. */
interface BoundSignature {
  readonly session: OrtSession;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly fetches: OrtFetches;
}

/** Loads the native library of the machine; throws what the dynamic linker says. */
export function onnxruntimeNative(ort: Ort = loadOrt()): NativeEngine {
  return {
    versions: { onnxruntime: ort.version, api: ort.api, node: process.versions.node, cpu: process.arch },
    load: (spec) => loadPackage(ort, spec),
  };
}

async function loadPackage(ort: Ort, spec: NativeLoadSpec): Promise<NativeSession> {
  requireDevice(spec.device); // the library would compute on the CPU without a word
  const { programs, signatures } = spec.pkg.manifest;
  const sessions = new Map<string, OrtSession>();
  const unload = (): void => sessions.forEach((session) => session.dispose());
  const bound = new Map<string, BoundSignature>();
  try {
    for (const [name, signature] of Object.entries(signatures)) {
      const { program } = signature;
      const session = sessions.get(program) ?? (await openProgram(ort, spec, program));
      sessions.set(program, session);
      bound.set(name, bind(name, signature, session));
    }
  } catch (error) {
    unload();
    throw error;
  }
  const isBatched = [...sessions.keys()].some((program) => programs[program]?.batchAxis === 0);
  return {
    capacity: { kind: 'batch', maxRows: isBatched ? spec.maxRows : 1 },
    run: (name, inputs) => run(bound.get(name), inputs),
    unload,
  };
}

function openProgram(
  ort: Ort,
  { pkg, device, threads, packed }: NativeLoadSpec,
  program: string,
): Promise<OrtSession> {
  const file = programFile('onnx', program);
  if (basename(file) !== file || pkg.manifest.programs[program] === undefined)
    throw new SkyliftError(
      'SKY_PACKAGE_INVALID',
      `signatures name the program "${program}", which is not one`,
    );
  const options = sessionOptions(device, threads);
  if (packed === undefined) return ort.open(join(pkg.dir, file), options);
  if (packed.use === 'read') return ort.open(join(packed.dir, file), loadPacked(options));
  return ort.open(join(pkg.dir, file), packInto(options, packed.dir, program));
}

/** Threads never spin while they wait: an engine shares its cores with the front and with other engines. */
function sessionOptions(device: Device, threads: number): InferenceSession.SessionOptions {
  return {
    executionProviders: executionProviders(device),
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3, // errors
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}

function bind(name: string, signature: Signature, session: OrtSession): BoundSignature {
  const inputs = namesIn(session.inputs, signature.inputs, `input of signature "${name}"`);
  const outputs = namesIn(session.outputs, signature.outputs, `output of signature "${name}"`);
  return { session, inputs, outputs, fetches: Object.fromEntries(outputs.map((output) => [output, null])) };
}

function namesIn(found: OrtNames, specs: readonly TensorSpec[], what: string): string[] {
  for (const { name, dtype } of specs)
    if (found.get(name) !== dtype)
      throw new SkyliftError(
        'SKY_ENGINE_LOAD',
        `the graph does not have the ${what} "${name}" as ${dtype}; it has ${describe(found)}`,
      );
  return specs.map((spec) => spec.name);
}

function describe(names: OrtNames): string {
  return [...names].map(([name, dtype]) => `${name} (${dtype ?? 'of another type'})`).join(', ') || 'nothing';
}

function run(
  bound: BoundSignature | undefined,
  tensors: readonly Tensor[],
): readonly Tensor[] | Promise<Tensor[]> {
  if (!bound) throw new SkyliftError('SKY_INTERNAL', 'run of a signature that is not loaded');
  const feeds: Record<string, ReturnType<typeof toOrt>> = {};
  for (const [i, name] of bound.inputs.entries()) {
    const tensor = tensors[i];
    if (tensor) feeds[name] = toOrt(tensor);
  }
  const results = bound.session.run(feeds, bound.fetches);
  return results instanceof Promise ? results.then((late) => collect(bound, late)) : collect(bound, results);
}

function collect({ outputs }: BoundSignature, results: OrtResults): Tensor[] {
  return outputs.map((name) => {
    const result = results[name];
    if (!result) throw new SkyliftError('SKY_ENGINE_RUN', `the graph gave no output "${name}"`);
    return fromOrt(name, result);
  });
}
