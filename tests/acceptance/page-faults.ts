import type { Page } from 'playwright-core';

/** A run of text or an edge as it is painted; colours as the browser computes them, the ground from the inside out. */
interface Painted {
  what: string;
  colour: string;
  grounds: string[];
  /** WCAG 2.2 §1.4.3 and §1.4.11: large text and what is not text need less. */
  atLeast: number;
}

type Colour = readonly [red: number, green: number, blue: number, alpha: number];

/**
 * What keeps people from using the page, by WCAG 2.2 AA: contrast in the light and in the dark, names and headings, targets,
 * and scrolling sideways on a window of 320 pixels. The window is put back as it was.
 */
export async function faultsOf(page: Page): Promise<string[]> {
  const faults = await structureFaults(page);
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    const painted = await paintedText(page);
    if (painted.length === 0) faults.push('nothing is written on it');
    faults.push(...painted.flatMap((one) => contrastFault(one, colorScheme)));
  }
  const before = page.viewportSize() ?? { width: 1280, height: 720 };
  await page.setViewportSize({ width: 320, height: 640 });
  faults.push(...(await narrowFaults(page)));
  await page.setViewportSize(before);
  return faults;
}

/** What has the keyboard: its name, and whether anybody can see that. */
export async function focused(page: Page): Promise<string> {
  const { name, edge, style, width } = await page.evaluate(() => {
    const element = document.activeElement ?? document.body;
    const [label] = element instanceof HTMLInputElement ? [...(element.labels ?? [])] : [];
    const computed = getComputedStyle(element);
    const grounds: string[] = [];
    for (let at = element.parentElement; at; at = at.parentElement)
      grounds.push(getComputedStyle(at).backgroundColor);
    return {
      name: (label ?? element).textContent?.trim() ?? '',
      edge: { what: 'the focus', colour: computed.outlineColor, grounds, atLeast: 3 },
      style: computed.outlineStyle,
      width: Number.parseFloat(computed.outlineWidth),
    };
  });
  const visible = style !== 'none' && width >= 2 && contrastFault(edge, '').length === 0;
  return visible ? name : `${name} (nobody sees that it has the keyboard)`;
}

function structureFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const all = <E extends Element>(selector: string) => [...document.querySelectorAll<E>(selector)];
    if (document.documentElement.lang !== 'en') faults.push('it says no language');
    if (document.title === '') faults.push('it has no title');
    for (const only of ['main', 'h1'])
      if (all(only).length !== 1) faults.push(`it has ${all(only).length} of ${only}`);
    const ids = all('[id]').map(({ id }) => id);
    if (new Set(ids).size !== ids.length) faults.push('an id is there twice');
    for (const input of all<HTMLInputElement>('input:not([type=hidden])')) {
      if (!input.labels?.[0]?.textContent?.trim()) faults.push(`${input.name} has no label`);
      if (!input.hasAttribute('autocomplete')) faults.push(`${input.name} tells password managers nothing`);
    }
    for (const control of all('button, a'))
      if (!control.textContent?.trim()) faults.push('a button or a link has no name');
    for (const described of all('[aria-describedby]'))
      if (!document.getElementById(described.getAttribute('aria-describedby') ?? '')?.textContent?.trim())
        faults.push('a description is not there');
    return faults;
  });
}

/** Each run of text that is shown, what stands in for text in empty fields, and the edges of fields and buttons. */
function paintedText(page: Page): Promise<Painted[]> {
  return page.evaluate(() => {
    const painted: Painted[] = [];
    const groundsOf = (from: Element | null): string[] => {
      const grounds: string[] = [];
      for (let at = from; at; at = at.parentElement) grounds.push(getComputedStyle(at).backgroundColor);
      return grounds;
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const [what, element] = [walker.currentNode.textContent?.trim(), walker.currentNode.parentElement];
      if (!what || !element?.checkVisibility() || ['SCRIPT', 'NOSCRIPT'].includes(element.tagName)) continue;
      const { color: colour, fontSize, fontWeight } = getComputedStyle(element);
      const [size, weight] = [Number.parseFloat(fontSize), Number(fontWeight)];
      const atLeast = size >= 24 || (size >= 18.66 && weight >= 700) ? 3 : 4.5;
      painted.push({ what, colour, grounds: groundsOf(element), atLeast });
    }
    for (const element of document.querySelectorAll('input:not([type=hidden]), button')) {
      if (!element.checkVisibility()) continue;
      const { borderTopColor: colour } = getComputedStyle(element);
      const name = element.getAttribute('name') ?? element.tagName;
      painted.push({
        what: `edge of ${name}`,
        colour,
        grounds: groundsOf(element.parentElement),
        atLeast: 3,
      });
      if (!(element instanceof HTMLInputElement)) continue;
      const texts = [getComputedStyle(element).color];
      if (element.placeholder) texts.push(getComputedStyle(element, '::placeholder').color);
      for (const text of texts)
        painted.push({ what: `text in ${name}`, colour: text, grounds: groundsOf(element), atLeast: 4.5 });
    }
    return painted;
  });
}

function narrowFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) faults.push(`${scrollWidth} pixels wide in a window of ${clientWidth}`);
    for (const control of document.querySelectorAll('input:not([type=hidden]), button')) {
      const { width, height, right } = control.getBoundingClientRect();
      if (!control.checkVisibility()) continue;
      const name = control.getAttribute('name') ?? control.textContent;
      if (width < 24 || height < 24) faults.push(`${name} is too small to touch`);
      if (right > clientWidth) faults.push(`${name} ends outside of the window`);
    }
    return faults;
  });
}

function contrastFault({ what, colour, grounds, atLeast }: Painted, scheme: string): string[] {
  const ground = [...grounds]
    .reverse()
    .reduce<Colour>((under, one) => over(parse(one), under), [255, 255, 255, 1]);
  const [bright, dim] = [luminance(over(parse(colour), ground)), luminance(ground)].sort((a, b) => b - a);
  const contrast = ((bright ?? 0) + 0.05) / ((dim ?? 0) + 0.05);
  return contrast >= atLeast ? [] : [`${scheme}: contrast ${contrast.toFixed(2)} of “${what}”`];
}

function parse(colour: string): Colour {
  const [red, green, blue, alpha = 1] =
    /^rgba?\(([^)]+)\)$/
      .exec(colour)?.[1]
      ?.split(/[\s,/]+/)
      .map(Number) ?? [];
  if (red === undefined || green === undefined || blue === undefined) throw new Error(`no colour: ${colour}`);
  return [red, green, blue, alpha];
}

function over([red, green, blue, alpha]: Colour, under: Colour): Colour {
  const mix = (top: number, bottom: number): number => top * alpha + bottom * (1 - alpha);
  return [mix(red, under[0]), mix(green, under[1]), mix(blue, under[2]), 1];
}

/** WCAG 2.2, relative luminance. */
function luminance([red, green, blue]: Colour): number {
  const linear = (channel: number): number =>
    channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4;
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
