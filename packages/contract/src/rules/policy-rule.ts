import * as z from 'zod';

const word = z.string().min(1).max(253);
const words = z.array(word).max(100);

/** One rule of a role, as Kubernetes has it (`rbac.authorization.k8s.io/v1` PolicyRule). */
export const policyRule = z.strictObject({
  verbs: words.min(1),
  apiGroups: z.array(z.string().max(253)).max(50).default([]).describe("'' is the core group"),
  resources: words.default([]).describe('`pods`, or `pods/log` for a part of it'),
  resourceNames: words.default([]).describe('only these; all when empty'),
  nonResourceURLs: words.default([]),
});

export type PolicyRule = z.infer<typeof policyRule>;
