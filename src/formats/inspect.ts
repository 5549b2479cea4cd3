/** What a model file says of itself, for people and `--json`: read and checked, never loaded. */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { resolveLimits } from '../core/limits.ts';
import type { Limits } from '../core/limits.ts';
import type { Program, Signature } from '../package/manifest.ts';
import { requireOnnx } from './detect-format.ts';
import { checkExternalData } from './onnx/external-data.ts';
import type { ExternalFile } from './onnx/external-data.ts';
import type { OnnxModel, OnnxOpset } from './onnx/model.ts';
import { readOnnxFile } from './onnx/read-model.ts';
import { readSignatures } from './onnx/to-package.ts';
import { validateModel } from './onnx/validate.ts';
import { elementCountOf, tensorBytes } from './onnx/validate-tensor.ts';
import { walkNodes, walkTensors } from './onnx/walk.ts';

export interface ModelSummary {
  readonly format: 'onnx';
  /** Absolute path. */
  readonly path: string;
  /** Of the model file alone. */
  readonly sizeBytes: number;
  readonly producer: { readonly name: string; readonly version: string };
  readonly irVersion: number;
  readonly opsets: readonly OnnxOpset[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly programs: Readonly<Record<string, Program>>;
  readonly signatures: Readonly<Record<string, Signature>>;
  /** Nodes by operator, most frequent first; subgraphs and functions are included. */
  readonly operators: readonly OperatorCount[];
  /** Constant tensors: initializers and values of attributes. */
  readonly parameters: { readonly count: number; readonly sizeBytes: number };
  /** Files beside the model that hold its weights. */
  readonly externalFiles: readonly ExternalFile[];
}

export interface OperatorCount {
  /** `Conv`, or `com.microsoft:Gelu` outside the standard domain. */
  readonly operator: string;
  readonly count: number;
}

/** Reads the model file at `path`. Throws SKY_MODEL_NOT_FOUND, SKY_MODEL_FORMAT_UNKNOWN, SKY_ONNX_*. */
export async function inspectModel(path: string, limits: Limits = resolveLimits()): Promise<ModelSummary> {
  const absolute = resolve(path);
  requireOnnx(absolute);
  const model = readOnnxFile(absolute, limits);
  validateModel(model, limits);
  return {
    format: 'onnx',
    path: absolute,
    sizeBytes: statSync(absolute).size,
    producer: model.producer,
    irVersion: model.irVersion,
    opsets: model.opsets,
    metadata: Object.fromEntries(model.metadata),
    ...readSignatures(model),
    operators: countOperators(model),
    parameters: countParameters(model),
    externalFiles: checkExternalData(model, dirname(absolute)),
  };
}

function countOperators(model: OnnxModel): readonly OperatorCount[] {
  const counts = new Map<string, number>();
  for (const { domain, opType } of walkNodes(model)) {
    const operator = domain === '' ? opType : `${domain}:${opType}`;
    counts.set(operator, (counts.get(operator) ?? 0) + 1);
  }
  return [...counts]
    .map(([operator, count]) => ({ operator, count }))
    .sort((a, b) => b.count - a.count || (a.operator < b.operator ? -1 : 1));
}

/** Strings have no fixed size and count as no bytes. */
function countParameters(model: OnnxModel): ModelSummary['parameters'] {
  let count = 0;
  let sizeBytes = 0;
  for (const named of walkTensors(model)) {
    count += elementCountOf(named.tensor.dims, named.where);
    sizeBytes += tensorBytes(named);
  }
  return { count, sizeBytes };
}
