/**
 * Texts of several writers as sentences, one after the other: each ends with one mark, whether its writer has put one there
 * or not. Empty ones are left out.
 */
export function sentences(...texts: readonly string[]): string {
  return texts
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => (/[.!?…][)”"]?$/.test(text) ? text : `${text}.`))
    .join(' ');
}

/** A sentence as a part of another one, in brackets or before a semicolon: without the stop at its end. */
export function clause(text: string): string {
  return text.trim().replace(/\.$/, '');
}
