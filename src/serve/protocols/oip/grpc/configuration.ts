/** ModelConfig over gRPC. Source of the numbers: triton-inference-server/common protobuf/model_config.proto. */
import { ProtoWriter } from '../../../../core/proto-writer.ts';
import type { DataType } from '../../../../tensor/tensor.ts';
import type { DynamicBatching } from '../../../runtime/loading/version-options.ts';
import type { VersionPolicy } from '../../../runtime/versions/version-policy.ts';
import { CONFIG_BACKEND, CONFIG_PLATFORM } from '../configuration.ts';
import type { DescribedTensor, ModelDescription } from '../configuration.ts';

/** Of the enum DataType. */
const TYPES: Readonly<Record<DataType, number>> = {
  bool: 1,
  uint8: 2,
  uint16: 3,
  uint32: 4,
  uint64: 5,
  int8: 6,
  int16: 7,
  int32: 8,
  int64: 9,
  float16: 10,
  float32: 11,
  float64: 12,
  string: 13,
  bfloat16: 14,
};
const KIND_CPU = 2;

/** ModelConfigResponse. */
export function configurationMessage(model: ModelDescription): ProtoWriter {
  const writer = new ProtoWriter();
  return writer.message(1, () => writeModel(writer, model));
}

function writeModel(writer: ProtoWriter, model: ModelDescription): void {
  const { policy, instances, dynamicBatching } = model;
  writer.string(1, model.name).string(2, CONFIG_PLATFORM);
  if (policy) writer.message(3, () => writePolicy(writer, policy));
  writer.integer(4, model.maxBatchSize);
  for (const input of model.inputs) writer.message(5, () => writeTensor(writer, input, 4));
  for (const output of model.outputs) writer.message(6, () => writeTensor(writer, output, 3));
  if (instances !== undefined)
    writer.message(7, () => writer.string(1, `${model.name}_0`).integer(2, instances).integer(4, KIND_CPU));
  writer.string(8, model.fileName);
  if (dynamicBatching) writer.message(11, () => writeBatching(writer, dynamicBatching));
  for (const [name, text] of model.parameters)
    writer.message(14, () => writer.string(1, name).message(2, () => writer.string(1, text)));
  writer.string(17, CONFIG_BACKEND);
}

function writePolicy(writer: ProtoWriter, policy: VersionPolicy): void {
  if (policy.kind === 'latest') writer.message(1, () => writer.integer(1, policy.count));
  else if (policy.kind === 'all') writer.message(2, () => {});
  else
    writer.message(3, () => {
      for (const version of policy.versions) writer.int64(1, version);
    });
}

/** @param dimsField which differs between inputs and outputs */
function writeTensor(writer: ProtoWriter, { name, dtype, dims }: DescribedTensor, dimsField: number): void {
  writer.string(1, name).integer(2, TYPES[dtype]);
  if (dims.length > 0)
    writer.message(dimsField, () => {
      for (const dim of dims) writer.rawInteger(dim);
    });
}

function writeBatching(writer: ProtoWriter, { preferredSizes, delayUs, queueJobs }: DynamicBatching): void {
  for (const size of preferredSizes) writer.integer(1, size);
  writer.integer(2, delayUs);
  if (queueJobs > 0) writer.message(6, () => writer.integer(4, queueJobs));
}
