/** Checks of single values. Each answers upstream's messages, none when the value is right. */
export type FormatCheck = (value: string) => string[];

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = String.raw`${LABEL}(\.${LABEL})*`;
const DNS_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const KEY_NAME = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const PATTERNS = {
  label: new RegExp(`^${LABEL}$`),
  subdomain: new RegExp(`^${SUBDOMAIN}$`),
  wildcard: new RegExp(String.raw`^\*\.${SUBDOMAIN}$`),
  dns1035: new RegExp(`^${DNS_1035}$`),
  keyName: new RegExp(`^${KEY_NAME}$`),
  labelValue: new RegExp(`^(${KEY_NAME})?$`),
  configKey: new RegExp(`^${CONFIG_KEY}$`),
};
const NAME_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** A DNS label of RFC 1123, at most 63 bytes: namespaces, containers, volumes. */
export const dnsLabel: FormatCheck = (value) => [
  ...tooLong(value, 63),
  ...unless(PATTERNS.label, value, {
    rule: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    examples: ['my-name', '123-abc'],
    regex: LABEL,
  }),
];

/** A DNS subdomain of RFC 1123, at most 253 bytes: most object names. */
export const dnsSubdomain: FormatCheck = (value) => [
  ...tooLong(value, 253),
  ...unless(PATTERNS.subdomain, value, {
    rule: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    examples: ['example.com'],
    regex: SUBDOMAIN,
  }),
];

/** A DNS label that starts with a letter. */
export const dns1035Label: FormatCheck = (value) => [
  ...tooLong(value, 63),
  ...unless(PATTERNS.dns1035, value, {
    rule: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    examples: ['my-name', 'abc-123'],
    regex: DNS_1035,
  }),
];

/** `*.example.com`, for ingress hosts. */
export const wildcardSubdomain: FormatCheck = (value) =>
  unless(PATTERNS.wildcard, value, {
    rule: "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    examples: ['*.example.com'],
    regex: String.raw`\*\.${SUBDOMAIN}`,
  });

/** What may stand between two slashes of a URL: RBAC names. */
export const pathSegment: FormatCheck = (value) => {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((bad) => value.includes(bad)).map((bad) => `may not contain '${bad}'`);
};

/** A label or annotation key, `example.com/name`. */
export const qualifiedName: FormatCheck = (value) => {
  const parts = value.split('/');
  const failure = { rule: NAME_RULE, examples: ['MyName', 'my.name', '123-abc'], regex: KEY_NAME };
  if (parts.length > 2) {
    return [
      `a valid label key ${explain(failure)} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  const messages: string[] = [];
  if (prefix === '') messages.push('prefix part must be non-empty');
  else if (prefix !== undefined)
    messages.push(...dnsSubdomain(prefix).map((message) => `prefix part ${message}`));
  if (name === '') messages.push('name part must be non-empty');
  else messages.push(...tooLong(name, 63).map((message) => `name part ${message}`));
  if (!PATTERNS.keyName.test(name)) messages.push(`name part ${explain(failure)}`);
  return messages;
};

/** The value of a label. */
export const labelValue: FormatCheck = (value) => [
  ...tooLong(value, 63),
  ...unless(PATTERNS.labelValue, value, {
    rule: "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    examples: ['MyValue', 'my_value', '12345'],
    regex: `(${KEY_NAME})?`,
  }),
];

/** The key of a ConfigMap or Secret. */
export const configKey: FormatCheck = (value) => [
  ...tooLong(value, 253),
  ...unless(PATTERNS.configKey, value, {
    rule: "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    examples: ['key.name', 'KEY_NAME', 'key-name'],
    regex: CONFIG_KEY,
  }),
  ...(value === '.' || value === '..'
    ? [`must not be '${value}'`]
    : value.startsWith('..')
      ? ["must not start with '..'"]
      : []),
];

/** The name of an environment variable, as relaxed in Kubernetes 1.34. */
export const environmentName: FormatCheck = (value) =>
  /^[ -<>-~]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

/** The name of a container or service port (RFC 6335). */
export const portName: FormatCheck = (value) => {
  const messages = tooLong(value, 15);
  if (!/^[-a-z0-9]+$/.test(value))
    messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) messages.push('must contain at least one letter (a-z)');
  if (value.includes('--')) messages.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) messages.push('must not begin or end with a hyphen');
  return messages;
};

/** A port number from 1 to 65535. */
export function portNumber(value: unknown): string[] {
  return typeof value === 'number' && value >= 1 && value <= 65_535
    ? []
    : ['must be between 1 and 65535, inclusive'];
}

/** Zero or more. */
export function nonNegative(value: unknown): string[] {
  return typeof value === 'number' && value < 0 ? ['must be greater than or equal to 0'] : [];
}

interface Rule {
  rule: string;
  examples: readonly string[];
  regex: string;
}

function unless(pattern: RegExp, value: string, rule: Rule): string[] {
  return pattern.test(value) ? [] : [explain(rule)];
}

function explain({ rule, examples, regex }: Rule): string {
  return `${rule} (e.g. ${examples.map((example) => `'${example}', `).join('or ')}regex used for validation is '${regex}')`;
}

function tooLong(value: string, bytesMax: number): string[] {
  return Buffer.byteLength(value) > bytesMax ? [`must be no more than ${bytesMax} bytes`] : [];
}
