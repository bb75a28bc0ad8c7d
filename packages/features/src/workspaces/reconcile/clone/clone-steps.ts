import { ContentTooLargeError } from '@hexabase/cluster/copy/content.ts';
import { readContent } from '@hexabase/cluster/copy/read-content.ts';
import { inBatches, tieOwners, writeBatch } from '@hexabase/cluster/copy/write-content.ts';
import type { TenantState } from '@hexabase/cluster/port.ts';
import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { isAppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { done, type Step, type StepResult } from '@hexabase/reconcile/reconciler.ts';
import type { WorkspaceSubject } from '../store.ts';
import { clockOf, type TenantDeps } from '../tenant.ts';
import { keepCopy, noteWritten, openContent, readSealed, sealContent } from './copy-store.ts';

export interface CloneDeps extends TenantDeps {
  /** Locks away what was read until it is written: it holds secrets. */
  vault: KeyVault;
  /** What was read is looked up where it is written, not in every pass. */
  database: Pick<Database, 'asWorker'>;
}

/** After each so many objects it is noted how far the copy is. */
const objectsPerTurn = 100;
const sourcePollMs = 1_000;
/** A new cluster may refuse what it takes a moment later: its own controllers make what is missing. */
const settleMsMax = 120_000;
/** What is kept of a source, compressed. etcd itself holds 2 GiB by default; that much does not fit into one row. */
const keptCharactersMax = 100_000_000;

/** Reads the source at one moment and keeps that; the moment stays the same however often the rest is begun again. */
export function readSourceStep(deps: CloneDeps): Step<WorkspaceSubject> {
  return {
    name: 'read-source',
    words: 'Reading the workspace that is cloned',
    timeoutMs: 120_000,
    run: async ({ subject, signal }) => {
      if (subject.copy !== null || subject.cloneOf === null) return done;
      const sourceId = brandId<'Workspace'>(subject.cloneOf);
      const state = await deps.driver.observeTenant(sourceId, { signal });
      const copying = await deps.driver.copying?.(sourceId);
      const obstacle = obstacleOf(state, copying?.whileAsleep === true);
      if (obstacle) return obstacle;
      const content = await readContent(deps.driver.tenantClient(sourceId), signal).catch(unlessTooLarge);
      if (content instanceof ContentTooLargeError) return refused('TooLarge', content.message);
      const sealed = sealContent(deps.vault, subject.id, content);
      if (sealed.length > keptCharactersMax) return refused('TooLarge', new ContentTooLargeError().message);
      const told = {
        takenAt: new Date(clockOf(deps).now()).toISOString(),
        objects: content.objects.length,
        leftOut: content.leftOut.map(({ what, count }) => `${what}: ${count}`),
      };
      return { kind: 'done', write: (tx) => keepCopy(tx, subject.id, { sealed, told }) };
    },
  };
}

/** Makes in the clone what was read, some at a time; each turn notes how far it is and can be repeated. */
export function writeObjectsStep(deps: CloneDeps): Step<WorkspaceSubject> {
  return {
    name: 'write-objects',
    words: 'Copying the objects',
    timeoutMs: 120_000,
    run: async ({ subject, signal }) => {
      const { id, copy } = subject;
      // It was read in this very pass: the next one has it.
      if (copy === null) return stillCopying('The source was read');
      const sealed = await deps.database.asWorker((tx) => readSealed(tx, id), { signal });
      if (sealed === null) return stillCopying('The copy is not kept any more');
      const { objects, revision } = openContent(deps.vault, id, sealed);
      const target = { client: deps.driver.tenantClient(id), signal };
      const batches = inBatches(objects, objectsPerTurn);
      const batch = batches[copy.written];
      try {
        if (batch) await writeBatch(target, batch);
        else await tieOwners(target, objects);
      } catch (error) {
        const sinceMs = clockOf(deps).now() - (subject.operationStartedMs ?? 0);
        if (isAppError(error, 'conflict') && sinceMs > settleMsMax) return refused('NotTaken', error.message);
        throw error;
      }
      if (batch) {
        const turn = stillCopying(`${copy.written + 1} of ${batches.length} parts are copied`);
        return { ...turn, write: (tx) => noteWritten(tx, id, copy.written + 1) };
      }
      const message = `${objects.length} objects, as they were at revision ${revision} of the source`;
      return { kind: 'done', conditions: [contentCopied('True', 'Copied', message)] };
    },
  };
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
