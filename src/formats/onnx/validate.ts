/**
 * The hostile-graph checks that stand between a foreign .onnx file and the native engine. Counts and nesting are bounded
 * while reading (read-model.ts), files of external data are checked in external-data.ts. How often a Loop or Scan
 * repeats, and what shapes grow to, is only known at run time: the engine's run limit and memory limit stop those.
 */
import { SkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { elementType } from './element-types.ts';
import { functionTable, validateCalls } from './functions.ts';
import type { OnnxModel, OnnxOpset, OnnxValue } from './model.ts';
import { validateFunction, validateGraph } from './validate-graph.ts';
import { elementCountOf, validateTensor } from './validate-tensor.ts';
import { walkTensors } from './walk.ts';

/** Throws SKY_ONNX_INVALID, SKY_ONNX_LIMIT, SKY_ONNX_UNSUPPORTED. */
export function validateModel(model: OnnxModel, limits: Limits): void {
  if (model.irVersion < 1) throw invalid(`IR version ${model.irVersion} is not positive`);
  validateOpsets(model.opsets);
  const functions = functionTable(model);
  validateGraph(model.graph, functions);
  for (const called of model.functions) validateFunction(called, functions);
  validateCalls(model, functions, limits);
  for (const named of walkTensors(model)) validateTensor(named);
  validateInterface(model, limits);
}

/** Inputs that a caller has to give: initializers with the name of an input are its default value. */
export function requestedInputs(model: OnnxModel): readonly OnnxValue[] {
  const initialized = new Set(model.graph.initializers.map((tensor) => tensor.name));
  return model.graph.inputs.filter((input) => !initialized.has(input.name));
}

function validateOpsets(opsets: readonly OnnxOpset[]): void {
  if (opsets.length === 0) throw invalid('the model imports no operator set');
  const versions = new Map<string, number>();
  for (const { domain, version } of opsets) {
    if (version < 1) throw invalid(`version ${version} of operator set "${domain}" is not positive`);
    if ((versions.get(domain) ?? version) !== version)
      throw invalid(`operator set "${domain}" is imported in two versions`);
    versions.set(domain, version);
  }
}

function validateInterface(model: OnnxModel, limits: Limits): void {
  if (model.graph.outputs.length === 0) throw invalid('the graph has no outputs');
  for (const input of requestedInputs(model)) validateValue(input, `input "${input.name}"`, limits);
  for (const output of model.graph.outputs) validateValue(output, `output "${output.name}"`, limits);
}

function validateValue({ name, type }: OnnxValue, where: string, limits: Limits): void {
  if (/\p{Cc}/u.test(name)) throw invalid(`the name of ${where} has control characters`);
  if (type.kind !== 'tensor')
    throw unsupported(`${where} is of type ${type.kind}; only tensors can be sent and received`);
  const element = elementType(type.elementType, where);
  if (!element.dtype)
    throw unsupported(`${where} has element type ${element.name}, which no request can carry`);
  validateShape(type.dims ?? [], where, limits);
}

/** Some exporters write -1 for a dimension that is not known. */
function validateShape(dims: readonly (number | string)[], where: string, limits: Limits): void {
  if (dims.length > limits.max_tensor_rank)
    throw new SkyliftError(
      'SKY_ONNX_LIMIT',
      `${where} has ${dims.length} dimensions, more than max_tensor_rank = ${limits.max_tensor_rank}`,
    );
  elementCountOf(
    dims.filter((dim) => typeof dim === 'number').filter((dim) => dim !== -1),
    where,
  );
}

function invalid(message: string): SkyliftError {
  return new SkyliftError('SKY_ONNX_INVALID', message);
}

function unsupported(message: string): SkyliftError {
  return new SkyliftError('SKY_ONNX_UNSUPPORTED', message);
}
