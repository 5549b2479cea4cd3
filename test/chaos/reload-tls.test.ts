import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reloadTls } from './reload-tls.ts';

test('a certificate is renewed a hundred times under load: no handshake fails, each new one is served', async () => {
  const { failures, handshakes } = await reloadTls({ reloads: 100, clients: 4 });
  assert.deepEqual(failures, []);
  assert.ok(handshakes >= 100);
});
