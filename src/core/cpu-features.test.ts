import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuFeatures, parseCpuinfo } from './cpu-features.ts';

const X86 = `processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: EPYC
flags\t\t: fpu avx2 avx
processor\t: 1
flags\t\t: other
`;

test('the first processor of x86 counts, its flags in order', () => {
  assert.equal(parseCpuinfo(X86), 'AuthenticAMD/25/1// avx avx2 fpu');
});

test('ARM says Features', () => {
  const text = 'processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n';
  assert.equal(parseCpuinfo(text), '///0x41/0xd0c asimd fp');
});

test('a text without features says nothing', () => {
  assert.equal(parseCpuinfo(''), undefined);
  assert.equal(parseCpuinfo('flags\t\t: \n'), undefined);
});

test('this machine has features, and always the same', () => {
  assert.ok(cpuFeatures().startsWith(process.arch));
  assert.equal(cpuFeatures(), cpuFeatures());
});
