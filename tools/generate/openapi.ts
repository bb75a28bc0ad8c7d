import { openApiDocument } from '@hexabase/http/openapi.ts';

/** `docs/generated/openapi.json`: OpenAPI 3.1. */
export function openApiText(): string {
  return JSON.stringify(openApiDocument(), null, 2);
}
