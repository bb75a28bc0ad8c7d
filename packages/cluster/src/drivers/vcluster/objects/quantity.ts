const factors: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** The number behind a Kubernetes quantity (`250m`, `512Mi`). Throws for what is none of those that we write. */
export function quantityOf(text: string): number {
  const [, digits = '', suffix = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = factors[suffix];
  if (digits === '' || factor === undefined) throw new Error(`${text} is not a quantity`);
  return Number(digits) * factor;
}
