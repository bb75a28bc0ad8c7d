import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Node } from 'yaml';
import { findDuplicates } from './duplicate-keys.ts';

/** A request body as a value, with what JSON.parse or a YAML reader would silently swallow. */
export interface ParsedBody {
  value: unknown;
  /** In upstream's wording: `duplicate field "spec.replicas"`. The last one won. */
  duplicates: string[];
}

/** Thrown for a body that is no JSON or YAML; the message is for the client. */
export class BodyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BodyError';
  }
}

/**
 * Parses a JSON body and reports duplicate keys. Integers that JavaScript cannot hold exactly are refused rather than changed.
 * Throws `BodyError`.
 */
export function parseStrict(text: string): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BodyError(error instanceof Error ? error.message : String(error));
  }
  const { duplicates, unsafeInteger } = findDuplicates(text);
  if (unsafeInteger !== undefined) {
    throw new BodyError(
      `json: cannot unmarshal number ${unsafeInteger} into Go value of type int64: beyond 2^53 it would lose precision`,
    );
  }
  return { value, duplicates };
}

/** Parses a YAML body (JSON included), with YAML 1.1 booleans as Go's reader. Throws `BodyError`. */
export function parseYaml(text: string): ParsedBody {
  if (/^\s*[{[]/.test(text)) {
    try {
      return parseStrict(text);
    } catch {
      // Flow-style YAML also starts with a bracket.
    }
  }
  if (text.length > yamlCharactersMax || nestsTooDeep(text)) {
    throw new BodyError(
      'error converting YAML to JSON: yaml: too large or nested too deep; send JSON instead',
    );
  }
  try {
    return readDocument(text);
  } catch (error) {
    if (error instanceof BodyError) throw error;
    // The reader gives up on aliases that multiply and on depth beyond its stack.
    throw new BodyError(
      'error converting YAML to JSON: yaml: document contains excessive aliasing or nesting',
    );
  }
}

/** Reading YAML takes about 3 µs a character, and nobody else is served meanwhile; clients send large objects as JSON. */
const yamlCharactersMax = 256 * 1024;
const yamlDepthMax = 1000;
const manyDashes = /(?:[-?:][ \t]+){200}/;

/** Counts brackets wherever they stand: more than so many open ones are in no honest text either. */
function nestsTooDeep(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') depth = Math.max(0, depth - 1);
    if (depth > yamlDepthMax) return true;
  }
  return manyDashes.test(text);
}

function readDocument(text: string): ParsedBody {
  const document = parseDocument(text, {
    version: '1.1',
    uniqueKeys: false,
    // Go's reader has no sexagesimal numbers and leaves dates as text.
    customTags: (tags) =>
      tags.filter(
        (tag) => typeof tag === 'string' || (tag.format !== 'TIME' && !tag.tag.endsWith(':timestamp')),
      ),
  });
  const failure = document.errors[0];
  if (failure)
    throw new BodyError(`error converting YAML to JSON: yaml: ${failure.message.split('\n')[0] ?? ''}`);
  const duplicates: string[] = [];
  collectDuplicates(document.contents, text, duplicates);
  return { value: document.toJS({ maxAliasCount: 100 }), duplicates };
}

function collectDuplicates(node: unknown, text: string, found: string[]): void {
  if (isSeq(node)) for (const item of node.items) collectDuplicates(item, text, found);
  if (!isMap(node)) return;
  const seen = new Set<unknown>();
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? key.value : undefined;
    if (name !== undefined && seen.has(name))
      found.push(`line ${lineOf(key, text)}: key ${JSON.stringify(name)} already set in map`);
    seen.add(name);
    collectDuplicates(value, text, found);
  }
}

function lineOf(node: unknown, text: string): number {
  const range = isScalar(node) ? (node satisfies Node).range : undefined;
  return text.slice(0, range?.[0] ?? 0).split('\n').length;
}
