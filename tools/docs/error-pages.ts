/** docs/errors: one page per code of the error table, and the index. */
import { ERROR_CODES, GRPC_CODE } from '../../src/core/error-codes.ts';
import type { ErrorCode, ErrorRecord, GrpcStatus } from '../../src/core/error-codes.ts';
import { SkyliftError } from '../../src/core/errors.ts';
import { GENERATED_NOTE } from './page.ts';
import type { Page } from './page.ts';

export const ERRORS_FOLDER = 'docs/errors';

/** What the exit codes mean, as `skylift` and `tensorflow_model_server` use them. */
const EXIT_MEANINGS: Readonly<Record<number, string>> = {
  1: 'failed',
  2: 'usage',
  3: 'invalid model, input or configuration',
  4: 'unsupported',
  5: 'not found or unreachable',
  6: 'denied',
  7: 'does not fit',
  8: 'verification failed',
  124: 'timeout',
  130: 'interrupted',
};

/** Number of each canonical status and what a caller may conclude from it. */
const GRPC_MEANINGS: Readonly<Record<GrpcStatus, string>> = {
  CANCELLED: 'The caller gave up; nothing is wrong with the request.',
  UNKNOWN: 'The cause lies elsewhere; read the message before you try again.',
  INVALID_ARGUMENT: 'The same request or command will fail again until it is changed.',
  DEADLINE_EXCEEDED: 'The same request may succeed with more time or under less load.',
  NOT_FOUND: 'The same request will fail until the thing it names exists.',
  ALREADY_EXISTS: 'The same command will fail until what is in the way is gone.',
  PERMISSION_DENIED: 'The same request will fail until the caller is allowed to make it.',
  RESOURCE_EXHAUSTED: 'A limit was met: wait, send less, or raise the limit.',
  FAILED_PRECONDITION: 'The same request will fail until the model or the machine is changed.',
  ABORTED: 'Somebody else got there first; try again.',
  OUT_OF_RANGE: 'The same request will fail until it is changed.',
  UNIMPLEMENTED: 'This release cannot do it.',
  INTERNAL: 'A defect of ours; trying again may or may not help.',
  UNAVAILABLE: 'Nothing is wrong with the request; trying again later may succeed.',
  DATA_LOSS: 'Files are damaged or were changed; trying again does not help.',
  UNAUTHENTICATED: 'The same request will fail until the caller says who it is.',
};

/** Every page of docs/errors. */
export function errorPages(): readonly Page[] {
  const entries = Object.entries(ERROR_CODES) as [ErrorCode, ErrorRecord][]; // Object.entries forgets the keys
  return [
    { path: `${ERRORS_FOLDER}/README.md`, text: indexText(entries) },
    ...entries.map(([code, record]) => ({
      path: `${ERRORS_FOLDER}/${code}.md`,
      text: pageText(code, record),
    })),
  ];
}

function indexText(entries: readonly (readonly [ErrorCode, ErrorRecord])[]): string {
  return `${GENERATED_NOTE}

# Errors

Every failure has a code. It stands in the log line, in the \`--json\` output of a command and at the head of the message
on the terminal, and it has a page here. Codes, statuses and exit codes are part of the versioned interface.

| code | HTTP | gRPC | exit | what happened |
| --- | --- | --- | --- | --- |
${entries.map(([code, record]) => indexRow(code, record)).join('\n')}

Exit codes: 0 ok${Object.entries(EXIT_MEANINGS)
    .map(([exit, meaning]) => `, ${exit} ${meaning}`)
    .join('')}.
`;
}

function indexRow(code: ErrorCode, { grpc, exit, summary }: ErrorRecord): string {
  return `| [${code}](${code}.md) | ${statusOf(code)} | ${grpc} | ${exit} | ${escapeCell(summary)} |`;
}

function pageText(code: ErrorCode, { grpc, exit, summary, hint }: ErrorRecord): string {
  const retry = GRPC_MEANINGS[grpc];
  return `${GENERATED_NOTE}

# ${code}

${summary}

## What to do

${hint}

${retry}

## How it looks

| where | what |
| --- | --- |
| HTTP | status ${statusOf(code)} |
| gRPC | status ${grpc} (${GRPC_CODE[grpc]}) |
| exit code | ${exit}${EXIT_MEANINGS[exit] === undefined ? '' : ` (${EXIT_MEANINGS[exit]})`} |
| \`--json\` | \`{"error":{"code":"${code}","message":…,"hint":…,"docs":"${ERRORS_FOLDER}/${code}.md"}}\` |

The message names the values that were refused; this page cannot know them. [All errors](README.md)
`;
}

function statusOf(code: ErrorCode): number {
  return new SkyliftError(code, '').status;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}
