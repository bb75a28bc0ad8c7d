/** What a spreadsheet would run as a formula when a cell begins with it (OWASP, CSV injection), wide forms included. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/u;

/** One line of CSV (RFC 4180). Every cell is quoted, and one that would be a formula begins with an apostrophe. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  const inert = typeof value === 'string' && formula.test(text) ? `'${text}` : text;
  return `"${inert.replaceAll('"', '""')}"`;
}
