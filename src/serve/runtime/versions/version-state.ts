/** Where a version is in its life. */

/** TensorFlow Serving's state names. */
export type VersionState = 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END';
