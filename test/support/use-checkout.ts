/** Preloaded with `node --import`: `import … from 'skylift'` finds the source of this checkout, as if it were installed. */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const INDEX = pathToFileURL(join(import.meta.dirname, '..', '..', 'src', 'index.ts')).href;

registerHooks({
  resolve: (specifier, context, next) => next(specifier === 'skylift' ? INDEX : specifier, context),
});
