import { meetsRequirement } from '../selectors/requirement.ts';
import { asJson, items, stringMap, strings, text } from '../schema/json.ts';
import { labelValue, qualifiedName } from './formats.ts';
import { checkFormat } from './problems.ts';
import type { Problems } from './problems.ts';

/** The shape of a `metav1.LabelSelector`. */
export function checkLabelSelector(selector: unknown, path: string, problems: Problems): void {
  const value = asJson(selector);
  for (const [key, label] of Object.entries(stringMap(value['matchLabels'])).sort()) {
    checkFormat(`${path}.matchLabels`, key, { messages: qualifiedName(key), problems });
    checkFormat(`${path}.matchLabels`, label, { messages: labelValue(label), problems });
  }
  items(value['matchExpressions']).forEach((expression, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const values = strings(expression['values']);
    switch (expression['operator']) {
      case 'In':
      case 'NotIn':
        if (values.length === 0)
          problems.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (values.length > 0)
          problems.forbidden(
            `${at}.values`,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
          );
        break;
      default:
        problems.invalid(`${at}.operator`, text(expression['operator']), 'not a valid selector operator');
    }
    checkFormat(`${at}.key`, text(expression['key']), {
      messages: qualifiedName(text(expression['key'])),
      problems,
    });
    values.forEach((item, at2) =>
      checkFormat(`${at}.values[${at2}]`, item, { messages: labelValue(item), problems }),
    );
  });
}

/** Whether a selector has no requirement at all (and so matches everything). */
export function isEmptySelector(selector: unknown): boolean {
  const value = asJson(selector);
  return (
    Object.keys(stringMap(value['matchLabels'])).length === 0 && items(value['matchExpressions']).length === 0
  );
}

/** Whether labels fulfil a `metav1.LabelSelector`. */
export function selectorMatches(selector: unknown, labels: unknown): boolean {
  const value = asJson(selector);
  const own = stringMap(labels);
  const labelsMatch = Object.entries(stringMap(value['matchLabels'])).every(
    ([key, label]) => own[key] === label,
  );
  return (
    labelsMatch &&
    items(value['matchExpressions']).every((expression) => {
      const actual = own[text(expression['key'])];
      return meetsRequirement(text(expression['operator']), strings(expression['values']), actual);
    })
  );
}
