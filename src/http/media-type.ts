/**
 * Media types in requests, RFC 9110 §8.3 and §12.5.1, as far as an API with two forms per answer
 * needs them: which of the forms a client names, and with which weight. Wildcards never choose.
 */

/** Media types that the resources speak. */
export const MEDIA_TYPE = {
  cose: 'application/cose',
  statement: 'application/scitt-statement+cose',
  receipt: 'application/scitt-receipt+cose',
  cbor: 'application/cbor',
  cborSequence: 'application/cbor-seq',
  conciseProblem: 'application/concise-problem-details+cbor',
  problemJson: 'application/problem+json',
  json: 'application/json',
  yaml: 'application/yaml',
  jsonSchema: 'application/schema+json',
  text: 'text/plain; charset=utf-8',
  eventStream: 'text/event-stream',
  bytes: 'application/octet-stream',
} as const

/** The name alone, lower case; parameters are cut. */
export function mediaTypeName(value: string): string {
  return value.split(';', 1)[0]!.trim().toLowerCase()
}

/** Value of one parameter, without quotes, or `undefined`. */
export function mediaTypeParameter(value: string, name: string): string | undefined {
  for (const parameter of value.split(';').slice(1)) {
    const [key, text] = parameter.split('=', 2)
    if (key?.trim().toLowerCase() === name) return (text ?? '').trim().replaceAll('"', '')
  }
  return undefined
}

/**
 * Which of two forms to answer with: the alternative only when `accept` names it with a greater
 * weight than the usual form. No answer is ever refused for its type (standards.md §5.5).
 */
export function chooseType<Type extends string>(
  accept: string | undefined,
  forms: { readonly usual: Type; readonly alternative: Type },
): Type {
  // The common case is an exact name or nothing, and it is on the path of every registration.
  if (accept === undefined || accept === forms.usual) return forms.usual
  return weightOf(accept, forms.alternative) > weightOf(accept, forms.usual)
    ? forms.alternative
    : forms.usual
}

function weightOf(accept: string, name: string): number {
  for (const range of accept.split(',')) {
    if (mediaTypeName(range) !== name) continue
    const weight = Number(mediaTypeParameter(range, 'q') ?? 1)
    return weight >= 0 && weight <= 1 ? weight : 0
  }
  return 0
}
