/** What kernels are chosen by: the instruction set of this processor. Source: proc_cpuinfo(5). */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Instruction sets and model in one line; equal lines mean equal kernels. */
export function cpuFeatures(): string {
  return `${process.arch} ${readCpuinfo() ?? cpus()[0]?.model ?? 'unknown'}`;
}

/** Of the first processor: x86 has `flags`, ARM `Features`. Undefined when the text names none. */
export function parseCpuinfo(text: string): string | undefined {
  const field = (name: string): string =>
    new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  const features = field('flags') || field('Features');
  if (features === '') return undefined;
  const model = ['vendor_id', 'cpu family', 'model', 'CPU implementer', 'CPU part'].map(field).join('/');
  return `${model} ${features.split(/\s+/).toSorted().join(' ')}`;
}

function readCpuinfo(): string | undefined {
  try {
    return parseCpuinfo(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return undefined;
  }
}
