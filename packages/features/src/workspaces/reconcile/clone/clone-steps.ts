import { ContentTooLargeError } from '@hexabase/cluster/copy/content.ts';
import { readContent } from '@hexabase/cluster/copy/read-content.ts';
import { writePart } from '@hexabase/cluster/copy/write-content.ts';
import type { TenantState } from '@hexabase/cluster/port.ts';
import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { isAppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { done, type Step, type StepResult } from '@hexabase/reconcile/reconciler.ts';
import { usedAbove } from '../plan-fit.ts';
import type { WorkspaceSubject } from '../store.ts';
import { clockOf, type TenantDeps } from '../tenant.ts';
import { keepCopy, noteRefused, noteWritten, openPart, readSealedPart, sealPart } from './copy-store.ts';

export interface CloneDeps extends TenantDeps {
  /** Locks away what was read until it is written: it holds secrets. */
  vault: KeyVault;
  /** What was read is looked up where it is written, not in every pass. */
  database: Pick<Database, 'asWorker'>;
}

const sourcePollMs = 1_000;
/**
 * A new cluster may refuse what it takes a moment later: its own controllers make what is missing. Tries are counted, not
 * time: whoever could not try, because a worker or the cluster was away, has not been refused.
 */
const refusalsMax = 60;
const refusedPollMs = 2_000;
/** What is kept of a source, compressed. etcd itself holds 2 GiB by default. */
const keptCharactersMax = 100_000_000;

/** Reads the source at one moment and keeps that; the moment stays the same however often the rest is begun again. */
export function readSourceStep(deps: CloneDeps): Step<WorkspaceSubject> {
  return {
    name: 'read-source',
    words: 'Reading the workspace that is cloned',
    timeoutMs: 120_000,
    run: async ({ subject, signal }) => {
      if (subject.sourceWasRead || subject.cloneOf === null) return done;
      const sourceId = brandId<'Workspace'>(subject.cloneOf);
      const state = await deps.driver.observeTenant(sourceId, { signal });
      const copying = await deps.driver.copying?.(sourceId);
      const obstacle = obstacleOf(state, copying?.whileAsleep === true);
      if (obstacle) return obstacle;
      const client = deps.driver.tenantClient(sourceId);
      const above = await usedAbove({ client, signal }, subject.size);
      if (above !== null) return refused('SourceAbovePlan', sourceAbovePlan(subject.plan, above));
      const content = await readContent({
        client,
        signal,
        pack: (text, part) => sealPart(deps.vault, { workspaceId: subject.id, part }, text),
        packedCharactersMax: keptCharactersMax,
      }).catch(unlessTooLarge);
      if (content instanceof ContentTooLargeError) return refused('TooLarge', content.message);
      const takenAt = new Date(clockOf(deps).now()).toISOString();
      return { kind: 'done', write: (tx) => keepCopy(tx, subject.id, { content, takenAt }) };
    },
  };
}

/** Makes in the clone what was read, a part at a time; each turn notes how far it is and can be repeated. */
export function writeObjectsStep(deps: CloneDeps): Step<WorkspaceSubject> {
  return {
    name: 'write-objects',
    words: 'Copying the objects',
    timeoutMs: 120_000,
    run: async ({ subject, signal }) => {
      const { id, copy } = subject;
      if (copy === null) {
        if (subject.sourceWasRead)
          return refused('CopyLost', 'What was read of the source is not kept any more; clone it again');
        // It was read in this very pass: the next one has it.
        return stillCopying('The source was read');
      }
      const { written, parts } = copy;
      if (written === parts) {
        const message = `${copy.objects} objects, as they were at revision ${copy.revision} of the source`;
        return { kind: 'done', conditions: [contentCopied('True', 'Copied', message)] };
      }
      const of = { workspaceId: id, part: written };
      const sealed = await deps.database.asWorker((tx) => readSealedPart(tx, of), { signal });
      if (sealed === null) return stillCopying('The copy is not kept any more');
      try {
        const part = await openPart(deps.vault, of, sealed);
        await writePart({ client: deps.driver.tenantClient(id), signal }, part);
      } catch (error) {
        if (!isAppError(error, 'conflict')) throw error;
        if (copy.refusals + 1 >= refusalsMax) return refused('NotTaken', error.message);
        const turn = stillCopying(`${written} of ${parts} parts are copied. ${error.message}`);
        return { ...turn, requeueAfterMs: refusedPollMs, write: (tx) => noteRefused(tx, id) };
      }
      const turn = stillCopying(`${written + 1} of ${parts} parts are copied`);
      return { ...turn, write: (tx) => noteWritten(tx, id, written + 1) };
    },
  };
}

function sourceAbovePlan(plan: string, above: readonly string[]): string {
  return `The plan ${plan} is too small for what the workspace that is cloned needs: ${above.join(', ')}. Clone it with a larger plan`;
}

function unlessTooLarge(error: unknown): ContentTooLargeError {
  if (error instanceof ContentTooLargeError) return error;
  throw error;
}

function obstacleOf(state: TenantState, whileAsleep: boolean): StepResult | null {
  if (state.kind === 'absent')
    return refused('SourceGone', 'The workspace that was to be cloned is not there any more');
  if (state.asleep && !whileAsleep)
    return refused(
      'SourceAsleep',
      'The workspace that was to be cloned fell asleep before it was read; wake it',
    );
  if (state.ready || state.asleep) return null;
  const condition = contentCopied(
    'Unknown',
    'SourceNotReady',
    'The workspace that is cloned does not answer yet',
  );
  return { kind: 'wait', requeueAfterMs: sourcePollMs, condition };
}

function stillCopying(message: string): StepResult & { kind: 'wait' } {
  return { kind: 'wait', requeueAfterMs: 1, condition: contentCopied('False', 'Copying', message) };
}

function refused(reason: string, message: string): StepResult {
  return { kind: 'failed', terminal: true, condition: contentCopied('False', reason, message) };
}

function contentCopied(status: ConditionInput['status'], reason: string, message: string): ConditionInput {
  return { type: 'ContentCopied', status, reason, message };
}
