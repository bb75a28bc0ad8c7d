import { copyJson, isRecord, sameJson } from '../registry/object.ts';

/** A patch that cannot be applied to this object; becomes 422. */
export class PatchProblem extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PatchProblem';
  }
}

export interface Operation {
  op: string;
  path: string;
  from: string;
  value: unknown;
}

/** Reads RFC 6902 operations. Throws `PatchProblem`. */
export function parseJsonPatch(value: unknown): Operation[] {
  if (!Array.isArray(value))
    throw new PatchProblem('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  return value.map((entry: unknown) => {
    if (!isRecord(entry) || typeof entry['op'] !== 'string' || typeof entry['path'] !== 'string') {
      throw new PatchProblem('Unexpected kind: an operation needs op and path');
    }
    return {
      op: entry['op'],
      path: entry['path'],
      from: typeof entry['from'] === 'string' ? entry['from'] : '',
      value: entry['value'],
    };
  });
}

/** Applies RFC 6902 operations to a copy. Throws `PatchProblem`. */
export function applyJsonPatch(target: unknown, operations: readonly Operation[]): unknown {
  const holder: Record<string, unknown> = { root: copyJson(target) };
  for (const operation of operations) applyOperation(holder, operation);
  return holder['root'];
}

function applyOperation(holder: Record<string, unknown>, { op, path, from, value }: Operation): void {
  switch (op) {
    case 'add':
      return add(holder, path, copyJson(value));
    case 'remove':
      remove(holder, path, 'remove');
      return;
    case 'replace':
      if (read(holder, path) === missing) throw absent('replace', path);
      return put(holder, path, copyJson(value));
    case 'move': {
      const moved = remove(holder, from, 'move');
      return add(holder, path, moved);
    }
    case 'copy': {
      const source = read(holder, from);
      if (source === missing) throw absent('copy', from);
      return add(holder, path, copyJson(source));
    }
    case 'test': {
      const found = read(holder, path);
      const actual = found === missing ? undefined : found;
      if (!sameJson(actual ?? null, value ?? null)) throw new PatchProblem(`testing value ${path} failed`);
      return;
    }
    default:
      throw new PatchProblem(`Unexpected kind: ${op}`);
  }
}

const missing = Symbol('missing');

function tokens(path: string): string[] {
  if (path === '') return ['root'];
  if (!path.startsWith('/')) throw new PatchProblem(`invalid path "${path}"`);
  return [
    'root',
    ...path
      .slice(1)
      .split('/')
      .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~')),
  ];
}

function read(holder: Record<string, unknown>, path: string): unknown {
  let value: unknown = holder;
  for (const token of tokens(path)) {
    value = child(value, token);
    if (value === missing) return missing;
  }
  return value;
}

function child(value: unknown, token: string): unknown {
  if (Array.isArray(value)) {
    const index = arrayIndex(token, value.length);
    return index === undefined || index >= value.length ? missing : value[index];
  }
  if (!isRecord(value) || !Object.hasOwn(value, token)) return missing;
  return value[token];
}

function parentOf(
  holder: Record<string, unknown>,
  path: string,
  op: string,
): { parent: unknown; last: string } {
  const all = tokens(path);
  let parent: unknown = holder;
  for (const token of all.slice(0, -1)) {
    parent = child(parent, token);
    if (parent === missing)
      throw new PatchProblem(`${op} operation does not apply: doc is missing path: "${path}": missing value`);
  }
  return { parent, last: all.at(-1) ?? '' };
}

function add(holder: Record<string, unknown>, path: string, value: unknown): void {
  const { parent, last } = parentOf(holder, path, 'add');
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : arrayIndex(last, parent.length + 1);
    if (index === undefined || index > parent.length)
      throw new PatchProblem(
        `add operation does not apply: doc is missing path: "${path}": Unable to access invalid index: ${last}`,
      );
    parent.splice(index, 0, value);
  } else if (isRecord(parent)) define(parent, last, value);
  else throw absent('add', path);
}

function put(holder: Record<string, unknown>, path: string, value: unknown): void {
  const { parent, last } = parentOf(holder, path, 'replace');
  if (Array.isArray(parent)) parent[arrayIndex(last, parent.length) ?? parent.length] = value;
  else if (isRecord(parent)) define(parent, last, value);
}

function remove(holder: Record<string, unknown>, path: string, op: string): unknown {
  const { parent, last } = parentOf(holder, path, op);
  if (Array.isArray(parent)) {
    const index = arrayIndex(last, parent.length);
    if (index === undefined || index >= parent.length) throw absent(op, path);
    return parent.splice(index, 1)[0];
  }
  if (!isRecord(parent) || !Object.hasOwn(parent, last)) throw absent(op, path);
  const value = parent[last];
  delete parent[last];
  return value;
}

/** Own property even for `__proto__`. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function arrayIndex(token: string, length: number): number | undefined {
  if (/^-[1-9]\d*$/.test(token) && Number(token) >= -length) return length + Number(token);
  return /^(0|[1-9]\d*)$/.test(token) ? Number(token) : undefined;
}

function absent(op: string, path: string): PatchProblem {
  return new PatchProblem(`${op} operation does not apply: doc is missing key: ${path}: missing value`);
}
