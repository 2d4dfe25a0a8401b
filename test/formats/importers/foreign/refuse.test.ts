import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SnapError } from '../../../../src/errors.ts'
import { FOREIGN_FILES } from '../../../../src/formats/importers/foreign/known.ts'
import { pickImporter } from '../../../../src/formats/importers/importer.ts'
import { recogniseFolder } from '../../../../src/formats/importers/open-input.ts'
import { IMPORTERS } from '../../../../src/formats/importers/registry.ts'
import { bytesFolder } from '../../../../src/formats/source/bytes-folder.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'

const bytes = (text: string, length = text.length): Uint8Array => {
  const out = new Uint8Array(Math.max(length, text.length))
  out.set(Buffer.from(text, 'latin1'))
  return out
}
const at = (offset: number, text: string, length = 1024): Uint8Array => {
  const out = bytes('', length)
  out.set(Buffer.from(text, 'latin1'), offset)
  return out
}
const elf = (type: number, machine: number): Uint8Array => {
  const out = bytes('\x7fELF\x02\x01\x01', 64)
  out[16] = type
  out[18] = machine
  return out
}

const refusal = async (file: Uint8Array, name = 'some/file'): Promise<unknown> => {
  try {
    return (await pickImporter(bytesSource(file, name), IMPORTERS)).id
  } catch (error) {
    return error
  }
}

test.each<[string, Uint8Array, RegExp, RegExp]>([
  ["Apple's saved state", bytes('anything'), /Virtualization framework/, /bound to the Mac/],
  ['CRIU', bytes('\x19\x43\x56\x54\x16\x31\x31\x58'), /CRIU image/, /crit/],
  ['lzop', bytes('\x89LZO\0\r\n\x1a\n'), /lzop/, /lzop -d/],
  ['a core dump of arm64', elf(4, 183), /an ELF core dump/, /does not read|do not read|not read/],
  ['a core dump of x86', elf(4, 62), /an x86 core dump/, /arm64 guests only/],
  ['an ELF program', elf(3, 183), /an ELF program/, /saved state/],
  ['a tar that is not ours', at(257, 'ustar\x0000'), /tar archive that psci-snap did not write/, /unpack it/],
  ['memory', new Uint8Array(4096), /raw memory/, /no registers/],
  ['a kernel', at(56, 'ARMd'), /arm64 kernel image/, /not its kernel/],
  ['an x86 kernel', at(0x202, 'HdrS'), /x86 kernel/, /arm64 guests only/],
  ['a device tree', bytes('\xd0\x0d\xfe\xed', 64), /device tree/, /saved state/],
  ['a zip file', bytes('PK\x03\x04', 64), /zip/, /unpack/],
  ['LZ4', bytes('\x04\x22\x4d\x18', 64), /LZ4/, /unpack/],
  ['VMware', bytes('\xd2\xbe\xd2\xbe', 64), /VMware/, /KVM/],
  ['VirtualBox', bytes('\x7fVirtualBox SavedState V2.0\n', 64), /VirtualBox/, /KVM/],
  ['Xen', bytes('LibxlFmt', 64), /Xen/, /KVM/],
  ['a partition table', at(510, '\x55\xaa'), /disk image/, /no vCPU state/],
  ['kdump', bytes('KDUMP   ', 64), /kdump/, /no vCPU state/],
])('%s is refused by name, with what to do', async (name, file, what, hint) => {
  const error = await refusal(file, name === "Apple's saved state" ? 'My VM/SaveFile.vzvmsave' : 'some/file')
  expect(error).toMatchObject({ code: 'FORMAT_FOREIGN', exitCode: 11, message: expect.stringMatching(what), hint: expect.stringMatching(hint) })
})

test('a qcow2 image without a guest in it is no unknown format', async () => {
  const image = bytes('QFI\xfb\0\0\0\x03', 512)
  const error = await refusal(image)
  if (typeof error !== 'string') expect(error).toMatchObject({ code: 'FORMAT_FOREIGN', message: expect.stringMatching(/qcow2/) })
})

test('what is nothing known stays unknown, and says what can be read', async () => {
  expect(await refusal(bytes('hello world'))).toMatchObject({
    code: 'FORMAT_UNKNOWN',
    hint: expect.stringMatching(/QEMU.*Firecracker.*Cloud Hypervisor.*crosvm.*StratoVirt/),
  })
})

test('any bytes: no row throws, whatever the name', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.string(), (head, name) => {
      for (const file of FOREIGN_FILES) expect(typeof file.matches(head, name)).toBe('boolean')
    }),
    { seed: 21, numRuns: 300 },
  )
})

describe('folders', () => {
  const open = async (files: Record<string, string>): Promise<unknown> => {
    try {
      const { importer } = await recogniseFolder(bytesFolder(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, bytes(text)]))), IMPORTERS)
      return importer.id
    } catch (error) {
      if (error instanceof SnapError) return error
      throw error
    }
  }
  test('of CRIU, of Apple, encrypted', async () => {
    expect(await open({ 'inventory.img': '', 'core-1.img': '' })).toMatchObject({ code: 'FORMAT_FOREIGN', message: expect.stringMatching(/CRIU/) })
    expect(await open({ 'SaveFile.vzvmsave': '', 'Disk.img': '' })).toMatchObject({ code: 'FORMAT_FOREIGN', message: expect.stringMatching(/Apple/) })
    expect(await open({ enc_metadata: '', mem_metadata: '' })).toMatchObject({ code: 'FORMAT_FOREIGN', message: expect.stringMatching(/encrypted crosvm/) })
  })
  test('of something else: what is in it, and which of its files could be named', async () => {
    expect(await open({ 'dump.json': '{"format":"kvm-reglist"}', notes: 'x' })).toMatchObject({
      code: 'FORMAT_UNKNOWN',
      message: 'folder is a folder that psci-snap does not know as a snapshot; it holds dump.json notes',
      hint: 'name the file: folder/dump.json (kvm-reglist)',
    })
  })
  test('with a state.json that is not the one of Cloud Hypervisor', async () => {
    expect(await open({ 'state.json': '{"a":1}' })).toMatchObject({ code: 'FORMAT_UNKNOWN' })
  })
  test('that two importers claim', async () => {
    const cloud = '{"snapshots":{"cpu-manager":{}}}'
    expect(await open({ 'state.json': cloud })).toBe('cloud-hypervisor')
    expect(await open({ 'state.json': cloud, mem_metadata: '\xa2gregions\x80' })).toMatchObject({
      code: 'FORMAT_UNKNOWN',
      message: expect.stringMatching(/both cloud-hypervisor and crosvm/),
    })
  })
})
