/** The public API. Hand-written: at most 40 names, each documented where it is defined. */
export { openModel } from './api/open-model.ts';
export type { OpenModel, PredictOptions } from './api/open-model.ts';
export { serve } from './api/serve.ts';
export type { AuthOptions, RunningServer, ServeOptions } from './api/serve.ts';
export type { GrpcOptions, HttpOptions } from './api/listeners.ts';
export type { ModelOptions } from './api/model-configs.ts';
export type { ServeEvent } from './api/serve-events.ts';
export type { WorkshopOptions } from './api/workshop.ts';
export type { TlsPaths } from './serve/server/tls/tls-source.ts';
export { isSkyliftError, SkyliftError } from './core/errors.ts';
export type { ErrorCode } from './core/error-codes.ts';
export type { LimitName, Limits } from './core/limits.ts';
export type { Log } from './core/log.ts';
export type { PackageManifest, Signature } from './package/manifest.ts';
export type { ThreadOptions, ThreadProfile } from './serve/runtime/loading/thread-plan.ts';
export type { TransitionOrder, VersionPolicy } from './serve/runtime/versions/version-policy.ts';
export type { DataType, Tensor, TensorSpec } from './tensor/tensor.ts';
export { tensor, tensorValues } from './tensor/values.ts';
