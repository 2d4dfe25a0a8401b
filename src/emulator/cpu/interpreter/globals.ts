// Owns the short words for what generated code reads at fixed addresses. Knows no function.
import { constant32, type I32Expression, type I64Expression, i32, load32, load64, wrap } from '../wasm/expression.ts'
import { TABLE } from './layout.ts'

export const ZERO = constant32(0)
export const global32 = (address: number): I32Expression => load32(ZERO, address)
export const global64 = (address: number): I64Expression => load64(ZERO, address)
export const tableIndex = (address: I64Expression): I32Expression => i32.and(i32.shrU(wrap(address), constant32(TABLE.indexShift)), constant32(TABLE.indexMask))
