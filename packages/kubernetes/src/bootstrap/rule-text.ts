/**
 * The notation of the rule tables: `groups : resources [names] : verbs`, or `paths : verbs` for URLs outside the
 * resource API. Groups are separated by commas, `core` is the group ''. READ and WRITE stand for the usual verbs.
 */
export function parseRuleText(text: string): Record<string, string[]> {
  const [first = '', second = '', third] = text.split(' : ');
  if (third === undefined) return { nonResourceURLs: words(first), verbs: verbsOf(second) };
  const names = /\[(.*)\]/.exec(second);
  return {
    apiGroups: first.split(',').map((group) => (group === 'core' ? '' : group)),
    resources: words(second.replace(/\[.*\]/, '').trim()),
    ...(names?.[1] && { resourceNames: words(names[1]) }),
    verbs: verbsOf(third),
  };
}

function verbsOf(text: string): string[] {
  return words(
    text.replace('WRITE', 'create delete deletecollection patch update').replace('READ', 'get list watch'),
  ).toSorted();
}

function words(text: string): string[] {
  return text.split(' ');
}
