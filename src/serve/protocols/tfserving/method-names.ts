/** Names of signature methods in metadata and error texts. */
import type { SignatureMethod } from '../../../package/manifest.ts';

/** Source: tensorflow/cc/saved_model/signature_constants.h; TensorFlow has no generate. */
export const METHOD_NAMES: Readonly<Record<SignatureMethod, string>> = {
  predict: 'tensorflow/serving/predict',
  classify: 'tensorflow/serving/classify',
  regress: 'tensorflow/serving/regress',
  generate: 'skylift/generate',
};
