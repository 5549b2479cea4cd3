/**
 * The one table of error codes (data, hence long). A record says how each code looks on every surface: HTTP status,
 * gRPC status, exit code, and what to do. docs/errors/<CODE>.md is generated from it; a test keeps both in step.
 */

/** Canonical status names of gRPC; REST and exit codes are derived surfaces of the same failure. */
export type GrpcStatus =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** One error code: `summary` ends no sentence with the values, those are in the message of each error. */
export interface ErrorRecord {
  readonly grpc: GrpcStatus;
  /** Process exit code: 1 failed, 2 usage, 3 invalid model or config, 4 unsupported, 5 not found or unreachable, 6 denied, 7 does not fit, 8 verification failed, 124 timeout, 130 interrupted. */
  readonly exit: number;
  /** HTTP status where HTTP has a more exact one than the canonical code's. */
  readonly http?: number;
  /** What happened, one sentence for the docs page. */
  readonly summary: string;
  /** The one command or edit that most likely mends it. */
  readonly hint: string;
}

/** HTTP status of each canonical code, as TensorFlow Serving maps them (util/net_http, http_rest_api_util). */
export const HTTP_STATUS: Readonly<Record<GrpcStatus, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** Numbers of the canonical codes on the wire (google/rpc/code.proto); OK is 0. */
export const GRPC_CODE: Readonly<Record<GrpcStatus, number>> = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};

const record = (grpc: GrpcStatus, exit: number, summary: string, hint: string): ErrorRecord => ({
  grpc,
  exit,
  summary,
  hint,
});

/** Every error that Skylift raises, by area. Codes are part of SemVer: rename only in a major version. */
export const ERROR_CODES = {
  // usage and configuration
  SKY_USAGE: record(
    'INVALID_ARGUMENT',
    2,
    'The command line cannot be understood.',
    'Run the command with --help; it starts with examples.',
  ),
  SKY_CONFIG_INVALID: record(
    'INVALID_ARGUMENT',
    3,
    'A setting has a value that is not allowed.',
    'Correct the named setting; `skylift serve --help` lists the allowed values.',
  ),
  SKY_CONFIG_OVERSUBSCRIBED: record(
    'INVALID_ARGUMENT',
    3,
    'Engines x threads is more than the cores that this process may use.',
    'Lower --engines or --threads, or leave both to `auto`.',
  ),
  SKY_LABEL_UNAVAILABLE: record(
    'FAILED_PRECONDITION',
    3,
    'A label was given to a version that does not answer requests.',
    'Load the version first, then move the label; or allow it with --allow_version_labels_for_unavailable_models.',
  ),
  SKY_NOT_SUPPORTED_YET: record(
    'UNIMPLEMENTED',
    4,
    'This form is understood, but this release cannot resolve it yet.',
    'Use a PATH or a NAME in the local store.',
  ),
  SKY_INTERRUPTED: record('CANCELLED', 130, 'The command was interrupted.', 'Run it again.'),
  SKY_INTERNAL: record(
    'INTERNAL',
    1,
    'A defect in Skylift itself.',
    'Report it with the printed id and `skylift version`.',
  ),

  // references, store, packages
  SKY_REF_INVALID: record(
    'INVALID_ARGUMENT',
    2,
    'A model reference does not follow the grammar.',
    'Write PATH, NAME[:VERSION|:LABEL], oci://REF, s3://, gs://, azblob://, hf://ORG/REPO[@REV] or npm:PKG/FILE.',
  ),
  SKY_MODEL_NOT_FOUND: record(
    'NOT_FOUND',
    5,
    'No model with this name, version or path.',
    'Check the path, or list what the server has: GET /v1/models.',
  ),
  SKY_MODEL_NO_VERSIONS: record(
    'NOT_FOUND',
    5,
    'No servable version under the base path.',
    'Versions are integer sub-folders: mkdir 1 && mv the model files into it.',
  ),
  SKY_WARMUP_INVALID: record(
    'DATA_LOSS',
    3,
    'The file with recorded requests of a version cannot be replayed.',
    'Write it again, or start with --enable_model_warmup=false (tensorflow_model_server).',
  ),
  SKY_MODEL_FORMAT_UNKNOWN: record(
    'INVALID_ARGUMENT',
    3,
    'The file is in no format that this release imports.',
    'Give an .onnx file or a package directory that holds skylift.json.',
  ),
  SKY_PACKAGE_INVALID: record(
    'INVALID_ARGUMENT',
    3,
    'A package breaks the rules of skylift.json.',
    'Import the model again: skylift import FILE --out DIR.',
  ),
  SKY_PACKAGE_DIGEST_MISMATCH: record(
    'DATA_LOSS',
    8,
    'A file is not the one that the manifest describes.',
    'Copy or import the package again; the file changed after it was made.',
  ),
  SKY_PACKAGE_TOO_LARGE: record(
    'RESOURCE_EXHAUSTED',
    7,
    'The files of a package exceed a limit.',
    'Raise the named limit if you trust the files.',
  ),
  SKY_MODEL_UNAVAILABLE: record(
    'UNKNOWN', // as TensorFlow Serving answers a reload
    1,
    'Models of a new configuration do not answer.',
    'Ask for the status of each of them; the log says what went wrong.',
  ),
  SKY_MODEL_TOO_LARGE: record(
    'RESOURCE_EXHAUSTED',
    7,
    'A model needs more memory than all models together may take.',
    'Raise --model_memory_bytes, or serve the model with fewer engines.',
  ),
  SKY_PACKAGE_EXISTS: record(
    'ALREADY_EXISTS',
    1,
    'The output directory exists and is not empty.',
    'Choose another --out, or remove the directory.',
  ),
  SKY_STORE_LOCKED: record(
    'UNAVAILABLE',
    1,
    'Another process is writing to the store.',
    'Wait for it, or use another store: SKYLIFT_STORE=DIR.',
  ),
  SKY_STORE_UNSAFE: record(
    'PERMISSION_DENIED',
    6,
    'Another user of this machine could change the files of the store.',
    'Use a directory of your own that nobody else may write to: chmod go-w DIR, or SKYLIFT_STORE=DIR.',
  ),
  SKY_STORE_IO: record(
    'UNAVAILABLE',
    1,
    'The store could not be read or written.',
    'Check free space and permissions of the store directory, or choose another: SKYLIFT_STORE=DIR.',
  ),

  // ONNX files
  SKY_ONNX_MALFORMED: record(
    'INVALID_ARGUMENT',
    3,
    'The bytes are not a well-formed ONNX model.',
    'Export the model again and check that the copy is complete.',
  ),
  SKY_ONNX_INVALID: record(
    'INVALID_ARGUMENT',
    3,
    'The model breaks a rule of the ONNX specification.',
    "Run the exporter's own checker on the model and export it again.",
  ),
  SKY_ONNX_LIMIT: record(
    'RESOURCE_EXHAUSTED',
    7,
    'The model exceeds a limit of the reader.',
    'Raise the named limit if you trust the file.',
  ),
  SKY_ONNX_EXTERNAL_DATA: record(
    'INVALID_ARGUMENT',
    3,
    'External data of the model is missing, outside its folder, or of the wrong size.',
    'Put the weight files beside the .onnx file, as plain files with plain names.',
  ),
  SKY_ONNX_UNSUPPORTED: record(
    'UNIMPLEMENTED',
    4,
    'The model uses an operator domain, opset or type that is not allowed.',
    'Export with standard ONNX operators (ai.onnx, ai.onnx.ml, com.microsoft).',
  ),

  // importing
  SKY_IMPORT_FAILED: record(
    'INTERNAL',
    1,
    'The process that imports a model ended without a result.',
    'Run it again; if it happens again, report it with the last lines of stderr.',
  ),
  SKY_IMPORT_TIMEOUT: record(
    'DEADLINE_EXCEEDED',
    124,
    'The import of a model exceeded its time limit and was ended.',
    'Raise --import_limit_ms if the model is really that large.',
  ),

  // tensors and JSON
  SKY_JSON_MALFORMED: record(
    'INVALID_ARGUMENT',
    3,
    'The text is not JSON.',
    'Check the request body at the named offset.',
  ),
  SKY_TENSOR_INVALID: record(
    'INVALID_ARGUMENT',
    3,
    "A tensor's bytes, shape or values do not fit together.",
    'Compare dtype and shape with the signature: skylift inspect MODEL.',
  ),
  SKY_TENSOR_SHAPE_MISMATCH: record(
    'INVALID_ARGUMENT',
    3,
    'A tensor has another dtype or shape than the signature wants.',
    'Compare with the signature: skylift inspect MODEL, or GET /v1/models/NAME/metadata.',
  ),
  SKY_INPUT_UNKNOWN: record(
    'INVALID_ARGUMENT',
    3,
    'The request names an input or output that the signature does not have, or lacks one.',
    'Compare with the signature: skylift inspect MODEL.',
  ),
  SKY_SIGNATURE_NOT_FOUND: record(
    'FAILED_PRECONDITION',
    3,
    'The model has no signature of this name.',
    'List the signatures: skylift inspect MODEL.',
  ),

  // requests
  SKY_REQUEST_INVALID: record(
    'INVALID_ARGUMENT',
    3,
    'The request does not have the form that the protocol asks for.',
    'Compare with the example that the server prints at start.',
  ),
  SKY_REQUEST_TOO_LARGE: {
    ...record(
      'RESOURCE_EXHAUSTED',
      7,
      'The request is larger than a limit allows.',
      'Send smaller batches, or raise the named limit of the server.',
    ),
    http: 413, // tells a client not to send the same again, as 429 would
  },
  SKY_UNAUTHENTICATED: record(
    'UNAUTHENTICATED',
    6,
    'The request has no API key, or one that is not accepted.',
    'Send a key that is in force: `Authorization: Bearer KEY`, or `x-api-key: KEY`.',
  ),
  SKY_PERMISSION_DENIED: record(
    'PERMISSION_DENIED',
    6,
    'The API key of the request does not allow this.',
    'Ask whoever runs the server for a key that allows it: `skylift keys create FILE --permissions=… --models=…`.',
  ),
  SKY_ROUTE_NOT_FOUND: {
    ...record(
      'UNIMPLEMENTED', // as gRPC says it of an unknown method
      5,
      'Nothing answers under this path.',
      'See the URLs that the server prints at start.',
    ),
    http: 404,
  },
  SKY_DEADLINE_EXCEEDED: record(
    'DEADLINE_EXCEEDED',
    124,
    'The request was not finished before its deadline.',
    'Allow more time, or send less at once.',
  ),
  SKY_CANCELLED: record('CANCELLED', 130, 'The caller cancelled the request.', 'Nothing to do.'),
  SKY_OVERLOADED: record(
    'RESOURCE_EXHAUSTED',
    1,
    'The queue of this model is full, or the request could not be finished in time.',
    'Retry after the time in Retry-After; add engines or replicas if it stays.',
  ),
  SKY_UNAVAILABLE: record(
    'UNAVAILABLE',
    5,
    'The model is loading or no engine is ready for it.',
    'Retry after the time in Retry-After; GET /v1/models/NAME shows the state.',
  ),
  SKY_DRAINING: record(
    'UNAVAILABLE',
    5,
    'The server is shutting down.',
    'Send the request to another replica.',
  ),
  SKY_QUARANTINED: record(
    'UNAVAILABLE',
    1,
    'This request ended engine processes and is refused for a while.',
    'Check the input; report it with the printed id if it is legal.',
  ),

  // engines
  SKY_ENGINE_START: record(
    'UNAVAILABLE',
    1,
    'An engine process could not be started.',
    'Run `skylift doctor`; it checks the native library.',
  ),
  SKY_ENGINE_LOST: record(
    'UNAVAILABLE',
    1,
    'The engine process ended while it worked on the request.',
    "Retry; if it happens again, look at the server's log for the reason.",
  ),
  SKY_ENGINE_RUN: record(
    'INVALID_ARGUMENT',
    3,
    'The engine refused the inputs.',
    'Compare dtype and shape with the signature: skylift inspect MODEL.',
  ),
  SKY_ENGINE_LOAD: record(
    'FAILED_PRECONDITION',
    3,
    'The engine could not load the model.',
    'Run `skylift inspect MODEL`; export again with an opset that the engine knows.',
  ),
  SKY_ENGINE_DEVICE: record(
    'FAILED_PRECONDITION',
    4,
    'The installed engine cannot compute on the device that was asked for.',
    'Leave --device away to compute on the CPU.',
  ),
  SKY_ENGINE_PROTOCOL: record(
    'INTERNAL',
    1,
    'An engine process sent a frame that is not allowed.',
    'Report it with `skylift version`; the engine was ended.',
  ),
  SKY_ENGINE_TIMEOUT: record(
    'DEADLINE_EXCEEDED',
    124,
    "A run or load exceeded the server's limit and its engine was ended.",
    'Raise --run_limit_ms or --load_limit_ms if the model is really that slow.',
  ),

  // commands
  SKY_UNREACHABLE: record(
    'UNAVAILABLE',
    5,
    'The server at this address does not answer.',
    'Start it: skylift serve PATH. Check host and port.',
  ),
  SKY_REMOTE: record(
    'UNKNOWN',
    1,
    'The server answered with an error.',
    'Its message is part of this error.',
  ),
  SKY_PORT_IN_USE: record(
    'UNAVAILABLE',
    1,
    'The address is already in use.',
    'Choose another port: --rest_api_port=0 takes a free one.',
  ),
} as const satisfies Record<string, ErrorRecord>;

export type ErrorCode = keyof typeof ERROR_CODES;
