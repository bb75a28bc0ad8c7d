import { isRecord } from '../../registry/object.ts';

/** A path as error messages show it: `.spec.containers[name="web"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

/** One path element: `.image`, `[name="web"]`, `[="value"]` or `[0]`. */
export function elementText(element: string): string {
  const rest = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'k:':
      return `[${keyFields(rest)}]`;
    case 'v:':
      return `[=${rest}]`;
    case 'i:':
      return `[${rest}]`;
    default:
      return `.${rest}`;
  }
}

function keyFields(text: string): string {
  try {
    const fields: unknown = JSON.parse(text);
    if (isRecord(fields))
      return Object.entries(fields)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',');
  } catch {
    // A client may have written anything as a key; it is shown as it is.
  }
  return text;
}
