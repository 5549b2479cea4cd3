/** The model configuration extension: what a model takes and gives and how it is run, in the names of Triton's ModelConfig. */
import type { Limits } from '../../../core/limits.ts';
import type { DataType, TensorSpec } from '../../../tensor/tensor.ts';
import type { DynamicBatching } from '../../runtime/loading/version-options.ts';
import type { Runtime } from '../../runtime/requests.ts';
import type { VersionPolicy } from '../../runtime/versions/version-policy.ts';
import type { ModelPath } from '../model-path.ts';
import { CONFIG_TYPES } from './config/model-config.ts';

/** Both forms, JSON and protobuf, are written from this. */
export interface ModelDescription {
  readonly name: string;
  /** Of a repository only: elsewhere it may change while the server runs. */
  readonly policy: VersionPolicy | undefined;
  /** 0: the first dimension is no batch, and dims are whole. */
  readonly maxBatchSize: number;
  readonly inputs: readonly DescribedTensor[];
  readonly outputs: readonly DescribedTensor[];
  /** Undefined where the server chooses. */
  readonly instances: number | undefined;
  readonly fileName: string;
  readonly dynamicBatching: DynamicBatching | undefined;
  readonly parameters: ReadonlyMap<string, string>;
}

export interface DescribedTensor {
  readonly name: string;
  readonly dtype: DataType;
  /** Without the batch; -1: any size. */
  readonly dims: readonly number[];
}

/** Names that the enum has for the one platform here. */
export const CONFIG_PLATFORM = 'onnxruntime_onnx';
export const CONFIG_BACKEND = 'onnxruntime';

const ANY_SIZE = -1;
const NO_BATCHING: DynamicBatching = { preferredSizes: [], delayUs: 0, queueJobs: 0 };

/** Of one version. Throws SKY_MODEL_NOT_FOUND, SKY_UNAVAILABLE. */
export function describeModel(
  runtime: Runtime,
  { model, version }: ModelPath,
  limits: Limits,
): ModelDescription {
  const servable = runtime.resolve(model, version);
  const { signature, isBatched } = servable.signature(undefined);
  const { configuration } = servable;
  const possible = isBatched ? limits.max_batch_rows : 0;
  const maxBatchSize = configuration?.maxBatchSize ?? possible;
  const describe = (spec: TensorSpec): DescribedTensor => describeTensor(spec, maxBatchSize > 0);
  return {
    name: model,
    policy: configuration?.policy,
    maxBatchSize,
    inputs: signature.inputs.map(describe),
    outputs: signature.outputs.map(describe),
    instances: configuration?.instances,
    fileName: configuration?.fileName ?? '',
    dynamicBatching: configuration?.dynamicBatching ?? (maxBatchSize > 1 ? NO_BATCHING : undefined),
    parameters: configuration?.parameters ?? new Map(),
  };
}

/** An unknown rank has no form here: it is written as one dimension of any size. */
function describeTensor({ name, dtype, dims }: TensorSpec, hasBatch: boolean): DescribedTensor {
  const sizes = dims?.map((dim) => (typeof dim === 'number' ? dim : ANY_SIZE)) ?? [ANY_SIZE, ANY_SIZE];
  return { name, dtype, dims: hasBatch ? sizes.slice(1) : sizes };
}

/** Body of GET /v2/models/NAME[/versions/V]/config. */
export function configurationBody(model: ModelDescription): string {
  return JSON.stringify({
    name: model.name,
    platform: CONFIG_PLATFORM,
    backend: CONFIG_BACKEND,
    runtime: '',
    ...(model.policy && { version_policy: policyJson(model.policy) }),
    max_batch_size: model.maxBatchSize,
    input: model.inputs.map((tensor) => ({
      ...tensorJson(tensor),
      format: 'FORMAT_NONE',
      is_shape_tensor: false,
      allow_ragged_batch: false,
      optional: false,
    })),
    output: model.outputs.map((tensor) => ({
      ...tensorJson(tensor),
      label_filename: '',
      is_shape_tensor: false,
    })),
    batch_input: [],
    batch_output: [],
    instance_group: instancesJson(model),
    default_model_filename: model.fileName,
    cc_model_filenames: {},
    metric_tags: {},
    parameters: Object.fromEntries(
      Array.from(model.parameters, ([name, text]) => [name, { string_value: text }]),
    ),
    model_warmup: [],
    model_transaction_policy: { decoupled: false },
    ...(model.dynamicBatching && { dynamic_batching: batchingJson(model.dynamicBatching) }),
  });
}

function tensorJson({ name, dtype, dims }: DescribedTensor): Record<string, unknown> {
  return { name, data_type: CONFIG_TYPES[dtype], dims };
}

/** Versions as the protocol writes int64: in JSON of protobuf they are strings, but Triton writes numbers. */
function policyJson(policy: VersionPolicy): Record<string, unknown> {
  if (policy.kind === 'all') return { all: {} };
  if (policy.kind === 'latest') return { latest: { num_versions: policy.count } };
  return { specific: { versions: policy.versions.map(Number) } };
}

function instancesJson({ name, instances }: ModelDescription): readonly Record<string, unknown>[] {
  if (instances === undefined) return [];
  return [
    {
      name: `${name}_0`,
      kind: 'KIND_CPU',
      count: instances,
      gpus: [],
      secondary_devices: [],
      profile: [],
      passive: false,
      host_policy: '',
    },
  ];
}

function batchingJson({ preferredSizes, delayUs, queueJobs }: DynamicBatching): Record<string, unknown> {
  return {
    preferred_batch_size: preferredSizes,
    max_queue_delay_microseconds: delayUs,
    preserve_ordering: false,
    priority_levels: 0,
    default_priority_level: 0,
    priority_queue_policy: {},
    ...(queueJobs > 0 && {
      default_queue_policy: {
        timeout_action: 'REJECT',
        default_timeout_microseconds: 0,
        allow_timeout_override: false,
        max_queue_size: queueJobs,
      },
    }),
  };
}
