/**
 * The configuration file of `skylift serve --config`: JSON whose keys are the names of the flags, and `models`. The command
 * line and the environment stand above it.
 */
import { z } from 'zod';
import { SkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { ModelOptions } from '../index.ts';
import { documentPath, parseDocument } from '../package/json-document.ts';
import { readSettingsFile, UNREADABLE_HINT } from '../package/settings-file.ts';
import { parseVersion } from '../package/version-name.ts';

const MAX_VALUES = 100_000;
const FLAG_KEY = /^[a-z][a-z0-9_-]{0,63}$/;
const MODELS_KEY = 'models';
/** Flags that say where models are; beside `models` they would be a contradiction. */
const MODEL_FLAGS = ['model_base_path', 'model_config_file', 'model_repository', 'model_name'];

const version = z
  .union([z.int().min(0), z.string()], 'must be the number of a version')
  .transform((given, context) => {
    const parsed = parseVersion(String(given));
    if (parsed !== undefined) return parsed;
    context.addIssue('must be the number of a version');
    return z.NEVER;
  });

const model = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][\w.-]*$/, 'must be letters, digits, "_", "." and "-"'),
  path: z.string().min(1, 'must be a path'),
  versions: z.exactOptional(
    z.union(
      [
        z.literal('all').transform(() => ({ kind: 'all' }) as const),
        z
          .strictObject({ latest: z.int().min(1) })
          .transform(({ latest }) => ({ kind: 'latest', count: latest }) as const),
        z
          .array(version)
          .min(1)
          .transform((versions) => ({ kind: 'specific', versions }) as const),
      ],
      'must be "all", {"latest": N} or a list of versions',
    ),
  ),
  labels: z.exactOptional(z.record(z.string().min(1), version)),
  order: z.exactOptional(z.enum(['load-first', 'unload-first'])),
});

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const flagValue = z.union(
  [scalar, z.array(scalar).min(1)],
  'must be text, a number, true, false, or a list of them',
);

export interface ServeConfig {
  /** Flag, with underscores -> its texts, several for one that may be repeated. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** By served name; undefined when the file names none. */
  readonly models: Readonly<Record<string, ModelOptions>> | undefined;
}

/** Throws SKY_CONFIG_INVALID with the key that is wrong. @param known names of the flags that the file may give */
export async function readServeConfig(path: string, known: readonly string[]): Promise<ServeConfig> {
  const { bytes } = await readSettingsFile(path, LIMITS.max_config_bytes.default, UNREADABLE_HINT);
  return parseServeConfig(bytes, path, known);
}

/** As `readServeConfig`, for the bytes of a file. */
export function parseServeConfig(bytes: Uint8Array, path: string, known: readonly string[]): ServeConfig {
  const document = parseDocument(bytes, MAX_VALUES, (problem, cause) => invalid(`${path} ${problem}`, cause));
  const entries = checked(z.record(z.string(), z.unknown()), document, { path, at: [] });
  const flags = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(entries)) {
    if (key === MODELS_KEY) continue;
    const flag = key.replaceAll('-', '_');
    if (!FLAG_KEY.test(key) || !known.includes(flag) || flag === 'config') throw unknownKey(path, key, known);
    if (flags.has(flag)) throw invalid(`${path}: ${flag} is given twice, with dashes and with underscores`);
    flags.set(flag, [checked(flagValue, value, { path, at: [key] })].flat().map(String));
  }
  const models =
    MODELS_KEY in entries
      ? modelsOf(checked(z.array(model), entries[MODELS_KEY], { path, at: [MODELS_KEY] }), path)
      : undefined;
  const other = MODEL_FLAGS.find((flag) => flags.has(flag));
  if (models && other !== undefined)
    throw invalid(`${path}: models are given by ${MODELS_KEY} and by ${other}`);
  return { flags, models };
}

function modelsOf(
  given: readonly z.infer<typeof model>[],
  path: string,
): Readonly<Record<string, ModelOptions>> {
  const models = new Map<string, ModelOptions>();
  for (const { name, ...options } of given) {
    if (models.has(name)) throw invalid(`${path}: ${MODELS_KEY}: two models are named "${name}"`);
    models.set(name, options);
  }
  return Object.fromEntries(models);
}

interface Place {
  readonly path: string;
  readonly at: readonly PropertyKey[];
}

function checked<T>(schema: z.ZodType<T>, value: unknown, { path, at }: Place): T {
  const outcome = schema.safeParse(value);
  if (outcome.success) return outcome.data;
  const [issue] = outcome.error.issues;
  throw invalid(
    `${path}: ${documentPath([...at, ...(issue?.path ?? [])])}: ${issue?.message ?? 'is invalid'}`,
  );
}

function unknownKey(path: string, key: string, known: readonly string[]): SkyliftError {
  const close = known.find((flag) => flag.startsWith(key.slice(0, 4).replaceAll('-', '_')));
  return new SkyliftError(
    'SKY_CONFIG_INVALID',
    `${path}: ${JSON.stringify(key.slice(0, 64))} is no key of this file`,
    {
      hint:
        close === undefined
          ? 'The keys are "models" and the names of the flags; skylift serve --help lists them.'
          : `Did you mean: ${close}`,
    },
  );
}

function invalid(problem: string, cause?: unknown): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', problem, {
    hint: 'Correct the file; its keys are "models" and the names of the flags of skylift serve.',
    ...(cause !== undefined && { cause }),
  });
}
