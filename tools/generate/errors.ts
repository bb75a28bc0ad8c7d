import { errorCodes } from '@hexabase/kernel/error-codes.ts';

/** `docs/generated/errors.md`. */
export function errorCatalogue(): string {
  const rows = Object.entries(errorCodes).map(
    ([code, { status, message }]) => `| \`${code}\` | ${status} | ${message} |`,
  );
  return `# Error codes

Every failure is \`{ "error": { "code", "message", "details" }, "meta": { "requestId" } }\`. Codes are stable: programs
may rely on them. The message may be more precise than the one here.

| code | HTTP status | message |
|---|---|---|
${rows.join('\n')}`;
}
