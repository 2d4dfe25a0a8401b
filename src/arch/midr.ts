// Owns which CPU a MIDR_EL1 stands for, by the names that builds use. Knows nothing of what the CPU can do.
// Source: Linux arch/arm64/include/asm/cputype.h. The Neoverse N1, V1 and V2 rows are what real fingerprints of those hosts hold.

/** Implementer 0x41 (Arm): part number to name. */
const ARM_PARTS: Readonly<Record<number, string>> = {
  3331: 'cortex-a53',
  3332: 'cortex-a35',
  3333: 'cortex-a55',
  3335: 'cortex-a57',
  3336: 'cortex-a72',
  3337: 'cortex-a73',
  3338: 'cortex-a75',
  3339: 'cortex-a76',
  3340: 'neoverse-n1',
  3392: 'neoverse-v1',
  3393: 'cortex-a78',
  3396: 'cortex-x1',
  3398: 'cortex-a510',
  3399: 'cortex-a710',
  3400: 'cortex-x2',
  3401: 'neoverse-n2',
  3407: 'neoverse-v2',
}

/** The CPU's name, or undefined for a part that is not known by name. */
export function cpuName(midr: bigint): string | undefined {
  return midr >> 24n === 0x41n ? ARM_PARTS[Number((midr >> 4n) & 0xfffn)] : undefined
}
