import { asJson, items, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { sameJson } from '../problems.ts';
import type { Problems } from '../problems.ts';

const UPDATABLE =
  '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** What may change in a running pod: images, the deadline, more tolerations, fewer scheduling gates. */
export function checkPodUpdate(pod: Json, old: Json, problems: Problems): void {
  const spec = asJson(pod['spec']);
  const before = asJson(old['spec']);
  for (const list of ['containers', 'initContainers']) {
    const containers = items(spec[list]);
    if (containers.length !== items(before[list]).length)
      problems.forbidden(`spec.${list}`, 'pod updates may not add or remove containers');
    containers.forEach((container, index) => {
      if (text(container['image']) === '') problems.required(`spec.${list}[${index}].image`);
    });
  }
  if (problems.causes.length > 0) return;
  checkTolerationsKept(spec, before, problems);
  if (!sameJson(withoutUpdatable(spec, before), before)) {
    problems.forbidden('spec', `pod updates may not change fields other than ${UPDATABLE}\n`);
  }
}

function checkTolerationsKept(spec: Json, before: Json, problems: Problems): void {
  const kept = items(before['tolerations']).every((toleration) =>
    items(spec['tolerations']).some((now) =>
      sameJson({ ...now, tolerationSeconds: 0 }, { ...toleration, tolerationSeconds: 0 }),
    ),
  );
  if (!kept)
    problems.forbidden(
      'spec.tolerations',
      'existing toleration can not be modified except its tolerationSeconds',
    );
}

/** The new spec with the old values of everything that may change. */
function withoutUpdatable(spec: Json, before: Json): Json {
  const same: Json = { ...spec };
  for (const list of ['containers', 'initContainers']) {
    if (!Array.isArray(spec[list])) continue;
    const old = items(before[list]);
    same[list] = items(spec[list]).map((container, index) => ({
      ...container,
      image: old[index]?.['image'],
    }));
  }
  for (const field of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates']) {
    if (before[field] === undefined) delete same[field];
    else same[field] = before[field];
  }
  return same;
}
