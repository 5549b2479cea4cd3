/** TensorFlow Serving's texts for values that do not fit their tensor (util/json_tensor.cc). All are 400. */
import { SkyliftError } from '../../../core/errors.ts';
import type { JsonKind } from '../../../tensor/json/grammar.ts';
import type { Ragged } from '../../../tensor/json/scan-numbers.ts';
import type { DataType } from '../../../tensor/tensor.ts';
import { DTYPE_NAMES } from './dtypes.ts';
import { valueError } from './json-body.ts';
import type { JsonBody } from './json-body.ts';

const TYPE_WORDS: Readonly<Record<Exclude<JsonKind, 'end'>, string>> = {
  null: 'Null',
  false: 'False',
  true: 'True',
  object: 'Object',
  array: 'Array',
  string: 'String',
  number: 'Number',
};

/** A value of another type than the elements of the tensor have. */
export function typeError(
  body: JsonBody,
  offset: number,
  kind: Exclude<JsonKind, 'end'>,
  dtype: DataType,
): SkyliftError {
  const text = `Type: ${TYPE_WORDS[kind]} is not of expected type: ${DTYPE_NAMES[dtype].word}`;
  return valueError(body, offset, text, 'SKY_TENSOR_INVALID');
}

/** Lists that make no rectangle. */
export function raggedError(body: JsonBody, ragged: Ragged): SkyliftError {
  const { level } = ragged;
  switch (ragged.problem) {
    case 'value-at-level': {
      const text = `found at incorrect level: ${level + 1} in the JSON DOM. Expected at level: ${ragged.rank}`;
      return valueError(body, ragged.offset, text, 'SKY_TENSOR_INVALID');
    }
    case 'list-at-level':
      return shapeError(`Encountered list at unexpected level: ${level} expected < ${ragged.rank}`);
    case 'size':
      return shapeError(
        `Encountered list at unexpected size: ${ragged.size} at level: ${level} expected size: ${ragged.expected}`,
      );
  }
}

/** SKY_TENSOR_INVALID with a text that quotes no value. */
export function shapeError(message: string): SkyliftError {
  return new SkyliftError('SKY_TENSOR_INVALID', message);
}
