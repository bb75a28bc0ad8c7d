import { plainAgent } from '@hexabase/kernel/request-origin.ts';
import type { AccessEntry } from '../record/access-log.ts';
import type { Admitted } from '../admit.ts';
import type { Passage } from '../passage.ts';
import { requestObject } from '../request-verb.ts';

/** No path that means something is longer; what waits to be written must not be. */
const pathMax = 1_024;

/** What became of a request. */
export interface Told {
  /** With which it was answered; 0 without an answer. */
  status: number;
  stage: 'started' | 'ended';
  /** It changes something, the cluster has got it, and nobody can say whether that was done. */
  unknown?: boolean;
}

/** A request as the audit log has it. */
export function entryOf(
  { passage, admitted }: { passage: Passage; admitted: Admitted },
  { status, stage, unknown = false }: Told,
): Omit<AccessEntry, 'atMs'> {
  return {
    organizationId: admitted.workspace.organizationId,
    workspaceId: admitted.workspace.id,
    grantId: admitted.claims.access_grant ?? null,
    actorId: admitted.claims.sub,
    actorEmail: admitted.claims.email,
    action: `kube:${passage.verb.verb}`,
    target: `workspaces/${admitted.workspace.id}${passage.path.slice(0, pathMax)}`,
    outcome: outcomeOf(status),
    requestId: passage.requestId,
    address: passage.from || null,
    agent: plainAgent(passage.request.headers['user-agent']),
    details: {
      status,
      ...(unknown && { unknown }),
      ...(passage.verb.longRunning && { stage }),
      ...(passage.verb.selected !== undefined && { name: passage.verb.selected }),
      ...(admitted.claims.api_token !== undefined && { token: admitted.claims.api_token }),
    },
  };
}

/** The account, what it asks for and with which program. No names: who reads it may know of other projects than they do. */
export function wordsOf({ passage, admitted }: { passage: Passage; admitted: Admitted }): string {
  const { verb } = passage.verb;
  const { resource = 'of the API' } = requestObject(passage.path);
  const agent = plainAgent(passage.request.headers['user-agent']);
  const what = `${verb} ${resource.replaceAll(/[^\w ./-]/g, '?')}`;
  return `${admitted.claims.email}: ${what}${agent === null ? '' : `, ${agent}`}`;
}

function outcomeOf(status: number): AccessEntry['outcome'] {
  if (status === 401 || status === 403) return 'denied';
  return status === 0 || status >= 400 ? 'failed' : 'allowed';
}
