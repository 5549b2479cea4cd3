/** The arrows of the house: which folder may import which. A line per folder: everything not listed is forbidden. */
const arrows = {
  core: [],
  tensor: ['core'],
  package: ['core', 'tensor'],
  formats: ['core', 'tensor', 'package'],
  engines: ['core', 'tensor', 'package'],
  'serve/runtime': ['core', 'tensor', 'package', 'engines'],
  'serve/protocols': ['core', 'tensor', 'package', 'serve/runtime'],
  'serve/server': ['core', 'tensor', 'package', 'engines', 'serve/runtime', 'serve/protocols'],
  client: ['core', 'tensor'],
  bench: ['core', 'tensor', 'client'],
  api: [
    'core',
    'tensor',
    'package',
    'formats',
    'engines',
    'serve/runtime',
    'serve/protocols',
    'serve/server',
  ],
  cli: [
    'api',
    'core',
    'tensor',
    'package',
    'formats',
    'engines',
    'serve/runtime',
    'serve/protocols',
    'serve/server',
    'client',
    'bench',
  ],
};

const folderRules = Object.entries(arrows).map(([folder, allowed]) => ({
  name: `arrows-of-${folder.replace('/', '-')}`,
  severity: 'error',
  comment: `${folder} may import ${allowed.join(', ') || 'nothing of ours'}`,
  from: { path: `^src/${folder}/` },
  to: {
    path: '^src/',
    pathNot: [folder, ...allowed]
      .map((name) => `^src/${name}/`)
      .concat(folder === 'cli' ? ['^src/index\\.ts$'] : []),
  },
}));

module.exports = {
  forbidden: [
    ...folderRules,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-native-outside-engines',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/engines/onnxruntime/' },
      to: { path: 'onnxruntime-node|node-llama-cpp' },
    },
    {
      name: 'no-formats-in-engines-siblings',
      severity: 'error',
      from: { path: '^src/engines/(host|onnxruntime)/' },
      to: { path: '^src/formats/' },
    },
    {
      name: 'no-dev-dependencies-in-src',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['node', 'import', 'types'] },
    exclude: { path: '\\.test\\.ts$' },
  },
};
