/**
 * TensorFlow Serving's PlatformConfigMap: session and batching of its one platform are taken over. Sources:
 * tensorflow_serving/config/platform_config.proto, servables/tensorflow/saved_model_bundle_source_adapter.proto.
 */
import type { BatchingOptions } from '../../../runtime/loading/version-options.ts';
import { MessageReader } from '../../text-format/message-reader.ts';
import type { TextMessage } from '../../text-format/message-reader.ts';
import { parseTextFormat } from '../../text-format/text-format.ts';
import { readBatchingParameters } from './batching-parameters.ts';
import type { Understood } from './batching-parameters.ts';
import { readSessionConfig } from './session-config.ts';
import type { SessionConfig } from './session-config.ts';

const START = { line: 1, column: 1 };
const ADAPTER = /^\[[\w.-]+\/tensorflow\.serving\.(?:SavedModelBundle|SessionBundle)SourceAdapterConfig\]$/;

export interface PlatformConfig {
  readonly session: SessionConfig | undefined;
  readonly batching: BatchingOptions | undefined;
}

const NOTHING: Understood<PlatformConfig> = { value: { session: undefined, batching: undefined }, notes: [] };

/** Other fields of a SessionBundleConfig, which speak of TensorFlow's own files and graphs. */
const WITHOUT_EFFECT: readonly string[] = [
  'enable_model_warmup',
  'enable_session_metadata',
  'experimental_fixed_input_tensors',
  'experimental_num_tflite_interpreters_per_pool',
  'experimental_num_tflite_pools',
  'experimental_transient_ram_bytes_during_load',
  'load_threadpool_index',
  'mixed_precision',
  'model_warmup_options',
  'num_tflite_interpreters_per_pool',
  'num_tflite_pools',
  'prefer_tflite_model',
  'remove_unused_fields_from_bundle_metagraph',
  'resource_estimation_uses_validation_result',
  'run_model_warmup',
  'saved_model_config',
  'saved_model_tags',
  'session_run_load_threadpool_index',
  'session_target',
  'use_tflite_model',
  'wrap_session_with_no_threading_params',
];

/** Throws SKY_CONFIG_INVALID with line and column, also for a platform that is not TensorFlow. @param file its name, for messages */
export function parsePlatformConfig(text: string, file: string): Understood<PlatformConfig> {
  const reader = new MessageReader({ file, place: START, fields: parseTextFormat(text, file) });
  const entries = reader.messages('platform_configs');
  reader.end();
  let found = NOTHING;
  for (const entry of entries) {
    const map = new MessageReader(entry);
    const platform = map.string('key');
    const value = map.message('value');
    map.end();
    if (platform !== 'tensorflow')
      throw map.problem(`the platform ${JSON.stringify(platform)} is not served here`);
    if (found !== NOTHING) throw map.problem('platform_configs has the key "tensorflow" twice');
    found = value ? readPlatform(value) : { ...NOTHING };
  }
  return found;
}

/** PlatformConfig, with the adapter's configuration as a named Any in it. */
function readPlatform(message: TextMessage): Understood<PlatformConfig> {
  const reader = new MessageReader(message);
  const any = reader.message('source_adapter_config');
  reader.end();
  if (!any) return NOTHING;
  const type = any.fields.find(({ name }) => ADAPTER.test(name))?.name;
  if (type === undefined)
    throw new MessageReader(any).problem(
      'source_adapter_config holds no [type.googleapis.com/tensorflow.serving.SavedModelBundleSourceAdapterConfig]',
    );
  const holder = new MessageReader(any);
  const adapter = holder.message(type);
  holder.end();
  const legacy = adapter && readAdapter(adapter);
  return legacy ? readBundleConfig(legacy) : NOTHING;
}

function readAdapter(message: TextMessage): TextMessage | undefined {
  const reader = new MessageReader(message);
  const [legacy, config] = [reader.message('legacy_config'), reader.message('config')];
  reader.end();
  if (legacy && config) throw reader.problem('the adapter has legacy_config and config');
  return legacy ?? config;
}

function readBundleConfig(message: TextMessage): Understood<PlatformConfig> {
  const reader = new MessageReader(message);
  const [session, batching] = [reader.message('session_config'), reader.message('batching_parameters')];
  const ineffective = WITHOUT_EFFECT.filter((name) => reader.ignore(name));
  reader.end();
  const [sessionFound, batchingFound] = [
    session && readSessionConfig(session),
    batching && readBatchingParameters(batching),
  ];
  return {
    value: { session: sessionFound?.value, batching: batchingFound?.value },
    notes: [
      ...(sessionFound?.notes ?? []),
      ...(batchingFound?.notes ?? []),
      ...ineffective.map(
        (name) => `${message.file}: ${name} has no effect: models are no TensorFlow bundles here`,
      ),
    ],
  };
}
