import { rulesInWords } from '@hexabase/authz/rules/in-words.ts';
import type { role } from '@hexabase/contract/access/role.ts';
import type { UseCase } from '../run/use-case.ts';
import { problemsOf } from './rules.ts';

export const previewRole: UseCase<typeof role.operations.preview> = async (context, { body }) => ({
  data: { words: rulesInWords(body.rules), refused: await problemsOf(context, body) },
});
