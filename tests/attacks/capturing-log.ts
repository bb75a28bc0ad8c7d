import type { Logger } from '@hexabase/kernel/log.ts';

/** Everything that the process would write to its log, at every level; each line with what its logger was made with. */
export function capturingLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const logger = (own: Record<string, unknown>): Logger => {
    const keep = (fields: Record<string, unknown>, sentence: string): void =>
      void lines.push(`${written({ ...own, ...fields })} ${sentence}`);
    return {
      debug: keep,
      info: keep,
      warn: keep,
      error: keep,
      child(fields) {
        keep(fields, 'child');
        return logger({ ...own, ...fields });
      },
    };
  };
  return { log: logger({}), lines };
}

/** With the stack of an error, its cause, and whatever else stands in it. */
function written(fields: object): string {
  return JSON.stringify(fields, (_key, value: unknown) =>
    value instanceof Error ? `${value.stack} ${written({ ...value, cause: value.cause })}` : value,
  );
}
