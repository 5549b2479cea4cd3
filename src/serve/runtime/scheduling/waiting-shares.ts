/** Who waits how much in one queue: jobs and rows of each tenant in each class. */
import type { JobHead } from './scheduler-types.ts';

interface Share {
  jobs: number;
  rows: number;
}

interface ClassShares {
  readonly tenants: Map<string, Share>;
  rows: number;
}

type Asking = Pick<JobHead, 'tenant' | 'priority'>;

export class WaitingShares {
  readonly #classes: Readonly<Record<JobHead['priority'], ClassShares>> = {
    interactive: { tenants: new Map(), rows: 0 },
    batch: { tenants: new Map(), rows: 0 },
  };

  get rows(): number {
    return this.#classes.interactive.rows + this.#classes.batch.rows;
  }

  add({ priority, tenant, rows }: JobHead): void {
    const shares = this.#classes[priority];
    shares.rows += rows;
    const share = shares.tenants.get(tenant);
    if (!share) shares.tenants.set(tenant, { jobs: 1, rows });
    else {
      share.jobs++;
      share.rows += rows;
    }
  }

  remove({ priority, tenant, rows }: JobHead): void {
    const shares = this.#classes[priority];
    const share = shares.tenants.get(tenant);
    if (!share) return;
    shares.rows -= rows;
    share.jobs--;
    share.rows -= rows;
    if (share.jobs === 0) shares.tenants.delete(tenant);
  }

  /** An estimate of the rows that run before one more job would: the others of its class go as often as its tenant does. */
  rowsBefore({ priority, tenant, rows }: JobHead): number {
    const { interactive, batch } = this.#classes;
    const shares = this.#classes[priority];
    const own = shares.tenants.get(tenant);
    const turns = shares.tenants.size + (own ? 0 : 1);
    const inClass = Math.min(shares.rows, ((own?.rows ?? 0) + rows) * turns);
    return shares === batch ? interactive.rows + inClass : inClass;
  }

  /**
   * Whose newest job makes way for one more job in a full queue: the lower class goes first, then the tenant that has most.
   * undefined: nobody has more of it than the one who asks.
   */
  mostGreedy({ priority, tenant }: Asking): Asking | undefined {
    const { batch } = this.#classes;
    if (priority === 'interactive' && batch.tenants.size > 0)
      return { priority: 'batch', tenant: largest(batch) };
    const shares = this.#classes[priority];
    if (shares.tenants.size === 0) return undefined;
    const most = largest(shares);
    const own = shares.tenants.get(tenant)?.jobs ?? 0;
    return (shares.tenants.get(most)?.jobs ?? 0) > own + 1 ? { priority, tenant: most } : undefined;
  }
}

function largest({ tenants }: ClassShares): string {
  let name = '';
  let most = 0;
  for (const [tenant, { jobs }] of tenants) if (jobs > most) [name, most] = [tenant, jobs];
  return name;
}
