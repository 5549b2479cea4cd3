/*
 * Starts one entry of the command line: the source in a checkout, the build in an installed package.
 * Old syntax on purpose: on an old Node it must still be able to say one line and exit 2.
 */
'use strict';

var WANTED_MAJOR = 24;

module.exports = function start(entry) {
  if (Number(process.versions.node.split('.')[0]) < WANTED_MAJOR) {
    process.stderr.write(
      'Skylift needs Node.js >= ' +
        WANTED_MAJOR +
        '; this is ' +
        process.versions.node +
        '. Install a newer one: https://nodejs.org\n',
    );
    process.exit(2);
  }
  var fs = require('node:fs');
  var path = require('node:path');
  var url = require('node:url');
  cacheCompiledCode(path);
  var root = path.join(__dirname, '..');
  var built = path.join(root, 'dist', 'cli', entry + '.js');
  var source = path.join(root, 'src', 'cli', entry + '.ts');
  var file = fs.existsSync(source) ? source : built; // a build beside the source may be old
  void import(url.pathToFileURL(file).href).then(function (module) {
    return module.runProcess();
  });
};

/* The cache holds code that will run, so it lies in a folder of this user, never in a shared one. */
function cacheCompiledCode(path) {
  var home = process.env.XDG_CACHE_HOME || (process.env.HOME && path.join(process.env.HOME, '.cache'));
  if (home) require('node:module').enableCompileCache(path.join(home, 'skylift', 'compile'));
}
