// Owns device trees and ACPI tables made for tests, written after the specifications and not by the code under test.

export type Tree = { readonly [name: string]: Tree | string | readonly number[] }

/** A flattened device tree: nodes are objects, properties texts or lists of 32-bit cells. */
export function deviceTree(root: Tree): Uint8Array {
  const strings: string[] = []
  let stringBytes = 0
  const offsets = new Map<string, number>()
  const nameAt = (name: string): number => {
    let at = offsets.get(name)
    if (at === undefined) {
      at = stringBytes
      offsets.set(name, at)
      strings.push(`${name}\0`)
      stringBytes += name.length + 1
    }
    return at
  }
  const word = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value >>> 0)
    return bytes
  }
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
  const node = (name: string, tree: Tree): Buffer[] => [
    word(1),
    padded(Buffer.from(`${name}\0`)),
    ...Object.entries(tree).flatMap(([key, value]) => {
      if (typeof value === 'object' && !Array.isArray(value)) return []
      const bytes = typeof value === 'string' ? Buffer.from(`${value}\0`) : Buffer.concat((value as readonly number[]).map(word))
      return [word(3), word(bytes.length), word(nameAt(key)), padded(bytes)]
    }),
    ...Object.entries(tree).flatMap(([key, value]) => (typeof value === 'object' && !Array.isArray(value) ? node(key, value as Tree) : [])),
    word(2),
  ]
  const structure = Buffer.concat([...node('', root), word(9)])
  const text = Buffer.from(strings.join(''), 'latin1')
  const structAt = 40 + 16
  const stringsAt = structAt + structure.length
  const header = [0xd00dfeed, stringsAt + text.length, structAt, stringsAt, 40, 17, 16, 0, text.length, structure.length].map(word)
  return new Uint8Array(Buffer.concat([...header, Buffer.alloc(16), structure, text]))
}

const checksummed = (bytes: Buffer, at: number, length = bytes.length): Buffer => {
  bytes[at] = 0
  bytes[at] = -bytes.subarray(0, length).reduce((sum, byte) => sum + byte, 0) & 0xff
  return bytes
}

export function acpiTable(signature: string, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(36 + body.length)
  bytes.write(signature, 0, 'latin1')
  bytes.writeUInt32LE(bytes.length, 4)
  bytes.set(body, 36)
  return checksummed(bytes, 9)
}

export function rsdp(xsdt: bigint): Buffer {
  const bytes = Buffer.alloc(36)
  bytes.write('RSD PTR ', 0, 'latin1')
  bytes.write('BOCHS ', 9, 'latin1')
  bytes[15] = 2
  bytes.writeUInt32LE(36, 20)
  bytes.writeBigUInt64LE(xsdt, 24)
  checksummed(bytes, 8, 20)
  return checksummed(bytes, 32)
}

export function fadt(facs: bigint, armBootArch: number): Buffer {
  const body = Buffer.alloc(268 - 36)
  body.writeUInt16LE(armBootArch, 129 - 36)
  body.writeBigUInt64LE(facs, 132 - 36)
  return acpiTable('FACP', body)
}

export function facs(hardwareSignature: number): Buffer {
  const bytes = Buffer.alloc(64)
  bytes.write('FACS', 0, 'latin1')
  bytes.writeUInt32LE(64, 4)
  bytes.writeUInt32LE(hardwareSignature, 8)
  return bytes
}

/** What QEMU gives firmware as etc/acpi/tables on a board that has a FACS: FACS, DSDT, FADT, with offsets for addresses. */
export function tableBlob(hardwareSignature: number): Uint8Array {
  const table = acpiTable('FACP', new Uint8Array(244 - 36))
  table.writeUInt32LE(64, 40)
  return new Uint8Array(Buffer.concat([facs(hardwareSignature), acpiTable('DSDT', new Uint8Array(64).fill(7)), table, Buffer.alloc(100)]))
}

export interface ScriptPointer {
  readonly file: string
  readonly source: string
  readonly offset: number
  readonly size: number
}

/** A etc/table-loader: an allocation, a checksum, and these pointers. */
export function loaderScript(pointers: readonly ScriptPointer[]): Uint8Array {
  const entry = (command: number, fill: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.alloc(128)
    bytes.writeUInt32LE(command)
    fill(bytes)
    return bytes
  }
  return new Uint8Array(
    Buffer.concat([
      entry(1, bytes => bytes.write('etc/acpi/tables', 4)),
      entry(3, bytes => bytes.write('etc/acpi/tables', 4)),
      ...pointers.map(({ file, source, offset, size }) =>
        entry(2, bytes => {
          bytes.write(file, 4)
          bytes.write(source, 60)
          bytes.writeUInt32LE(offset, 116)
          bytes[120] = size
        }),
      ),
      Buffer.alloc(256),
    ]),
  )
}
