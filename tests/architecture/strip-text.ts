const strings = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/y;
const comments = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const expressions = /\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;

/** Source text without comments and without what stands in strings, templates and regular expressions. */
export function stripText(source: string): string {
  let code = '';
  for (let at = 0; at < source.length;) {
    const end = skipped(source, at, code);
    if (end === at) {
      code += source[at];
      at += 1;
    } else {
      code += ' ';
      at = end;
    }
  }
  return code;
}

function skipped(source: string, at: number, code: string): number {
  const sign = source[at];
  if (sign === '`') return endOfTemplate(source, at);
  if (sign === "'" || sign === '"') return endOf(strings, source, at);
  if (sign !== '/') return at;
  const comment = endOf(comments, source, at);
  // A slash after a value divides; after anything else it begins a regular expression.
  return comment > at || /[\w)\]]\s*$/.test(code) ? comment : endOf(expressions, source, at);
}

/** Templates may hold templates: `${…}` is skipped with them. */
function endOfTemplate(source: string, start: number): number {
  let depth = 0;
  for (let at = start + 1; at < source.length; at += 1) {
    if (source[at] === '\\') at += 1;
    else if (source.startsWith('${', at)) depth += 1;
    else if (depth > 0 && source[at] === '}') depth -= 1;
    else if (depth > 0 && source[at] === '`') at = endOfTemplate(source, at) - 1;
    else if (source[at] === '`') return at + 1;
  }
  return source.length;
}

function endOf(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at;
  const match = pattern.exec(source);
  return match ? at + match[0].length : at;
}
