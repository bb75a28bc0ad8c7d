/** A failure that a sentence explains; printed without a stack. `exitCode` is 1 unless the caller knows better. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/**
 * What a refusal says beyond its sentence, as lines for a terminal: fields that do not fit, lists to choose from, how long to
 * wait, and last the way out. Figures and ids stand in the sentence already, as far as people need them.
 */
export function detailsText(details: Readonly<Record<string, unknown>>): string {
  const { fields, howTo, retryAfterSeconds, ...others } = details;
  const lines = [
    ...(Array.isArray(fields) ? fields.map((field: unknown) => `- ${fieldText(field)}`) : []),
    ...Object.entries(others).flatMap(([name, value]) => choicesText(name, value)),
    ...(typeof retryAfterSeconds === 'number' ? [`Try again in ${retryAfterSeconds} s.`] : []),
    ...(typeof howTo === 'string' ? [howTo] : []),
  ];
  return lines.map((line) => `\n  ${line}`).join('');
}

function choicesText(name: string, value: unknown): string[] {
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) return [];
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return [`${words}: ${value.length > 0 ? value.join(', ') : 'none'}`];
}

function fieldText(field: unknown): string {
  if (typeof field !== 'object' || field === null || !('message' in field)) return JSON.stringify(field);
  return `${'path' in field ? `${String(field.path)}: ` : ''}${String(field.message)}`;
}
