import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { parseYamlWithSecrets } from '@hexabase/kernel/text/yaml-with-secrets.ts';
import { isErrno } from '@hexabase/kernel/process/process-identity.ts';
import { StartError } from './lifecycle/data-folder.ts';

const defaultPath = '/etc/hexabase/config.yaml';

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const value = z.union([scalar, z.array(scalar).transform((list) => list.join(','))]);

/**
 * Settings of the server from a YAML file, each under its name (`publicUrl: https://…`). The default place may be empty; a
 * file that was named must be there. Throws `StartError` for what is not YAML and for names that are no settings.
 */
export function readSettingsFile<Name extends string>(
  path: string | undefined,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const place = path ?? defaultPath;
  let text: string;
  try {
    text = readFileSync(place, 'utf8');
  } catch (error) {
    if (path === undefined && isErrno(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return {};
    throw new StartError(`The settings file ${place} cannot be read: ${reasonOf(error)}.`);
  }
  return settingsIn(text, { place, names });
}

function settingsIn<Name extends string>(
  text: string,
  { place, names }: { place: string; names: readonly Name[] },
): Partial<Record<Name, string>> {
  let content: unknown;
  try {
    content = parseYamlWithSecrets(text);
  } catch (error) {
    throw new StartError(`The settings file ${place} ${reasonOf(error)}.`);
  }
  const settings = z.partialRecord(z.enum(names), value).safeParse(content ?? {});
  if (settings.success) return settings.data;
  throw new StartError(
    `The settings file ${place} has something that is no setting:\n${z.prettifyError(settings.error)}\nSettings: ${names.join(', ')}.`,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
