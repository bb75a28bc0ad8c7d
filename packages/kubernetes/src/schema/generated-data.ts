import { readFileSync } from 'node:fs';

const FOLDER = new URL('./generated/', import.meta.url);

/** Reads one file that `tools/kube-schema` wrote. */
export function generatedBytes(name: string): Buffer {
  return readFileSync(new URL(name, FOLDER));
}

/** Parses one generated JSON file; its shape is the generator's promise and is covered by tests. */
export function generatedJson<T>(name: string): T {
  return JSON.parse(generatedBytes(name).toString('utf8')) as T;
}
