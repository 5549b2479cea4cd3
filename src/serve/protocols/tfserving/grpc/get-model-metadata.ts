/**
 * PredictionService.GetModelMetadata: the signatures of one version. Sources: tensorflow_serving/apis/get_model_metadata.proto,
 * servables/tensorflow/get_model_metadata_impl.cc.
 */
import { ProtoReader } from '../../../../core/proto-reader.ts';
import { ProtoWriter } from '../../../../core/proto-writer.ts';
import type { PackageManifest, Signature } from '../../../../package/manifest.ts';
import type { TensorSpec } from '../../../../tensor/tensor.ts';
import type { Runtime } from '../../../runtime/requests.ts';
import { invalidRequest } from '../../failures.ts';
import { replyMessage } from '../../grpc-call.ts';
import type { HttpCall } from '../../http-call.ts';
import { DTYPE_NAMES } from '../dtypes.ts';
import { METHOD_NAMES } from '../method-names.ts';
import { readFirstSpec, requireModel, writeModelSpec } from './model-spec.ts';

const SIGNATURE_DEF = 'signature_def';
const TYPE_URL = 'type.googleapis.com/tensorflow.serving.SignatureDefMap';
const ANY_SIZE = -1;

/** Throws SKY_REQUEST_INVALID in TensorFlow Serving's words, and what `resolve` throws. */
export function getModelMetadata(call: HttpCall, runtime: Runtime): void {
  const spec = requireModel(call, readFirstSpec(new ProtoReader(call.body)));
  requireFields(new ProtoReader(call.body));
  const { model, version, manifest } = runtime.resolve(spec.model, spec.version);
  const writer = new ProtoWriter();
  writeModelSpec(writer, 1, model, { version, signature: '' });
  writer.message(2, () =>
    writer
      .string(1, SIGNATURE_DEF)
      .message(2, () => writer.string(1, TYPE_URL).message(2, () => writeSignatures(writer, manifest))),
  );
  replyMessage(call, writer);
}

function requireFields(reader: ProtoReader): void {
  let count = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 2) continue;
    const name = reader.string();
    if (name !== SIGNATURE_DEF) throw invalidRequest(`Metadata field ${name} is not supported`);
    count++;
  }
  if (count === 0) throw invalidRequest('GetModelMetadataRequest must specify at least one metadata_field');
}

function writeSignatures(writer: ProtoWriter, { signatures }: PackageManifest): void {
  for (const [name, signature] of Object.entries(signatures))
    writer.message(1, () => writer.string(1, name).message(2, () => writeSignature(writer, signature)));
}

function writeSignature(writer: ProtoWriter, { inputs, outputs, method }: Signature): void {
  for (const spec of inputs) writer.message(1, () => writeTensorInfo(writer, spec));
  for (const spec of outputs) writer.message(2, () => writeTensorInfo(writer, spec));
  writer.string(3, METHOD_NAMES[method]);
}

/** An entry of a map: dimensions that are not fixed are -1. */
function writeTensorInfo(writer: ProtoWriter, { name, dtype, dims }: TensorSpec): void {
  writer.string(1, name).message(2, () =>
    writer
      .string(1, name)
      .integer(2, DTYPE_NAMES[dtype].enumNumber)
      .message(3, () => {
        for (const dim of dims ?? [])
          writer.message(2, () => writer.integer(1, typeof dim === 'number' ? dim : ANY_SIZE));
        if (dims === null) writer.bool(3, true);
      }),
  );
}
