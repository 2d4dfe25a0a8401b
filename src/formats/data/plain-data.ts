// Owns what the data readers (exact-json.ts, cbor.ts) give: values of JSON's and CBOR's model with every integer exact. Knows no format.

/**
 * An integer is a number while it is exact as one, else a bigint of any size. Maps keep the order of the file; their keys are texts, and in CBOR
 * also integers. Bytes only come from CBOR.
 */
export type Data = null | boolean | number | bigint | string | Uint8Array | readonly Data[] | DataMap
export type DataMap = ReadonlyMap<string | number | bigint, Data>

/** Bounds on hostile data. */
export interface DataLimits {
  readonly depth: number
  /** Items in lists and maps together; a map or list itself weighs as much as 16 of them. */
  readonly items: number
}

/** Depth: what any VMM writes is below 20. Items: a list of byte values costs one each, and Cloud Hypervisor writes 255 vCPUs so. */
export const DATA_LIMITS: DataLimits = { depth: 64, items: 8_000_000 }
export const CONTAINER_WEIGHT = 16

/** The one form of an integer: number or bigint. */
export const exactInteger = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
