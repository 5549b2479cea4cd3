#!/usr/bin/env node
/* Old syntax on purpose: any Node can read this file and say what is missing. */
'use strict';

require('./start.cjs')('main');
