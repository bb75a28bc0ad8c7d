import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';

/** What needs a word of warning although it may be given. */
const warnings: readonly { resource: string; verbs: readonly string[]; words: string }[] = [
  {
    resource: 'secrets',
    verbs: ['get', 'list', 'watch', '*'],
    words: 'Careful: it shows passwords and keys of the applications in the clear.',
  },
  {
    resource: 'pods/exec',
    verbs: ['create', 'get', '*'],
    words: 'Careful: a shell in a container reaches whatever the container reaches.',
  },
  {
    resource: 'pods',
    verbs: ['create', '*'],
    words: 'Careful: who starts pods can read every secret that a pod of the namespace can mount.',
  },
  {
    resource: 'rolebindings',
    verbs: ['create', 'update', 'patch', '*'],
    words: 'Careful: it gives others access, though never more than the giver has.',
  },
];

/** A map, since the verbs are anybody's text: `constructor` is a property of every object. */
const verbWords: ReadonlyMap<string, string> = new Map(
  Object.entries({
    get: 'read',
    list: 'list',
    watch: 'follow',
    create: 'create',
    update: 'change',
    patch: 'change',
    delete: 'delete',
    deletecollection: 'delete many of',
  }),
);

/** What rules allow, in sentences that need no knowledge of Kubernetes' verbs. */
export function rulesInWords(rules: readonly PolicyRule[]): string[] {
  if (rules.length === 0) return ['Allows nothing.'];
  const byVerbs = Map.groupBy(rules, (rule) => `${verbPhrase(rule.verbs)}|${namesPhrase(rule)}`);
  const sentences = [...byVerbs.values()].map((same) => {
    const [first] = same;
    if (!first) return '';
    const objects = [...new Set(same.flatMap(objectsOf))].join(', ');
    return `May ${verbPhrase(first.verbs)} ${objects}${namesPhrase(first)}.`;
  });
  const careful = warnings.filter(({ resource, verbs }) =>
    rules.some(
      (rule) =>
        (rule.resources.includes(resource) || rule.resources.includes('*')) &&
        rule.verbs.some((verb) => verbs.includes(verb)),
    ),
  );
  return [...sentences, ...careful.map(({ words }) => words)];
}

function verbPhrase(verbs: readonly string[]): string {
  if (verbs.includes('*')) return 'do everything with';
  const words = [...new Set(verbs.map((verb) => verbWords.get(verb) ?? verb))];
  const reading = ['read', 'list', 'follow'].every((word) => words.includes(word));
  const short = reading
    ? ['see', ...words.filter((word) => !['read', 'list', 'follow'].includes(word))]
    : words;
  const shown = short.filter((word) => word !== 'delete many of' || !short.includes('delete'));
  const last = shown.at(-1) ?? '';
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(', ')} and ${last}`;
}

function namesPhrase({ resourceNames }: PolicyRule): string {
  return resourceNames.length === 0 ? '' : ` named ${resourceNames.join(' or ')}`;
}

function objectsOf(rule: PolicyRule): string[] {
  const resources = rule.resources.map((resource) => {
    if (resource === '*') return rule.apiGroups.includes('*') ? 'all resources' : 'all resources of a group';
    const [main, part] = resource.split('/');
    return part === undefined ? resource : `${part} of ${main}`;
  });
  const urls = rule.nonResourceURLs.map((url) =>
    url === '*' ? 'all other addresses' : `the address ${url}`,
  );
  return [...resources, ...urls];
}
