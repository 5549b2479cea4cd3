/** ModelService.GetModelStatus: as REST, a label is ignored. Source: tensorflow_serving/apis/get_model_status.proto. */
import { GRPC_CODE } from '../../../../core/error-codes.ts';
import { ProtoReader } from '../../../../core/proto-reader.ts';
import { ProtoWriter } from '../../../../core/proto-writer.ts';
import type { Runtime, VersionStatus } from '../../../runtime/requests.ts';
import type { VersionState } from '../../../runtime/versions/version-state.ts';
import { replyMessage } from '../../grpc-call.ts';
import type { HttpCall } from '../../http-call.ts';
import { statusOf } from '../status.ts';
import { readFirstSpec, requireModel } from './model-spec.ts';

const STATE_NUMBERS: Readonly<Record<VersionState, number>> = {
  START: 10,
  LOADING: 20,
  AVAILABLE: 30,
  UNLOADING: 40,
  END: 50,
};

/** Throws SKY_MODEL_NOT_FOUND, SKY_REQUEST_INVALID. */
export function getModelStatus(call: HttpCall, runtime: Runtime): void {
  const spec = requireModel(call, readFirstSpec(new ProtoReader(call.body)));
  const writer = new ProtoWriter();
  for (const status of statusOf(runtime, spec)) writer.message(1, () => writeStatus(writer, status));
  replyMessage(call, writer);
}

function writeStatus(writer: ProtoWriter, { version, state, error }: VersionStatus): void {
  writer.int64(1, version).integer(2, STATE_NUMBERS[state]);
  writer.message(3, () => {
    if (error) writer.integer(1, GRPC_CODE[error.grpc]).string(2, error.message);
  });
}
