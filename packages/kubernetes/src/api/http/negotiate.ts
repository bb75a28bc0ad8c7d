import { notAcceptable } from '../errors.ts';

/** What the answer looks like. */
export interface Negotiated {
  mediaType: 'application/json' | 'application/yaml';
  /** The shape asked for; '' for the object itself. */
  as: '' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | 'APIGroupDiscoveryList';
  asGroup: string;
  asVersion: string;
}

interface Accepted {
  type: string;
  parameters: Map<string, string>;
  quality: number;
}

const plainJson: Negotiated = { mediaType: 'application/json', as: '', asGroup: '', asVersion: '' };
const served = ['application/json', 'application/yaml', 'application/json;stream=watch'];

/**
 * Chooses the answer's form from an Accept header, honouring quality and order (RFC 9110 §12.5.1).
 * `shapes` are the `as=` values that this path can give. Throws 406.
 */
export function negotiate(accept: string | undefined, shapes: readonly Negotiated['as'][] = []): Negotiated {
  if (accept === undefined || accept === '' || accept === 'application/json' || accept === '*/*')
    return plainJson;
  for (const candidate of parseAccept(accept)) {
    const mediaType = mediaTypeOf(candidate.type);
    if (mediaType === undefined) continue;
    const as = candidate.parameters.get('as');
    if (as === undefined) return { ...plainJson, mediaType };
    const shape = shapes.find((known) => known === as);
    const asGroup = candidate.parameters.get('g') ?? '';
    const asVersion = candidate.parameters.get('v') ?? '';
    if (shape !== undefined && isServedShape(shape, asGroup, asVersion))
      return { mediaType, as: shape, asGroup, asVersion };
  }
  throw notAcceptable(served);
}

function isServedShape(shape: Negotiated['as'], group: string, version: string): boolean {
  if (shape === 'APIGroupDiscoveryList') return group === 'apidiscovery.k8s.io' && version === 'v2';
  return group === 'meta.k8s.io' && (version === 'v1' || version === 'v1beta1');
}

function mediaTypeOf(type: string): Negotiated['mediaType'] | undefined {
  if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'application/json';
  if (type === 'application/yaml' || type === 'application/x-yaml' || type === 'text/yaml')
    return 'application/yaml';
  return undefined;
}

function parseAccept(header: string): Accepted[] {
  const accepted = header.split(',').map((part): Accepted => {
    const [type = '', ...rest] = part.split(';').map((piece) => piece.trim());
    const parameters = new Map<string, string>();
    for (const piece of rest) {
      const equals = piece.indexOf('=');
      if (equals > 0) parameters.set(piece.slice(0, equals), piece.slice(equals + 1));
    }
    const quality = Number(parameters.get('q') ?? '1');
    return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
  });
  return accepted.filter((entry) => entry.quality > 0).toSorted((a, b) => b.quality - a.quality);
}
