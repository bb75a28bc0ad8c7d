/** Headers that belong to one hop (RFC 9110 §7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
]);

/** Raw headers without those of the hop, also without those that `Connection` lists. Order and duplicates are kept. */
export function withoutHops(rawHeaders: readonly string[]): string[] {
  const listed = listedByConnection(rawHeaders);
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const lower = name.toLowerCase();
    if (!hopByHop.has(lower) && !listed.has(lower)) kept.push(name, rawHeaders[index + 1] ?? '');
  }
  return kept;
}

function listedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  const listed = new Set<string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'connection') continue;
    for (const option of (rawHeaders[index + 1] ?? '').split(',')) listed.add(option.trim().toLowerCase());
  }
  return listed;
}

/** Raw headers with the id of the request in the audit log, and no other. */
export function withAuditId(rawHeaders: readonly string[], id: string | string[] | undefined): string[] {
  const headers = typeof id === 'string' ? ['audit-id', id] : [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length !== 8 || name.toLowerCase() !== 'audit-id')
      headers.push(name, rawHeaders[index + 1] ?? '');
  }
  return headers;
}

/** Raw headers as they are written on the wire. */
export function headerLines(rawHeaders: readonly string[]): string {
  let lines = '';
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    lines += `${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`;
  return lines;
}
