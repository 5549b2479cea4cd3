/**
 * PredictionService.Classify, Regress and MultiInference: requests are checked in the original's words as far as the
 * examples; tf.Example input is not served yet. Sources: tensorflow_serving/servables/tensorflow/{classifier,regressor,
 * multi_inference}.cc.
 */
import { SkyliftError, isSkyliftError } from '../../../../core/errors.ts';
import { ProtoReader } from '../../../../core/proto-reader.ts';
import { DEFAULT_SIGNATURE } from '../../../../package/manifest.ts';
import type { Signature } from '../../../../package/manifest.ts';
import type { NamedSignature, Runtime, ServableVersion } from '../../../runtime/requests.ts';
import { invalidRequest } from '../../failures.ts';
import type { HttpCall } from '../../http-call.ts';
import { METHOD_NAMES } from '../method-names.ts';
import { readFirstSpec, readModelSpec, requireModel } from './model-spec.ts';
import type { ModelSpec } from './model-spec.ts';

const INPUT_ALIAS = 'inputs';
const OUTPUTS_ALIAS = 'outputs';
const CLASS_OUTPUTS: ReadonlySet<string> = new Set(['classes', 'scores']);

/** Throws what is wrong with the request, or SKY_NOT_SUPPORTED_YET. */
export function classify(call: HttpCall, runtime: Runtime): never {
  const { signature } = exampleSignature(call, runtime);
  requireOneInput(signature, 'classification');
  const count = signature.outputs.length;
  if (count !== 1 && count !== 2) throw invalidRequest(`Expected one or two output Tensors, found ${count}`);
  if (!signature.outputs.some(({ name }) => CLASS_OUTPUTS.has(name)))
    throw invalidRequest(
      `Expected classification signature outputs to contain at least one of the "classes" or "scores" keys. Signature was: ${namesOf(signature)}`,
    );
  return refuseExamples(call.body);
}

/** Throws what is wrong with the request, or SKY_NOT_SUPPORTED_YET. */
export function regress(call: HttpCall, runtime: Runtime): never {
  const { signature } = exampleSignature(call, runtime);
  requireOneInput(signature, 'regression');
  if (signature.outputs.length !== 1) throw invalidRequest('Expected one output Tensor.');
  if (signature.outputs[0]?.name !== OUTPUTS_ALIAS)
    throw invalidRequest(`No regression outputs found in SignatureDef: ${namesOf(signature)}`);
  return refuseExamples(call.body);
}

/** Throws what is wrong with the request, or SKY_NOT_SUPPORTED_YET. */
export function multiInference(call: HttpCall, runtime: Runtime): never {
  const reader = new ProtoReader(call.body);
  const seen = new Set<string>();
  let servable: ServableVersion | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 1) continue;
    const task = reader.message(() => readTask(reader));
    servable ??= firstServable(call, runtime, task.spec);
    checkTask(task, servable, seen);
  }
  if (servable === undefined) throw invalidRequest('Missing ModelSpec');
  return refuseExamples(call.body);
}

interface Task {
  readonly spec: ModelSpec | undefined;
  readonly method: string;
}

function readTask(reader: ProtoReader): Task {
  let spec: ModelSpec | undefined;
  let method = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) spec = reader.message(() => readModelSpec(reader));
    else if (field === 2) method = reader.string();
  }
  return { spec, method };
}

function firstServable(call: HttpCall, runtime: Runtime, spec: ModelSpec | undefined): ServableVersion {
  const { model, version } = requireModel(call, spec);
  return runtime.resolve(model, version);
}

function checkTask({ spec, method }: Task, servable: ServableVersion, seen: Set<string>): void {
  if (spec === undefined || spec.model === '')
    throw invalidRequest('Found ModelSpec with an empty model name.');
  if (spec.model !== servable.model)
    throw invalidRequest('All ModelSpecs in a MultiInferenceRequest must access the same model name.');
  const found = foundSignature(
    servable,
    spec,
    (name) => `Requested signature not found in model graph: ${name}`,
  );
  if (seen.has(found.name)) throw invalidRequest(`Duplicate evaluation of signature: ${found.name}`);
  seen.add(found.name);
  if (method !== METHOD_NAMES.classify && method !== METHOD_NAMES.regress)
    throw new SkyliftError('SKY_NOT_SUPPORTED_YET', `Unsupported signature method_name: ${method}`);
}

function exampleSignature(call: HttpCall, runtime: Runtime): NamedSignature {
  const spec = requireModel(call, readFirstSpec(new ProtoReader(call.body)));
  const servable = runtime.resolve(spec.model, spec.version);
  const found = foundSignature(servable, spec, (name) => `No signature was found with the name: ${name}`);
  call.note('signature', found.name);
  return found;
}

/** Throws SKY_REQUEST_INVALID with the words that `unknown` gives. */
function foundSignature(
  servable: ServableVersion,
  { signature }: ModelSpec,
  unknown: (name: string) => string,
): NamedSignature {
  try {
    return servable.signature(signature);
  } catch (error) {
    if (!isSkyliftError(error) || error.code !== 'SKY_SIGNATURE_NOT_FOUND') throw error;
    throw invalidRequest(unknown(signature ?? DEFAULT_SIGNATURE));
  }
}

function requireOneInput(signature: Signature, kind: string): void {
  if (signature.inputs.length !== 1) throw invalidRequest('Expected one input Tensor.');
  if (signature.inputs[0]?.name !== INPUT_ALIAS)
    throw invalidRequest(`No ${kind} inputs found in SignatureDef: ${namesOf(signature)}`);
}

function namesOf({ inputs, outputs }: Signature): string {
  const list = (specs: Signature['inputs']): string => specs.map(({ name }) => name).join(',');
  return `inputs {${list(inputs)}}, outputs {${list(outputs)}}`;
}

/** `input` is field 2 of every one of these requests. */
function refuseExamples(bytes: Uint8Array): never {
  const reader = new ProtoReader(bytes);
  let count = 0;
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 2) count += reader.message(() => countExamples(reader));
  if (count === 0) throw invalidRequest('Input is empty.');
  throw new SkyliftError(
    'SKY_NOT_SUPPORTED_YET',
    "tf.Example input is not served yet; use Predict with the signature's inputs",
    { hint: "Use Predict with the signature's inputs: GetModelMetadata." },
  );
}

/** Both forms of the input have the examples in field 1. */
function countExamples(reader: ProtoReader): number {
  let count = 0;
  for (let kind = reader.next(); kind !== 0; kind = reader.next()) {
    if (kind !== 1 && kind !== 2) continue;
    reader.message(() => {
      for (let field = reader.next(); field !== 0; field = reader.next()) if (field === 1) count++;
    });
  }
  return count;
}
