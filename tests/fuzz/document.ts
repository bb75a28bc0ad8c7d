import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Answer } from '../attacks/exchange.ts';
import type { Schema } from './arbitrary.ts';

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  schema: Schema;
}

/** One operation as the running server describes it. */
export interface Described {
  id: string;
  method: string;
  path: string;
  parameters: readonly Parameter[];
  body: Schema | null;
  /** Anybody may call it. */
  isOpen: boolean;
  /** Whether the body fits what is written down. */
  fits(body: unknown): boolean;
  /** What of an answer is not as it is written down; null when all is. */
  breach(answer: Answer): string | null;
}

export interface Documented {
  operations: readonly Described[];
  /** Path to the methods that it takes. */
  paths: ReadonlyMap<string, readonly string[]>;
}

interface Content {
  content?: Record<string, { schema?: Schema }>;
}

interface Written {
  operationId?: string;
  security?: unknown[];
  parameters?: Parameter[];
  requestBody?: Content;
  responses: Record<string, Content & { $ref?: string }>;
}

/** Reads the document of `/openapi.json`. */
export function readDocument(text: string): Documented {
  const document: { paths: Record<string, Record<string, Written>>; components: object } = JSON.parse(text);
  const ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'api', components: document.components });
  const compile = (schema: Schema): ValidateFunction =>
    ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/')));
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, written]) => describe({ path, method, written, compile })),
  );
  const paths = Object.entries(document.paths).map(([path, methods]): [string, string[]] => [
    path,
    Object.keys(methods).map((method) => method.toUpperCase()),
  ]);
  return { operations, paths: new Map(paths) };
}

interface Given {
  path: string;
  method: string;
  written: Written;
  compile(schema: Schema): ValidateFunction;
}

const jsonOf = ({ content }: Content): Schema | null => content?.['application/json']?.schema ?? null;

function describe({ path, method, written, compile }: Given): Described {
  const body = written.requestBody ? jsonOf(written.requestBody) : null;
  const validBody = body && compile(body);
  const answers = new Map(
    Object.entries(written.responses).map(([status, response]) => {
      const schema = jsonOf(response);
      return [status, schema && compile(schema)] as const;
    }),
  );
  return {
    id: written.operationId ?? `${method} ${path}`,
    method: method.toUpperCase(),
    path,
    parameters: written.parameters ?? [],
    body,
    isOpen: written.security?.length === 0,
    fits: (value) => validBody === null || validBody(value),
    breach(answer) {
      const key = answers.has(String(answer.status)) ? String(answer.status) : 'default';
      if (!answers.has(key)) return `status ${answer.status} is not documented`;
      const valid = answers.get(key);
      if (!valid) return answer.status === 204 && answer.text !== '' ? 'a body where none is' : null;
      if (!String(answer.headers['content-type']).startsWith('application/json')) return 'no JSON';
      return valid(JSON.parse(answer.text)) ? null : ajvText(valid);
    },
  };
}

function ajvText({ errors }: ValidateFunction): string {
  return (errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`).join('; ');
}
