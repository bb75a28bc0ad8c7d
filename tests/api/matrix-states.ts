import type { Api } from './start-api.ts';

type Things = Readonly<Record<string, string>>;

/**
 * Operations that succeed only in a state of their own, and how the things of a request come into it; what is answered is
 * more to name. Whoever may not is refused in this state too.
 */
const states: Readonly<Record<string, (api: Api, things: Things) => Promise<Things | void>>> = {
  'group.add-member': async (api, { group }) => {
    await api.query('delete from group_members where group_id = $1', [group]);
  },
  'group.create': onlyThisGroup,
  'group.rename': onlyThisGroup,
  'member.add': async (api) => ({ outsider: (await api.person(`outsider-${crypto.randomUUID()}`)).email }),
  'organization.delete': async (api, { organization }) => {
    await api.query('update workspaces set deleted_at = now() where organization_id = $1', [organization]);
  },
  'organization.require-second-factor': async (api, { organization }) => {
    await api.query(
      `update sessions set second_factor_at = now() where user_id in (
         select user_id from memberships where organization_id = $1 and role = 'owner')`,
      [organization],
    );
  },
  'organization.restore': async (api, { organization }) => {
    await api.query(
      `update organizations set deletion_requested_at = now(), delete_after = now() + interval '1 hour' where id = $1`,
      [organization],
    );
  },
  'workspace.upgrade': async (api, { workspace }) => {
    await api.query(`update workspaces set running_version = 'v1.34.4' where id = $1`, [workspace]);
  },
};

/** What `readyFor` needs of the installation: a deletion can be taken back, and there is a version to go to. */
export const portsOfStates = {
  deletionGraceMs: 3_600_000,
  kubernetesVersions: async () => ['1.34', '1.35'],
};

/** Whether the operation has a state of its own: things in it are of no use to other operations. */
export function hasState(operationId: string): boolean {
  return Object.hasOwn(states, operationId);
}

/** Brings the things into the state in which the operation succeeds for whoever may. */
export async function readyFor(
  operationId: string,
  api: Api,
  things: Things,
): Promise<Record<string, string>> {
  return { ...things, ...(hasState(operationId) && (await states[operationId]?.(api, things))) };
}

/** What requests have changed in the organization itself is as it was: it stays, and asks for nothing. */
export async function restoreStates(api: Api): Promise<void> {
  await api.query(
    `update organizations set deletion_requested_at = null, delete_after = null, require_second_factor = false
     where deletion_requested_at is not null or require_second_factor`,
  );
}

/** The name that a request gives is nobody's. */
async function onlyThisGroup(api: Api, { organization, group }: Things): Promise<void> {
  await api.query('delete from groups where organization_id = $1 and id <> $2', [organization, group]);
}
