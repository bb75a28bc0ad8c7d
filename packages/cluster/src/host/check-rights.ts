import { accessQuestions, type AccessQuestion } from '../drivers/vcluster/required-rights.ts';
import { at, bad, good, noAnswer, unsure, type HostCheck, type Look } from './host-check.ts';

const atOnce = 8;
const namedMax = 6;

/** Asks the host about each right that the driver needs (SelfSubjectAccessReview), all of them at once by wildcard first. */
export async function checkRights(look: Look): Promise<HostCheck> {
  const everything = await allowed(look, { group: '*', resource: '*', verb: '*' });
  if (everything === null) return unsure('RightsGranted', noAnswer(null));
  if (everything)
    return good('RightsGranted', { reason: 'Everything', message: 'The account may do everything' });
  const questions = accessQuestions();
  const missing: AccessQuestion[] = [];
  for (let from = 0; from < questions.length; from += atOnce) {
    const batch = questions.slice(from, from + atOnce);
    const answers = await Promise.all(batch.map(({ attributes }) => allowed(look, attributes)));
    if (answers.includes(null)) return unsure('RightsGranted', noAnswer(null));
    missing.push(...batch.filter((_, index) => answers[index] === false));
  }
  return verdict(questions.length, missing);
}

function verdict(asked: number, missing: AccessQuestion[]): HostCheck {
  const needed = missing.filter(({ right }) => right.optional === undefined);
  const lost = new Set(missing.flatMap(({ right }) => right.optional ?? []));
  const without = lost.size === 0 ? '' : `; ${[...lost].join('; ')}`;
  const todo = 'Apply deploy/host-rbac.yaml, or add what is missing to the account’s role.';
  if (needed.length === 0) {
    const message = `The account has what is needed (${asked} rights asked for)${without}`;
    return good('RightsGranted', { reason: 'Enough', message, todo: lost.size === 0 ? '' : todo });
  }
  return bad('RightsGranted', {
    reason: 'Missing',
    message: `The account lacks ${needed.length} rights: ${sentences(needed)}${without}`,
    todo,
  });
}

/** `create, patch namespaces (to make …)`; the first few. */
function sentences(missing: readonly AccessQuestion[]): string {
  const byRight = Map.groupBy(missing, ({ right }) => right);
  const named = [...byRight].slice(0, namedMax).map(([right, questions]) => {
    const verbs = questions.map(({ attributes }) => attributes.verb).join(', ');
    const group = right.apiGroup === '' ? '' : `.${right.apiGroup}`;
    return `${verbs} ${right.resource}${group} (${right.why})`;
  });
  const more = byRight.size - named.length;
  return `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/** Null when the host did not say. */
async function allowed(look: Look, resourceAttributes: object): Promise<boolean | null> {
  const answer = await look.client
    .request({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes },
      },
      signal: look.signal,
    })
    .catch(() => null);
  const verdictOf = at(answer?.body, 'status', 'allowed');
  return answer !== null && answer.status < 300 && typeof verdictOf === 'boolean' ? verdictOf : null;
}
