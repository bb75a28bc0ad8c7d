import { StatusError } from '../api/status-error.ts';
import type { UserInfo } from '../types.ts';
import { forbidden } from './forbidden.ts';
import type { Decision } from './rbac.ts';
import type { Attributes, ResourceAttributes } from './rules.ts';

export interface Impersonation {
  /** Who really sends the request. */
  user: UserInfo;
  /** Names and values in turn, as received (`IncomingMessage.rawHeaders`): joined headers would hide repeated ones. */
  rawHeaders: readonly string[];
  authorize(user: UserInfo, request: Attributes): Decision;
}

const extraPrefix = 'impersonate-extra-';

/**
 * The user that the request acts as: the sender, or whom the `Impersonate-*` headers name, after each part was allowed
 * by the verb `impersonate` (apiserver's impersonation filter). Throws 403 for what is not allowed, 400 for headers
 * that say it twice, name no user, or are unknown.
 */
export function actingUser({ user, rawHeaders, authorize }: Impersonation): UserInfo {
  const wanted = readHeaders(rawHeaders);
  if (!wanted) return user;
  for (const request of requestsFor(wanted)) {
    const { allowed, reason } = authorize(user, request);
    if (!allowed) throw forbidden(user, request, reason);
  }
  return {
    username: wanted.username,
    ...(wanted.uid !== '' && { uid: wanted.uid }),
    groups: withSignInGroup(wanted),
    ...(wanted.extra.size > 0 && { extra: Object.fromEntries(wanted.extra) }),
  };
}

interface Wanted {
  username: string;
  uid: string;
  groups: string[];
  extra: Map<string, string[]>;
}

function readHeaders(rawHeaders: readonly string[]): Wanted | undefined {
  const single = new Map<string, string>();
  const groups: string[] = [];
  const extra = new Map<string, string[]>();
  let found = false;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    if (!name.startsWith('impersonate-')) continue;
    found = true;
    if (name === 'impersonate-group') groups.push(value);
    else if (name.startsWith(extraPrefix)) {
      const key = decodeKey(name.slice(extraPrefix.length));
      extra.set(key, [...(extra.get(key) ?? []), value]);
    } else if (name === 'impersonate-user' || name === 'impersonate-uid') {
      if (single.has(name)) throw badRequest(`the header ${name} was sent twice`);
      single.set(name, value);
    } else throw badRequest(`unknown impersonation header ${name}`);
  }
  if (!found) return undefined;
  const username = single.get('impersonate-user') ?? '';
  if (username === '') throw badRequest('requested impersonation without impersonating a user');
  return { username, uid: single.get('impersonate-uid') ?? '', groups, extra };
}

function* requestsFor({ username, uid, groups, extra }: Wanted): Generator<ResourceAttributes> {
  const base = { verb: 'impersonate', group: '', subresource: '', namespace: '' };
  const account = serviceAccountOf(username);
  if (account) yield { ...base, resource: 'serviceaccounts', ...account };
  else yield { ...base, resource: 'users', name: username };
  for (const name of groups) yield { ...base, resource: 'groups', name };
  const authentication = { ...base, group: 'authentication.k8s.io' };
  for (const [subresource, values] of extra) {
    for (const name of values) yield { ...authentication, resource: 'userextras', subresource, name };
  }
  if (uid !== '') yield { ...authentication, resource: 'uids', name: uid };
}

function withSignInGroup({ username, groups }: Wanted): string[] {
  const account = serviceAccountOf(username);
  const own =
    groups.length === 0 && account
      ? ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`]
      : groups;
  const isMarked =
    own.includes('system:unauthenticated') ||
    (username !== 'system:anonymous' && own.includes('system:authenticated'));
  if (isMarked) return own;
  return [...own, username === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated'];
}

function serviceAccountOf(username: string): { namespace: string; name: string } | undefined {
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username);
  return match?.[1] && match[2] ? { namespace: match[1], name: match[2] } : undefined;
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}
