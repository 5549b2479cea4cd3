/** Which files and folders hold a model, told by their names alone. */

/** What this release serves. */
const ONNX_EXTENSION = '.onnx';

/** Endings of single files that hold a whole model, some of other releases or other tools. */
const MODEL_EXTENSIONS = [
  ONNX_EXTENSION,
  '.gguf',
  '.safetensors',
  '.pb',
  '.tflite',
  '.keras',
  '.h5',
  '.pt',
  '.pth',
  '.pkl',
  '.joblib',
] as const;

/** Folders of other tools, known by a file that all of them have. */
const FOREIGN_FOLDERS = [
  { what: 'a TensorFlow SavedModel', mark: 'saved_model.pb' },
  { what: 'a TensorFlow.js model', mark: 'model.json' },
  { what: 'a Hugging Face model', mark: 'config.json' },
] as const;

/** True for names that end like a model file, whatever their letter case. */
export function isModelFileName(name: string): boolean {
  const folded = name.toLowerCase();
  return MODEL_EXTENSIONS.some((extension) => folded.endsWith(extension) && folded !== extension);
}

/**
 * What a folder with these files holds: the name of its one model file, a model of another tool, or undefined. One .onnx
 * file wins over everything beside it: other tools put it next to their own files.
 */
export function judgeFolder(
  files: readonly string[],
):
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'foreign'; readonly what: string }
  | undefined {
  const models = files.filter(isModelFileName);
  const onnx = onlyOne(models.filter((name) => name.toLowerCase().endsWith(ONNX_EXTENSION)));
  if (onnx !== undefined) return { kind: 'file', name: onnx };
  const what = FOREIGN_FOLDERS.find(({ mark }) => files.includes(mark))?.what;
  if (what !== undefined) return { kind: 'foreign', what };
  const model = onlyOne(models);
  return model === undefined ? undefined : { kind: 'file', name: model };
}

function onlyOne(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined;
}
