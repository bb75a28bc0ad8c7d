import type { ErrorCode } from '@hexabase/kernel/error-codes.ts';
import type * as z from 'zod';
import type { Action } from './action.ts';
import type { Column } from './resource.ts';

/** What the `{id}` of a path names, so that the scope of a request is found before its use case runs. */
export type Target = 'none' | 'organization' | 'workspace' | 'project' | 'operation' | 'host-cluster';

/**
 * Who may call: anybody, anybody signed in, whoever `decide` lets do the action on the target, or whoever has a platform
 * role that gives the action on the platform itself.
 */
export type Access =
  | { kind: 'public' }
  | { kind: 'authenticated' }
  | { kind: 'action'; action: Action }
  | { kind: 'platform'; action: Action };

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One verb on one address. Everything else (routes, OpenAPI, client, CLI, authorization matrix) is derived. */
export interface Operation {
  /** Stable and unique, `<noun>.<verb>`: `workspace.create`. */
  id: string;
  method: Method;
  /** Full path with `{name}` parameters; the first one names the target. */
  path: string;
  /** One sentence for OpenAPI and `--help`. */
  summary: string;
  access: Access;
  target: Target;
  query?: z.ZodObject;
  body?: z.ZodObject;
  /** A body that is valid, for OpenAPI and for tests that try every operation. */
  example?: Readonly<Record<string, unknown>>;
  /** Absent for 204. */
  output?: z.ZodType;
  status: 200 | 201 | 202 | 204;
  /** The output is an array and the answer carries `meta.page`, `meta.limit`, `meta.total`, and `meta.totalIsMinimum` where there are more. */
  paged: boolean;
  /** Takes `If-Match` and answers `ETag`; a stale one is 412. */
  conditional: boolean;
  /** Codes beyond those that every operation can answer. */
  errors: readonly ErrorCode[];
  bodyLimitBytes: number;
  /** The answer holds a secret: it is never stored, so an Idempotency-Key is not replayed. */
  sensitive?: boolean;
  /** A read that is itself written to the audit log. */
  recorded?: boolean;
  /** May take as long as hundreds of others: an organization has few of them at once, and the others wait. */
  heavy?: boolean;
  /** Media types of an answer that is a stream of text and no envelope. */
  raw?: readonly string[];
  cli?: CliVerb;
}

/** How the operation looks on the command line: `hks <noun> <verb> [positional] --flags`; a verb may be two words. */
export interface CliVerb {
  verb: string;
  /** Path or body fields given by position, in order; the others become flags. */
  positional: readonly string[];
  /** Asks before it runs: `type-name` makes the user type the name. `--yes` answers. */
  confirm?: 'yes-no' | 'type-name';
  /** Changes a workspace, and shows the steps until that is done or has failed. `--no-wait` returns at once. */
  waits?: boolean;
  /** What is told where that began nothing; 'This changes nothing' when absent. */
  unchanged?: string;
  /** For answers that are not the resource's own representation. */
  columns?: readonly Column[];
  /** Field of the answer that people read: it stands below the table as it is. */
  text?: string;
  /** What `hks <noun>` does without a verb. */
  isDefault?: boolean;
  /** Leaves the presentation to a hand-written command of the same name. */
  bespoke?: boolean;
}

type Defaults = Pick<Operation, 'target' | 'status' | 'paged' | 'conditional' | 'errors' | 'bodyLimitBytes'>;

const defaults: Defaults = {
  target: 'none',
  status: 200,
  paged: false,
  conditional: false,
  errors: [],
  bodyLimitBytes: 64 * 1024,
};

/** Completes an operation with the common answers: no target, 200, one object, 64 KiB of body. */
export function operation<const T extends Omit<Operation, keyof Defaults> & Partial<Defaults>>(
  spec: T,
): Omit<Defaults, keyof T> & T {
  return { ...defaults, ...spec };
}
