/** Entry of the onnxruntime engine process. */
import { runEngine } from '../host/child-main.ts';
import { onnxruntimeNative } from './native.ts';

runEngine(onnxruntimeNative());
