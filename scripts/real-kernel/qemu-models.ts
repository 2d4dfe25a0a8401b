// Owns what QEMU's models of the same CPU have different between the release that the recordings were made with (11.1) and older ones: registers of the
// emulated hardware, which no kernel can help. Measured by booting the same kernels on QEMU 7.2; each row excuses exactly these bits.

export interface ModelDifference {
  readonly cpu: string
  readonly name: string
  /** ONE_REG id. */
  readonly id: bigint
  /** Bits in which the two models differ. */
  readonly bits: bigint
}

export const QEMU_MODELS: readonly ModelDifference[] = [
  // MMapTrc: the older model claims a memory-mapped trace unit.
  { cpu: 'cortex-a72', name: 'ID_DFR0_EL1', id: 0x6030_0000_0013_c00an, bits: 0x1_0000n },
  // The L1 data cache of 32 KiB: 2 ways of 256 sets in the older model, 4 ways of 128 sets in the newer.
  { cpu: 'cortex-a72', name: 'CCSIDR_EL1[0]', id: 0x6020_0000_0011_0000n, bits: 0x701f_e00an ^ 0x700f_e01an },
]

/** The row of the table that explains why a register has these two values. */
export const modelDifference = (cpu: string, id: bigint, a: bigint, b: bigint): ModelDifference | undefined =>
  QEMU_MODELS.find(row => row.cpu === cpu && row.id === id && row.bits === (a ^ b))

/** The same for a row of two recordings: `[id, value]`, or what became of writing to an ID register, whose value decides it. */
export function explainedByModel(cpu: string, expected: unknown, actual: unknown): ModelDifference | undefined {
  const [a, b] = [registerIn(expected), registerIn(actual)]
  return a && b && a.id === b.id ? modelDifference(cpu, a.id, a.value, b.value) : undefined
}

function registerIn(row: unknown): { readonly id: bigint; readonly value: bigint } | undefined {
  const [id, value] = Array.isArray(row) ? row : typeof row === 'object' && row !== null ? [(row as { id?: unknown }).id, (row as { val?: unknown }).val] : []
  const isHex = (text: unknown): text is string => typeof text === 'string' && /^0x[0-9a-f]+$/.test(text)
  return isHex(id) && isHex(value) ? { id: BigInt(id), value: BigInt(value) } : undefined
}
