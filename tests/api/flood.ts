/** What a flooding client sees of one answer. */
export interface Seen {
  status: number;
  retryAfter: string | null;
  left: string | null;
}

/** One GET. */
export async function ask(url: string, headers: Record<string, string>): Promise<Seen> {
  const response = await fetch(url, { headers });
  await response.arrayBuffer();
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    left: response.headers.get('ratelimit-remaining'),
  };
}

/** Asks all replicas in turn, ten at a time. */
export async function flood(
  urls: readonly string[],
  count: number,
  headersOf: (index: number) => Record<string, string>,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let first = 0; first < count; first += 10) {
    const some = Array.from({ length: Math.min(10, count - first) }, (_, at) => first + at);
    seen.push(
      ...(await Promise.all(some.map((index) => ask(urls[index % urls.length] ?? '', headersOf(index))))),
    );
  }
  return seen;
}

/** How many were let through. */
export const passed = (seen: readonly Seen[]): number => seen.filter(({ status }) => status !== 429).length;

/** The header that signs in with this token. */
export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
