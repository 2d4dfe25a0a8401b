// table of things that people give to psci-snap and that it does not read: how each is recognised by its first bytes, what it is, what to do.
// Sources: the magic numbers are those of the formats' own headers (elf.h, CRIU magic.h, lzop, qcow2.txt, POSIX ustar …).

export interface ForeignFile {
  readonly name: string
  readonly hint: string
  matches(head: Uint8Array, name: string): boolean
}

const starts = (...bytes: number[]) => at(0, ...bytes)
const at =
  (offset: number, ...bytes: number[]) =>
  (head: Uint8Array): boolean =>
    bytes.every((byte, i) => head[offset + i] === byte)
const text = (wanted: string, offset = 0) => at(offset, ...Buffer.from(wanted, 'latin1'))
const either =
  (...matches: ((head: Uint8Array) => boolean)[]) =>
  (head: Uint8Array): boolean =>
    matches.some(match => match(head))
const u16 = (head: Uint8Array, offset: number): number => (head[offset] ?? 0) | ((head[offset + 1] ?? 0) << 8)
const elf = text('\x7fELF')
const suffix = (name: string, pattern: RegExp): boolean => pattern.test(name)

const UNPACK = 'unpack it and name what is inside'
const NOT_ARM = 'psci-snap reads saved arm64 guests only'
const SAVE_STATE = 'a disk or memory image has no vCPU state: save the guest with its VMM (QEMU: migrate to a file, or savevm) and name that file'

/** In order: the first that matches is named. */
export const FOREIGN_FILES: readonly ForeignFile[] = [
  {
    name: "a virtual machine saved by Apple's Virtualization framework",
    hint: 'it is opaque and bound to the Mac that wrote it; restore it there with the program that saved it. psci-snap cannot read it',
    matches: (_head, name) => suffix(name, /\.vzvmsave$/i) || suffix(name, /(^|\/)SaveFile(\.[a-z]+)?$/),
  },
  {
    name: 'a CRIU image',
    hint: 'CRIU saves processes, not virtual machines; read it with crit',
    matches: head => isCriu(head),
  },
  {
    name: 'a file compressed with lzop',
    hint: 'unpack it with `lzop -d` and name the result',
    matches: starts(0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a),
  },
  { name: 'a file compressed with LZ4', hint: UNPACK, matches: either(starts(0x04, 0x22, 0x4d, 0x18), starts(0x02, 0x21, 0x4c, 0x18)) },
  { name: 'a zip file', hint: UNPACK, matches: either(starts(0x50, 0x4b, 3, 4), starts(0x50, 0x4b, 5, 6)) },
  { name: 'a 7-Zip file', hint: UNPACK, matches: starts(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c) },
  {
    name: 'an x86 core dump',
    hint: NOT_ARM,
    matches: head => elf(head) && u16(head, 16) === 4 && (u16(head, 18) === 62 || u16(head, 18) === 3),
  },
  {
    name: 'an ELF core dump',
    hint: 'a core has memory and general registers but not the system and firmware registers that a restore needs; psci-snap writes cores (convert) and does not read them',
    matches: head => elf(head) && u16(head, 16) === 4,
  },
  { name: 'an ELF program or kernel', hint: 'name the saved state of a guest, not what it ran', matches: elf },
  { name: 'a kdump', hint: 'it is memory for `crash`; it has no vCPU state that can be restored', matches: either(text('KDUMP   '), text('makedumpfile\0')) },
  { name: 'a LiME memory dump', hint: SAVE_STATE, matches: text('EMiL') },
  { name: 'an arm64 kernel image', hint: 'name the saved state of a guest, not its kernel', matches: text('ARM\x64', 56) },
  { name: 'an x86 kernel image', hint: NOT_ARM, matches: text('HdrS', 0x202) },
  { name: 'a device tree', hint: 'name the saved state of a guest, not its device tree', matches: starts(0xd0, 0x0d, 0xfe, 0xed) },
  { name: 'a qcow2 image without a saved guest in it', hint: `a guest is in it after \`savevm\`; ${SAVE_STATE}`, matches: text('QFI\xfb') },
  { name: 'a VMware disk', hint: SAVE_STATE, matches: either(text('KDMV'), text('# Disk DescriptorFile')) },
  { name: 'a VHDX disk', hint: SAVE_STATE, matches: text('vhdxfile') },
  { name: 'a VHD disk', hint: SAVE_STATE, matches: text('conectix') },
  { name: 'a VirtualBox disk', hint: SAVE_STATE, matches: text('<<< ') },
  { name: 'a LUKS container', hint: 'open it and name the file inside', matches: starts(0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe) },
  { name: 'a saved state of VirtualBox', hint: `${NOT_ARM}, saved on KVM`, matches: text('\x7fVirtualBox SavedState') },
  {
    name: 'a suspended state of VMware',
    hint: `${NOT_ARM}, saved on KVM`,
    matches: either(starts(0xd0, 0xbe, 0xd2, 0xbe), starts(0xd1, 0xba, 0xd1, 0xba), starts(0xd2, 0xbe, 0xd2, 0xbe), starts(0xd3, 0xbe, 0xd3, 0xbe)),
  },
  {
    name: 'a saved domain of Xen',
    hint: `${NOT_ARM}, saved on KVM`,
    matches: either(
      text('Xen saved domain, xl format'),
      text('LinuxGuestRecord'),
      text('LibxlFmt'),
      head => head.subarray(0, 8).every(b => b === 0xff) && text('XENF', 8)(head),
    ),
  },
  {
    name: 'a tar archive that psci-snap did not write',
    hint: 'unpack it and name the folder or the file inside; a .psnap begins with manifest.json',
    matches: text('ustar', 257),
  },
  { name: 'a cpio archive', hint: 'name the saved state of a guest, not its initrd', matches: either(text('070701'), text('070702'), text('070707')) },
  { name: 'a Windows program', hint: 'name the saved state of a guest', matches: head => text('MZ')(head) && head.length > 0x40 },
  { name: 'a disk image with a partition table', hint: SAVE_STATE, matches: head => at(510, 0x55, 0xaa)(head) },
  {
    name: 'raw memory, or a disk that begins empty',
    hint: `guest memory alone has no registers; name the state file that belongs to it (Firecracker: the vmstate, Cloud Hypervisor: the folder). ${SAVE_STATE}`,
    matches: head => head.length >= 512 && head.every(byte => byte === 0),
  },
]

/** CRIU: the first word says "image file", "service file" or "inventory", the second which one (images/, include/magic.h: 0x5xxxxxxx map codes). */
function isCriu(head: Uint8Array): boolean {
  if (head.length < 4) return false
  const word = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0, true)
  return word === 0x54564319 || word === 0x55105940 || word === 0x58313116
}

export interface ForeignFolder {
  readonly name: string
  readonly hint: string
  /** True for the names directly in the folder, folders ending in `/`. */
  matches(names: ReadonlySet<string>): boolean
}

export const FOREIGN_FOLDERS: readonly ForeignFolder[] = [
  {
    name: 'a folder of CRIU images',
    hint: 'CRIU saves processes, not virtual machines; read it with crit or checkpointctl',
    matches: names => names.has('inventory.img') || names.has('stats-dump') || (names.has('checkpoint/') && names.has('config.dump')),
  },
  {
    name: "a virtual machine of Apple's Virtualization framework",
    hint: 'its saved state is opaque and bound to the Mac that wrote it; psci-snap cannot read it',
    matches: names => [...names].some(name => /\.vzvmsave$/i.test(name)) || (names.has('MachineIdentifier') && names.has('HardwareModel')),
  },
  {
    name: 'an encrypted crosvm snapshot',
    hint: 'crosvm alone has the key; take the snapshot without --encrypt',
    matches: names => names.has('enc_metadata'),
  },
]
