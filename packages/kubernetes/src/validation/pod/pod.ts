import { asJson, items, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import type { Problems } from '../problems.ts';
import { checkAnnotations, checkLabels } from '../metadata.ts';
import { checkPodSpec } from './spec.ts';

/** Rules of a new Pod. */
export function checkPod(pod: Json, problems: Problems): void {
  const spec = asJson(pod['spec']);
  checkPodSpec(spec, 'spec', problems);
  if (items(spec['ephemeralContainers']).length > 0)
    problems.forbidden('spec.ephemeralContainers', 'cannot be set on create');
  if (text(spec['nodeName']) !== '' && items(spec['schedulingGates']).length > 0) {
    problems.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared');
  }
}

/** Rules of a `PodTemplateSpec`. */
export function checkPodTemplate(template: Json, path: string, problems: Problems): void {
  const metadata = asJson(template['metadata']);
  checkLabels(metadata['labels'], `${path}.labels`, problems);
  checkAnnotations(metadata['annotations'], `${path}.annotations`, problems);
  const spec = asJson(template['spec']);
  checkPodSpec(spec, `${path}.spec`, problems);
  if (items(spec['ephemeralContainers']).length > 0) {
    problems.forbidden(
      `${path}.spec.ephemeralContainers`,
      'ephemeral containers not allowed in pod template',
    );
  }
}

/** Rules of a PodTemplate object. */
export function checkPodTemplateObject(object: Json, problems: Problems): void {
  checkPodTemplate(asJson(object['template']), 'template', problems);
}
