/** The message with which TensorFlow Serving and Triton alike say which versions of a model are served. */
import { LATEST_ONE } from '../../runtime/versions/version-policy.ts';
import type { VersionPolicy } from '../../runtime/versions/version-policy.ts';
import { MessageReader } from './message-reader.ts';
import type { TextMessage } from './message-reader.ts';

/** Of `num_versions`. */
interface Counts {
  readonly least: bigint;
  readonly most: bigint;
}

/** `latest`, `all` or `specific`; the newest version without the field. Throws the reader's problem. */
export function readVersionPolicy(reader: MessageReader, field: string, counts: Counts): VersionPolicy {
  const message = reader.message(field);
  if (!message) return LATEST_ONE;
  const choice = new MessageReader(message);
  const [latest, all, specific] = [
    choice.message('latest'),
    choice.message('all'),
    choice.message('specific'),
  ];
  choice.end();
  if ([latest, all, specific].filter((each) => each !== undefined).length > 1)
    throw choice.problem(`${field} has more than one of latest, all and specific`);
  if (latest) return readLatest(latest, counts);
  if (all) {
    new MessageReader(all).end();
    return { kind: 'all' };
  }
  return specific ? readSpecific(specific) : LATEST_ONE;
}

/** 0, where it is allowed, counts as 1. */
function readLatest(message: TextMessage, { least, most }: Counts): VersionPolicy {
  const reader = new MessageReader(message);
  const count = reader.integer('num_versions') ?? 1n;
  reader.end();
  if (count < least || count > most) throw reader.problem(`num_versions: ${count} is out of range`);
  return { kind: 'latest', count: Math.max(1, Number(count)) };
}

function readSpecific(message: TextMessage): VersionPolicy {
  const reader = new MessageReader(message);
  const versions = reader.integers('versions');
  reader.end();
  if (versions.length === 0) throw reader.problem('specific needs at least one of versions');
  return { kind: 'specific', versions };
}
