/**
 * Entry of the import process: imports one model and writes one JSON line to stdout. Whatever a hostile file does here,
 * it does to a process that may be ended at any time. The other end is child-importer.ts.
 */
import { toSkyliftError } from '../core/errors.ts';
import { diskFiles } from '../package/file-port.ts';
import { PackageStore } from '../package/store.ts';
import { importInto } from './import-model.ts';
import type { ImportOrder, ImportOutcome } from './import-order.ts';

async function carryOut({ storeDir, ...source }: ImportOrder): Promise<ImportOutcome> {
  try {
    const store = await PackageStore.open(storeDir, diskFiles, { limits: source.limits });
    return { dir: (await importInto(store, source)).dir };
  } catch (error) {
    return { error: toSkyliftError(error).toJSON() };
  }
}

// the parent wrote it: import-order.ts is both ends' agreement
const order = JSON.parse(process.argv[2] ?? '') as ImportOrder;
process.stdout.write(`${JSON.stringify(await carryOut(order))}\n`);
