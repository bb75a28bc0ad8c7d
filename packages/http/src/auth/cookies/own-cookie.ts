import type { FastifyReply, FastifyRequest } from 'fastify';

interface OwnCookie {
  /** As it is called on http; `__Host-` stands before it on https. */
  name: string;
  /** What a value of ours looks like; everything else is taken for none. */
  pattern: RegExp;
  lifetimeSeconds: number;
  /** `Lax` for one that must come along when somebody else's page sends the browser back. */
  sameSite: 'Strict' | 'Lax';
}

/** The value that this browser has been given at this origin; null when it has none. */
export function readCookie(
  request: FastifyRequest,
  origin: string,
  cookie: Pick<OwnCookie, 'name' | 'pattern'>,
): string | null {
  const start = `${nameAt(origin, cookie)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(start))?.slice(start.length);
  return value !== undefined && cookie.pattern.test(value) ? value : null;
}

/**
 * Gives the browser a value that scripts and other sites never see. `__Host-` and Secure on https; without both on http,
 * where some browsers refuse them even on this machine.
 */
export function setCookie(
  reply: FastifyReply,
  origin: string,
  { value, ...cookie }: OwnCookie & { value: string },
): void {
  const secure = origin.startsWith('https:') ? '; Secure' : '';
  const rest = `Path=/; Max-Age=${cookie.lifetimeSeconds}; HttpOnly; SameSite=${cookie.sameSite}${secure}`;
  void reply.header('set-cookie', `${nameAt(origin, cookie)}=${value}; ${rest}`);
}

function nameAt(origin: string, { name }: Pick<OwnCookie, 'name'>): string {
  return origin.startsWith('https:') ? `__Host-${name}` : name;
}
