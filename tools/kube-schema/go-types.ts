import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** One field of a Go struct that is visible in JSON. */
export interface GoField {
  jsonName: string;
  /** Go type with imports resolved, such as `[]core.v1.Container`. */
  goType: string;
  pointer: boolean;
  omitEmpty: boolean;
  inline: boolean;
  /** Field number of the protobuf encoding, where the field has one. */
  number: number | undefined;
}

/** A struct's fields, or the type that a named type stands for. */
export type GoType = { fields: GoField[] } | { underlying: string };

/** All types of one Go package folder, by name with the package in front: `core.v1.PodSpec`. */
export function readGoPackage(folder: string): Map<string, GoType> {
  const version = basename(folder);
  const packageName = `${basename(dirname(folder))}.${version}`;
  const types = new Map<string, GoType>();
  for (const file of ['types.go', 'fieldsv1_byte.go']) {
    const path = join(folder, file);
    if (existsSync(path)) readFile(readFileSync(path, 'utf8'), packageName, types);
  }
  return types;
}

function readFile(source: string, packageName: string, types: Map<string, GoType>): void {
  const imports = readImports(source);
  const resolve = (goType: string) => resolveType(goType, packageName, imports);
  for (const [, name, body] of source.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    types.set(`${packageName}.${name ?? ''}`, { fields: readFields(body ?? '', resolve) });
  }
  for (const [, name, underlying] of source.matchAll(/^type (\w+) =? ?((?!struct|interface)[\w[\].*]+)$/gm)) {
    types.set(`${packageName}.${name ?? ''}`, { underlying: resolve(underlying ?? '') });
  }
}

function readImports(source: string): Map<string, string> {
  const imports = new Map<string, string>();
  for (const [, alias, path] of source.matchAll(/^(?:import)?\s*(\w+)? ?"(k8s\.io\/[^"]+)"$/gm)) {
    const parts = (path ?? '').split('/');
    const last = parts.at(-1) ?? '';
    const resolved = /^v\d/.test(last) ? `${parts.at(-2) ?? ''}.${last}` : last;
    imports.set(alias ?? last, resolved);
  }
  return imports;
}

function readFields(body: string, resolve: (goType: string) => string): GoField[] {
  const fields: GoField[] = [];
  for (const [, , declared, tags] of body.matchAll(/^\t(?:(\w+)\s+)?(\S+)\s+`([^`]+)`/gm)) {
    const json = /json:"([^"]*)"/.exec(tags ?? '')?.[1];
    if (json === undefined || json.startsWith('-')) continue;
    const options = json.split(',');
    const goType = declared ?? '';
    fields.push({
      jsonName: options[0] ?? '',
      goType: resolve(goType.replace(/^\*/, '')),
      pointer: goType.startsWith('*'),
      omitEmpty: options.includes('omitempty'),
      inline: (options[0] ?? '') === '',
      number: protobufNumber(tags ?? ''),
    });
  }
  return fields;
}

function protobufNumber(tags: string): number | undefined {
  const number = /protobuf:"\w+,(\d+)/.exec(tags)?.[1];
  return number === undefined ? undefined : Number(number);
}

function resolveType(goType: string, packageName: string, imports: Map<string, string>): string {
  return goType.replaceAll(/(?:(\w+)\.)?([A-Z]\w*)/g, (_, alias: string | undefined, name: string) =>
    alias === undefined ? `${packageName}.${name}` : `${imports.get(alias) ?? alias}.${name}`,
  );
}
