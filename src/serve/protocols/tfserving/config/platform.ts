/** The platform of a configured model: which one Skylift serves, and how the original words what is wrong. */

/** What the original calls what it was given, and ours. */
const PLATFORMS: ReadonlySet<string> = new Set(['tensorflow', 'onnx', 'onnxruntime', 'onnxruntime_onnx']);
const UNSPECIFIED: ReadonlySet<string> = new Set(['', '0', 'MODEL_TYPE_UNSPECIFIED']);
const TENSORFLOW: ReadonlySet<string> = new Set(['1', 'TENSORFLOW']);

/** What is wrong, undefined when nothing is. @param type name or number of the deprecated `model_type` */
export function platformProblem(type: string, platform: string): string | undefined {
  const hasType = !UNSPECIFIED.has(type);
  if (hasType && platform !== '')
    return 'Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform.';
  if (!hasType && platform === '')
    return 'Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform.';
  if (hasType ? TENSORFLOW.has(type) : PLATFORMS.has(platform)) return undefined;
  return `the platform ${hasType ? type : platform} is not served here; known: ${[...PLATFORMS].join(', ')}`;
}
