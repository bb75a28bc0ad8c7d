import * as fc from 'fast-check';

/** A JSON Schema as the OpenAPI document holds it. */
export type Schema = Readonly<Record<string, unknown>>;

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const schemas = (value: unknown): Schema[] => (Array.isArray(value) ? value.filter(isSchema) : []);
const number = (value: unknown, otherwise: number): number =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : otherwise;

/** Names that every plain object has: a table that is looked up by one answers with what is no entry of it. */
const namesOfObjects = ['constructor', '__proto__', 'toString'];

/** What people and programs put into texts to see what happens. */
export const nasty = ['', ' ', '\0', '\uD800', '../..', "' or 1=1 --", '%00', '{{7*7}}', '$(id)', '<script>', '\r\nX-Evil: 1', ...namesOfObjects, 'null', '-1', '1e999', 'ａ', '𝕏'.repeat(50), 'x'.repeat(5_000)]; // prettier-ignore

/** Values that fit a schema, as far as it says what fits: what it describes in words only may still be refused. */
export function fitting(schema: Schema): fc.Arbitrary<unknown> {
  const either = [...schemas(schema['anyOf']), ...schemas(schema['oneOf'])];
  if (either.length > 0) return fc.oneof(...either.map(fitting));
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...schema['enum']);
  switch (schema['type']) {
    case 'string':
      return text(schema);
    case 'integer':
    case 'number':
      return fc.integer({
        min: number(schema['minimum'], -1_000),
        max: Math.max(number(schema['minimum'], -1_000), number(schema['maximum'], 100_000)),
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(isSchema(schema['items']) ? fitting(schema['items']) : fc.jsonValue(), {
        minLength: number(schema['minItems'], 0),
        maxLength: Math.max(number(schema['minItems'], 0), Math.min(3, number(schema['maxItems'], 3))),
      });
    case 'object':
      return object(schema);
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

function text(schema: Schema): fc.Arbitrary<string> {
  const minLength = number(schema['minLength'], 0);
  const maxLength = Math.max(minLength, Math.min(number(schema['maxLength'], 30), 60));
  if (schema['format'] === 'uuid') return fc.uuid();
  if (schema['format'] === 'email') return fc.emailAddress();
  if (schema['format'] === 'date-time')
    return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  const fits = (made: string): boolean => made.length <= maxLength && made.length >= minLength;
  const { pattern } = schema;
  if (typeof pattern !== 'string' || /\(\?[=!<]|\\[pP]/.test(pattern))
    return orNameOfObjects(fc.string({ minLength, maxLength }), fits);
  const shape = new RegExp(pattern);
  return orNameOfObjects(fc.stringMatching(shape).filter(fits), (name) => fits(name) && shape.test(name));
}

function orNameOfObjects(texts: fc.Arbitrary<string>, fits: (name: string) => boolean): fc.Arbitrary<string> {
  const names = namesOfObjects.filter(fits);
  return names.length === 0
    ? texts
    : fc.oneof({ weight: 3, arbitrary: texts }, { weight: 1, arbitrary: fc.constantFrom(...names) });
}

function object(schema: Schema): fc.Arbitrary<object> {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const parts = Object.entries(properties).map(([name, part]) => {
    const value = fitting(isSchema(part) ? part : {});
    return [name, required.includes(name) ? value : fc.option(value, { nil: undefined })] as const;
  });
  return fc.record(Object.fromEntries(parts)).map((made) => JSON.parse(JSON.stringify(made)));
}

/** The same with one fault: a field too many or too few, another type, a nasty text. It may fit by chance. */
export function faulty(schema: Schema): fc.Arbitrary<unknown> {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(null, true, -1, 1.5, 1e21, [], {}, [[]], ...nasty),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const fault = fc.tuple(fitting(schema), fc.nat(), odd, fc.constantFrom('add', 'drop', 'replace'));
  return fc.oneof(
    odd,
    fault.map(([made, at, value, how]) => {
      if (!isSchema(made)) return value;
      const names = Object.keys(made);
      const name = names[at % Math.max(1, names.length)] ?? 'unknownField';
      if (how === 'add') return { ...made, [`unknown${at}`]: value };
      const { [name]: _dropped, ...rest } = made;
      return how === 'drop' ? rest : { ...rest, [name]: value };
    }),
  );
}
