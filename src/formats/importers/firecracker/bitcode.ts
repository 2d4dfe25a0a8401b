// Owns the columnar encoding of Firecracker v1.15 and later: serde bitcode 0.6. Every position in the type tree is one column; columns stand in the
// order in which saving first reached them. Source: facts/vmm-formats.md §1.6. Knows no Firecracker type.
import { ByteWriter } from './byte-writer.ts'
import type { Input } from './input.ts'
import { FIRECRACKER_LIMITS } from './limits.ts'
import { packBytes, packDigits, packInts, packLengths, unpackBytes, unpackDigits, unpackInts, unpackLengths, type Wide } from './packed-ints.ts'
import type { Shape } from './shape.ts'

/** Reads one value; what follows its columns is left unread. Throws INPUT_CORRUPT or LIMIT_EXCEEDED with the offset. */
export function decodeBitcode<T>(shape: Shape<T>, input: Input, what: string): T {
  return column(shape, 1, input, what, 0)() as T
}

/** The columns of one value, byte for byte as the real encoder puts them down. */
export function encodeBitcode<T>(shape: Shape<T>, value: T): Uint8Array {
  const flushes: (() => void)[] = []
  const writer = new ByteWriter()
  collector(shape, writer, flushes)(value)
  for (const flush of flushes) flush()
  return writer.finish()
}

/** Gives the values at one position of the tree, one a call, `count` in all. Its column is read when the first is asked for. */
function column(shape: Shape<unknown>, count: number, input: Input, what: string, depth: number): () => unknown {
  let next = 0
  switch (shape.kind) {
    case 'int': {
      let values: ArrayLike<number | bigint> | undefined
      return () => {
        values ??= shape.width === 1 ? unpackBytes(input, count, what) : unpackInts(input, count, shape.width as Wide, what)
        return values[next++]
      }
    }
    case 'bool': {
      let values: Uint8Array | undefined
      return () => (values ??= unpackDigits(input, count, 2, what))[next++] === 1
    }
    case 'text':
    case 'bytes': {
      let lengths: readonly number[] | undefined
      let content: Uint8Array | undefined
      let at = 0
      return () => {
        if (!lengths) {
          const [each, sum] = byteLengths(input, count, what)
          lengths = each
          // Text has no column of its own for its bytes: they stand behind the lengths, as they are.
          if (shape.kind === 'text') content = input.bytes(sum, what)
          else if (sum === 0) content = new Uint8Array(0)
        }
        const length = lengths[next++]!
        if (length > 0)
          content ??= unpackBytes(
            input,
            lengths.reduce((sum, each) => sum + each, 0),
            what,
          )
        const piece = (content ?? new Uint8Array(0)).slice(at, at + length)
        at += length
        return shape.kind === 'text' ? input.text(piece, what) : piece
      }
    }
    case 'list': {
      let lengths: readonly number[] | undefined
      let item: (() => unknown) | undefined
      return () => {
        if (!lengths) {
          const raw = unpackLengths(input, count, what)
          const sum = raw.reduce<bigint>((total, each) => total + BigInt(each), 0n)
          item = column(shape.item, input.spend(sum, what), input, what, depth)
          lengths = raw.map(Number)
        }
        return Array.from({ length: lengths[next++]! }, () => item!())
      }
    }
    case 'option': {
      let variants: Uint8Array | undefined
      let item: (() => unknown) | undefined
      return () => {
        if (!variants) {
          variants = unpackBytes(input, count, what)
          const some = variants.reduce((sum, each) => sum + Number(each === 1), 0)
          item = column(shape.item, some, input, what, depth)
        }
        const variant = variants[next++]!
        if (variant > 1) throw input.wrong(`${what} is variant ${variant} of an option`)
        return variant === 1 ? item!() : undefined
      }
    }
    case 'enum': {
      let variants: Uint8Array | undefined
      return () => {
        variants ??= unpackBytes(input, count, what)
        const index = variants[next++]!
        const variant = shape.variants[index]
        if (typeof variant !== 'string') throw input.wrong(`${what} is variant ${index}, of which there are ${shape.variants.length}`)
        return variant
      }
    }
    case 'struct': {
      const fields = shape.fields.map(([name, field]) => [name, column(field, count, input, name, depth)] as const)
      return () => {
        const value: Record<string, unknown> = {}
        for (const [name, field] of fields) value[name] = field()
        return value
      }
    }
    case 'later': {
      // Every depth of a recursive type is a position, and a column, of its own.
      let inner: (() => unknown) | undefined
      return () => {
        if (depth >= FIRECRACKER_LIMITS.depth) throw input.wrong(`${what} is nested deeper than ${FIRECRACKER_LIMITS.depth}`, 'LIMIT_EXCEEDED')
        inner ??= column(shape.shape(), count, input, what, depth + 1)
        return inner()
      }
    }
    default:
      return shape satisfies never
  }
}

/** The lengths of byte strings and their sum, which the file has to be able to hold: eight values share a byte at best. */
function byteLengths(input: Input, count: number, what: string): readonly [readonly number[], number] {
  const raw = unpackLengths(input, count, what)
  const sum = raw.reduce<bigint>((total, each) => total + BigInt(each), 0n)
  if (sum > BigInt(input.left) * 8n) throw input.wrong(`${what} needs ${sum} bytes, ${input.left} are left`)
  return [raw.map(Number), Number(sum)]
}

/** Takes the values at one position, one a call; the first call puts the column into `flushes`, which write it. */
function collector(shape: Shape<unknown>, writer: ByteWriter, flushes: (() => void)[]): (value: unknown) => void {
  const values: unknown[] = []
  const keep = (value: unknown, flush: () => void): void => {
    if (values.length === 0) flushes.push(flush)
    values.push(value)
  }
  switch (shape.kind) {
    case 'int': {
      const flush = (): void =>
        shape.width === 1 ? packBytes(writer, Uint8Array.from(values as number[])) : packInts(writer, values as (number | bigint)[], shape.width as Wide)
      return value => keep(value, flush)
    }
    case 'bool':
      return value => keep(value, () => packDigits(writer, Uint8Array.from(values, Number), 2))
    case 'text':
      return value =>
        keep(new TextEncoder().encode(value as string), () => {
          packLengths(
            writer,
            (values as Uint8Array[]).map(each => each.length),
          )
          for (const each of values as Uint8Array[]) writer.bytes(each)
        })
    case 'bytes': {
      let any = false
      return value => {
        keep(value, () =>
          packLengths(
            writer,
            (values as Uint8Array[]).map(each => each.length),
          ),
        )
        if (!any && (value as Uint8Array).length > 0) {
          any = true
          flushes.push(() => packBytes(writer, Buffer.concat(values as Uint8Array[])))
        }
      }
    }
    case 'list': {
      const item = collector(shape.item, writer, flushes)
      return value => {
        keep((value as readonly unknown[]).length, () => packLengths(writer, values as number[]))
        for (const each of value as readonly unknown[]) item(each)
      }
    }
    case 'option': {
      const item = collector(shape.item, writer, flushes)
      return value => {
        keep(value === undefined ? 0 : 1, () => packBytes(writer, Uint8Array.from(values as number[])))
        if (value !== undefined) item(value)
      }
    }
    case 'enum':
      return value => keep(shape.variants.indexOf(value as string), () => packBytes(writer, Uint8Array.from(values as number[])))
    case 'struct': {
      const fields = shape.fields.map(([name, field]) => [name, collector(field, writer, flushes)] as const)
      return value => {
        for (const [name, field] of fields) field((value as Readonly<Record<string, unknown>>)[name])
      }
    }
    case 'later': {
      let inner: ((value: unknown) => void) | undefined
      return value => (inner ??= collector(shape.shape(), writer, flushes))(value)
    }
    default:
      return shape satisfies never
  }
}
