/** The spellings of one noun that the templates need. */
export interface Names {
  /** `backup-policy`: on the command line, in file names. */
  noun: string;
  /** `backup-policies`: in paths, the feature's folder. */
  plural: string;
  /** `backupPolicy` */
  camel: string;
  /** `BackupPolicy` */
  pascal: string;
  /** `BackupPolicies` */
  pascalPlural: string;
  /** `backup_policies` */
  table: string;
  /** `backup policy`, `backup policies`: in sentences. */
  words: string;
  pluralWords: string;
}

/** Throws an Error when `noun` is not kebab-case. */
export function namesOf(noun: string, plural = pluralOf(noun)): Names {
  for (const name of [noun, plural]) {
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
      throw new Error(`"${name}" is not a name like \`volume\` or \`backup-policy\``);
  }
  const camel = camelOf(noun);
  return {
    noun,
    plural,
    camel,
    pascal: upper(camel),
    pascalPlural: upper(camelOf(plural)),
    table: plural.replaceAll('-', '_'),
    words: noun.replaceAll('-', ' '),
    pluralWords: plural.replaceAll('-', ' '),
  };
}

function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

function camelOf(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function upper(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
