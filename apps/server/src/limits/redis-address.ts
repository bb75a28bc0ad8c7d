/** Where a Redis listens, and as whom to come. */
export interface RedisAddress {
  host?: string;
  port?: number;
  /** A Unix socket instead. */
  path?: string;
  /** Present with TLS; certificates are checked as everywhere in Node. */
  tls?: object;
  username?: string;
  password?: string;
  db: number;
}

const defaultPort = 6_379;

/**
 * Reads `redis://user:password@host:6379/0`, `rediss://…` for TLS, and the path of a Unix socket, which takes the rest as
 * `/run/redis.sock?user=…&password=…&db=0`. Null for anything else: a slip must not end at another Redis.
 */
export function readRedisUrl(text: string): RedisAddress | null {
  const url = URL.parse(text.startsWith('/') ? `unix://${text}` : text);
  if (!url || url.hash !== '') return null;
  const given = url.protocol === 'unix:' ? socketOf(url) : serverOf(url);
  if (!given || !/^\d{0,5}$/.test(given.db)) return null;
  const { where, db } = given;
  try {
    const username = decodeURIComponent(given.username);
    const password = decodeURIComponent(given.password);
    if (username !== '' && password === '') return null;
    return { ...where, db: Number(db), ...(username && { username }), ...(password && { password }) };
  } catch {
    return null;
  }
}

interface Given {
  where: Omit<RedisAddress, 'db'>;
  username: string;
  password: string;
  db: string;
}

function serverOf({ protocol, hostname, port, username, password, pathname, search }: URL): Given | null {
  if (!/^rediss?:$/.test(protocol) || hostname === '' || search !== '') return null;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const where = { host, port: port === '' ? defaultPort : Number(port) };
  return {
    where: protocol === 'rediss:' ? { ...where, tls: {} } : where,
    username,
    password,
    db: pathname.replace(/^\//, ''),
  };
}

function socketOf({ hostname, pathname, searchParams }: URL): Given | null {
  const known = ['user', 'password', 'db'];
  if (hostname !== '' || ![...searchParams.keys()].every((key) => known.includes(key))) return null;
  const read = (key: string) => encodeURIComponent(searchParams.get(key) ?? '');
  return {
    where: { path: decodeURIComponent(pathname) },
    username: read('user'),
    password: read('password'),
    db: searchParams.get('db') ?? '',
  };
}
