import * as z from 'zod';

/** One field of a request as a command-line option, read off its JSON Schema. */
export interface Flag {
  field: string;
  /** `billing-email` for `billingEmail`. */
  name: string;
  kind: 'text' | 'number' | 'boolean' | 'list';
  required: boolean;
  help: string;
  choices: readonly string[];
}

/** The options of a request body or query. Fields in `without` are given by position. */
export function flagsOf(schema: z.ZodObject | undefined, without: readonly string[]): Flag[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties)
    .filter(([field, property]) => !without.includes(field) && isTyped(property))
    .map(([field, property]) => flagOf(field, property, required.includes(field)));
}

/** Objects are no flags, and secrets (`writeOnly`) do not belong into the list of a machine's processes. */
function isTyped(property: z.core.JSONSchema._JSONSchema): boolean {
  return typeof property === 'boolean' || (property.type !== 'object' && property.writeOnly !== true);
}

function flagOf(field: string, property: z.core.JSONSchema._JSONSchema, required: boolean): Flag {
  const schema = typeof property === 'boolean' ? {} : (nonNull(property) ?? property);
  return {
    field,
    name: kebab(field),
    kind: kindOf(schema.type),
    required,
    help: schema.description ?? describe(field),
    choices: schema.enum?.map(String) ?? [],
  };
}

/** `anyOf: [string, null]` is an option that takes the string. */
function nonNull(schema: z.core.JSONSchema.BaseSchema): z.core.JSONSchema.BaseSchema | undefined {
  return schema.anyOf?.find((option) => typeof option !== 'boolean' && option.type !== 'null') as
    | z.core.JSONSchema.BaseSchema
    | undefined;
}

function kindOf(type: unknown): Flag['kind'] {
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'array') return 'list';
  return type === 'boolean' ? 'boolean' : 'text';
}

function describe(field: string): string {
  return kebab(field).replaceAll('-', ' ');
}

function kebab(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
