/**
 * Triton's ModelConfig, the text of a `config.pbtxt`, as far as it has a meaning here. What would change answers is refused,
 * every other field is named in one line. Source: triton-inference-server/common protobuf/model_config.proto.
 */
import type { DataType } from '../../../../tensor/tensor.ts';
import type { VersionOptions } from '../../../runtime/loading/version-options.ts';
import type { VersionPolicy } from '../../../runtime/versions/version-policy.ts';
import { MessageReader } from '../../text-format/message-reader.ts';
import type { TextMessage } from '../../text-format/message-reader.ts';
import { parseTextFormat } from '../../text-format/text-format.ts';
import { readVersionPolicy } from '../../text-format/version-policy.ts';
import { DATATYPE_NAMES } from '../datatypes.ts';
import { readBatching, readInstances } from './scheduling-config.ts';
import type { ConfigParameters } from './scheduling-config.ts';

const START = { line: 1, column: 1 };
const MAX_INT32 = 2n ** 31n - 1n;
const PLATFORMS: ReadonlySet<string> = new Set(['', 'onnxruntime_onnx']);
const BACKENDS: ReadonlySet<string> = new Set(['', 'onnxruntime']);

/** What would be answered otherwise than the file asks for. */
const REFUSED: Readonly<Record<string, string>> = {
  ensemble_scheduling: 'ensembles are not served here',
  sequence_batching: 'sequences are not served here',
  batch_input: 'inputs that the server makes are not given to models here',
  batch_output: 'outputs are never taken apart by other rules than rows here',
  model_repository_agents: 'agents that change or check the files of a model do not run here',
};

/** What costs time or tells something, and answers nothing. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  optimization: 'graphs are optimized by ONNX Runtime as it sees fit',
  model_operations: 'custom operators are not loaded; a model that needs them fails to load',
  cc_model_filenames: 'there are no GPUs to choose a file for',
  metric_tags: 'metrics have the labels of the server',
  model_metrics: 'metrics have the buckets of the server',
  response_cache: 'there is no cache of replies',
  runtime: 'the engine is always ONNX Runtime',
  model_warmup: 'models are always warmed up with made-up inputs',
};

/** An input or output as the file describes it. */
export interface ConfiguredTensor {
  readonly name: string;
  readonly dtype: DataType;
  /** Without the batch; -1 for any size. */
  readonly dims: readonly number[];
}

/** How one model of a repository is served. */
export interface RepositoryModel {
  readonly policy: VersionPolicy;
  /** 0: no batching; undefined: what the model can do. */
  readonly maxBatchSize: number | undefined;
  /** Empty: as the model has them. */
  readonly inputs: readonly ConfiguredTensor[];
  readonly outputs: readonly ConfiguredTensor[];
  readonly options: VersionOptions;
  /** In the folder of a version. '' where the only model in there counts. */
  readonly fileName: string;
  /** One line for each setting that has no effect. */
  readonly notes: readonly string[];
}

export interface RepositoryPlace {
  /** Of the folder; a name in the file must be the same. */
  readonly name: string;
  /** For messages. */
  readonly file: string;
  readonly cores: number;
}

/** Throws SKY_CONFIG_INVALID with line and column. */
export function parseModelConfig(text: string, { name, file, cores }: RepositoryPlace): RepositoryModel {
  const reader = new MessageReader({ file, place: START, fields: parseTextFormat(text, file) });
  requireServable(reader, name);
  const policy = readVersionPolicy(reader, 'version_policy', { least: 1n, most: MAX_INT32 });
  const [inputs, outputs] = [
    reader.messages('input').map(readInput),
    reader.messages('output').map(readOutput),
  ];
  const maxBatchSize = readMaxBatch(reader, inputs.length > 0);
  const parameters = readParameters(reader);
  const batching = readBatching(reader.message('dynamic_batching'), maxBatchSize);
  const instances = readInstances(reader.messages('instance_group'), parameters, cores);
  const fileName = reader.string('default_model_filename');
  if (/[/\\]|^\.\.?$/.test(fileName))
    throw reader.problem(`default_model_filename ${JSON.stringify(fileName)} is no plain file name`);
  const ineffective = Object.keys(WITHOUT_EFFECT).filter((field) => reader.ignore(field));
  reader.end();
  const configuration = {
    policy,
    fileName,
    parameters: parameters.all,
    ...(maxBatchSize !== undefined && { maxBatchSize }),
    ...(instances.count !== undefined && { instances: instances.count }),
    ...(batching.dynamic && { dynamicBatching: batching.dynamic }),
  };
  return {
    policy,
    maxBatchSize,
    inputs: inputs.map(({ tensor }) => tensor),
    outputs: outputs.map(({ tensor }) => tensor),
    options: {
      configuration,
      ...(batching.options && { batching: batching.options }),
      ...(instances.threads && { threads: instances.threads }),
    },
    fileName,
    notes: [
      ...[...inputs, ...outputs].flatMap(({ notes }) => notes),
      ...batching.notes,
      ...instances.notes,
      ...ineffective.map((field) => `${field} has no effect: ${WITHOUT_EFFECT[field]}`),
    ].map((note) => `${file}: ${note}`),
  };
}

function requireServable(reader: MessageReader, name: string): void {
  const given = reader.string('name');
  const [platform, backend] = [reader.string('platform'), reader.string('backend')];
  if (given !== '' && given !== name)
    throw reader.problem(`the name ${JSON.stringify(given)} is not that of its folder, ${name}`);
  if (!PLATFORMS.has(platform))
    throw reader.problem(
      `the platform ${JSON.stringify(platform)} is not served here; known: onnxruntime_onnx`,
    );
  if (!BACKENDS.has(backend))
    throw reader.problem(`the backend ${JSON.stringify(backend)} is not served here; known: onnxruntime`);
  for (const [field, reason] of Object.entries(REFUSED))
    if (reader.ignore(field)) throw reader.problem(`${field} is refused: ${reason}`);
  const transactions = reader.message('model_transaction_policy');
  if (!transactions) return;
  const policy = new MessageReader(transactions);
  const isDecoupled = policy.boolean('decoupled');
  policy.end();
  if (isDecoupled) throw policy.problem('decoupled is refused: every request has exactly one answer here');
}

/** Absent, it says nothing where the file names no inputs, and that there is no batch where their dims are whole. */
function readMaxBatch(reader: MessageReader, hasInputs: boolean): number | undefined {
  const size = reader.integer('max_batch_size');
  if (size !== undefined && (size < 0n || size > MAX_INT32))
    throw reader.problem(`max_batch_size: ${size} is out of range`);
  return size === undefined && !hasInputs ? undefined : Number(size ?? 0n);
}

interface ReadTensor {
  readonly tensor: ConfiguredTensor;
  readonly notes: readonly string[];
}

function readInput(message: TextMessage): ReadTensor {
  const reader = new MessageReader(message);
  const tensor = readTensor(reader);
  const format = reader.word('format') ?? 'FORMAT_NONE';
  const isOptional = reader.boolean('optional');
  const isRagged = reader.boolean('allow_ragged_batch');
  reader.end();
  if (isRagged) throw reader.problem('allow_ragged_batch is refused: rows of a run have one shape here');
  const { name } = tensor;
  return {
    tensor,
    notes: [
      ...(format === 'FORMAT_NONE' ? [] : [`format of "${name}" has no effect: the dims of the model count`]),
      ...(isOptional ? [`optional of "${name}" has no effect: every input of a model is needed`] : []),
    ],
  };
}

function readOutput(message: TextMessage): ReadTensor {
  const reader = new MessageReader(message);
  const tensor = readTensor(reader);
  const hasLabels = reader.ignore('label_filename');
  reader.end();
  const note = `label_filename of "${tensor.name}" has no effect: classes are told by their number`;
  return { tensor, notes: hasLabels ? [note] : [] };
}

function readTensor(reader: MessageReader): ConfiguredTensor {
  const name = reader.string('name');
  const type = reader.word('data_type') ?? '';
  const dims = reader.integers('dims');
  if (reader.message('reshape'))
    throw reader.problem(`reshape of "${name}" is refused: give the shape that the model has`);
  for (const field of ['is_shape_tensor', 'is_non_linear_format_io'])
    if (reader.boolean(field)) throw reader.problem(`${field} is refused: there is no TensorRT here`);
  if (name === '') throw reader.problem('an input or output without name');
  const dtype = DTYPES.get(type);
  if (!dtype)
    throw reader.problem(`data_type of "${name}": ${type === '' ? 'it is missing' : `there is no ${type}`}`);
  const wrong = dims.find((dim) => dim < -1n || dim === 0n || dim > MAX_INT32);
  if (wrong !== undefined) throw reader.problem(`dims of "${name}": ${wrong} is no size`);
  return { name, dtype, dims: dims.map(Number) };
}

/** Names of the enum, as files write them. */
export const CONFIG_TYPES = Object.fromEntries(
  Object.entries(DATATYPE_NAMES).map(([dtype, name]) => [
    dtype,
    `TYPE_${name === 'BYTES' ? 'STRING' : name}`,
  ]),
) as Readonly<Record<DataType, string>>; // the same keys

const DTYPES = new Map(Object.entries(CONFIG_TYPES).map(([dtype, name]) => [name, dtype as DataType]));

function readParameters(reader: MessageReader): ConfigParameters {
  const all = new Map<string, string>();
  for (const message of reader.messages('parameters')) {
    const entry = new MessageReader(message);
    const [key, value] = [entry.string('key'), entry.message('value')];
    entry.end();
    const parameter = value && new MessageReader(value);
    all.set(key, parameter?.string('string_value') ?? '');
    parameter?.end();
  }
  return { all, reader };
}
