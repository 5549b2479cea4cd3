/**
 * The native library behind one small interface. Its synchronous binding is not a public module of onnxruntime-node, but
 * saves a turn of the event loop and about 10 µs per run; when it does not look as expected, the public API is used.
 */
import { createRequire } from 'node:module';
import type { InferenceSession, InferenceSessionFactory } from 'onnxruntime-node';
import { ortDataType } from './tensors.ts';
import type { OrtTensor } from './tensors.ts';
import type { DataType } from '../../tensor/tensor.ts';

/** Names of inputs or outputs; the dtype is undefined for what cannot be served. */
export type OrtNames = ReadonlyMap<string, DataType | undefined>;
export type OrtResults = Readonly<Record<string, OrtTensor>>;
/** Names of the outputs that are wanted. */
export type OrtFetches = Readonly<Record<string, null>>;

export interface OrtSession {
  readonly inputs: OrtNames;
  readonly outputs: OrtNames;
  run(feeds: OrtResults, fetches: OrtFetches): OrtResults | Promise<OrtResults>;
  dispose(): void;
}

export interface Ort {
  readonly api: 'binding' | 'public';
  readonly version: string;
  open(path: string, options: InferenceSession.SessionOptions): Promise<OrtSession>;
}

interface Metadata {
  readonly name: string;
  readonly type?: string | number;
}

interface BindingSession {
  readonly inputMetadata: readonly Metadata[];
  readonly outputMetadata: readonly Metadata[];
  loadModel(path: string, options: InferenceSession.SessionOptions): void;
  run(feeds: OrtResults, fetches: OrtFetches, options: object): OrtResults;
  dispose(): void;
}

interface BindingModule {
  readonly initOrt: () => void;
  readonly binding: { readonly InferenceSession: new () => BindingSession };
}

/** Loads the native library. Throws what the dynamic linker says. @param load reads a CommonJS module by name */
export function loadOrt(load: (name: string) => unknown = createRequire(import.meta.url)): Ort {
  const { version } = load('onnxruntime-node/package.json') as { version: string };
  const module = load('onnxruntime-node/dist/binding.js');
  if (!isBindingModule(module)) return { api: 'public', version, open: publicOpen(load) };
  module.initOrt();
  return { api: 'binding', version, open: async (path, options) => openBinding(module, path, options) };
}

function isBindingModule(module: unknown): module is BindingModule {
  const { initOrt, binding } = module as Partial<BindingModule>;
  const methods = binding?.InferenceSession?.prototype as Partial<BindingSession> | undefined;
  return (
    typeof initOrt === 'function' &&
    typeof methods?.loadModel === 'function' &&
    typeof methods.run === 'function' &&
    typeof methods.dispose === 'function'
  );
}

function openBinding(
  module: BindingModule,
  path: string,
  options: InferenceSession.SessionOptions,
): OrtSession {
  const session = new module.binding.InferenceSession();
  session.loadModel(path, options);
  return {
    inputs: namesOf(session.inputMetadata),
    outputs: namesOf(session.outputMetadata),
    run: (feeds, fetches) => session.run(feeds, fetches, {}),
    dispose: () => session.dispose(),
  };
}

function publicOpen(load: (name: string) => unknown): Ort['open'] {
  const { InferenceSession } = load('onnxruntime-node') as { InferenceSession: InferenceSessionFactory };
  return async (path, options) => {
    const session = await InferenceSession.create(path, options);
    return {
      inputs: namesOf(session.inputMetadata),
      outputs: namesOf(session.outputMetadata),
      // Plain objects pass through to the binding, which wants these very fields.
      run: (feeds, fetches) => session.run(feeds as never, fetches) as unknown as Promise<OrtResults>,
      dispose: () => void session.release(),
    };
  };
}

function namesOf(metadata: readonly Metadata[]): OrtNames {
  return new Map(metadata.map(({ name, type }) => [name, ortDataType(type)]));
}
