// Owns the description of a saved value's type, which both encodings read: the same tree, written in sequence (bincode) or by columns (bitcode).
// Knows no encoding and no Firecracker.

type Node =
  /** Up to 4 bytes a number, wider ones a bigint. */
  | { readonly kind: 'int'; readonly width: 1 | 2 | 4 | 8 | 16 }
  | { readonly kind: 'bool' }
  | { readonly kind: 'text' }
  /** A byte string: a list of u8. */
  | { readonly kind: 'bytes' }
  | { readonly kind: 'list'; readonly item: Shape<unknown> }
  /** undefined or the value. */
  | { readonly kind: 'option'; readonly item: Shape<unknown> }
  /** A variant without a value is its name, one with a value [name, value]. */
  | { readonly kind: 'enum'; readonly variants: readonly Variant[] }
  | { readonly kind: 'struct'; readonly fields: readonly (readonly [string, Shape<unknown>])[] }
  | { readonly kind: 'later'; readonly shape: () => Shape<unknown> }

type Variant = string | readonly [name: string, value: Shape<unknown>]

/** A type tree whose values are T. `gives` never exists; it carries the type. */
export type Shape<T> = Node & { readonly gives?: () => T }
export type ValueOf<S> = S extends { readonly gives?: () => infer T } ? T : never

const int = <T>(width: 1 | 2 | 4 | 8 | 16): Shape<T> => ({ kind: 'int', width })
export const u8 = int<number>(1)
export const u32 = int<number>(4)
export const u64 = int<bigint>(8)
export const u128 = int<bigint>(16)
export const bool: Shape<boolean> = { kind: 'bool' }
export const text: Shape<string> = { kind: 'text' }
export const bytes: Shape<Uint8Array> = { kind: 'bytes' }
export const list = <T>(item: Shape<T>): Shape<T[]> => ({ kind: 'list', item })
export const option = <T>(item: Shape<T>): Shape<T | undefined> => ({ kind: 'option', item })
export const choice = (...names: readonly string[]): Shape<string> => ({ kind: 'enum', variants: names })
export const tagged = <T>(...variants: readonly (readonly [string, Shape<T>])[]): Shape<readonly [string, T]> => ({ kind: 'enum', variants })
export const later = <T>(shape: () => Shape<T>): Shape<T> => ({ kind: 'later', shape })

/** Fields in the order they are saved in. */
export const struct = <F extends Readonly<Record<string, Shape<unknown>>>>(fields: F): Shape<{ -readonly [K in keyof F]: ValueOf<F[K]> }> => ({
  kind: 'struct',
  fields: Object.entries(fields),
})

/** Names [T; N] and other tuples' parts 0 … N-1. */
export const tuple = <T>(item: Shape<T>, count: number): Shape<Readonly<Record<string, T>>> => ({
  kind: 'struct',
  fields: Array.from({ length: count }, (_, i) => [String(i), item] as const),
})
