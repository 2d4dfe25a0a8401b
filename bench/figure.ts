// Owns one figure of a bench and how it prints: the value, and its ratio to a limit or a peer measured in the same run.

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the project promises, in the same unit. */
  readonly limit?: number
  /** What something else took for the same work in the same run. */
  readonly peer?: { readonly name: string; readonly value: number }
  readonly better: 'less' | 'more'
}

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))

/** One table row: name, value, limit and whether it is kept, ratio to the peer. */
export function figureCells({ name, value, unit, limit, peer, better }: Figure): readonly string[] {
  const kept = limit === undefined ? '' : (better === 'less' ? value <= limit : value >= limit) ? 'kept' : 'MISSED'
  return [
    name,
    `${number(value)} ${unit}`,
    limit === undefined ? '' : `${better === 'less' ? 'at most' : 'at least'} ${number(limit)} ${unit}: ${kept}`,
    peer === undefined ? '' : `${number(value / peer.value)} × ${peer.name} (${number(peer.value)} ${unit})`,
  ]
}
