// Owns the telling of kernels that do not boot here by their first bytes, so that a user hears what the file is and not that a guest does nothing.

/** What the file is, in words; undefined for what may be a kernel for this machine. */
export function foreignKernel(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = (offset: number, littleEndian = true): number | undefined => (bytes.length >= offset + 4 ? view.getUint32(offset, littleEndian) : undefined)
  if (at(0x202) === 0x5372_6448) return 'a bzImage, a kernel for x86'
  if (at(0x24) === 0x016f_2818) return 'a zImage, a kernel for 32-bit Arm'
  if (at(0, false) === 0x2705_1956) return 'an uImage of U-Boot, which is not unpacked here'
  if (at(0, false) === 0xd00d_feed) return 'a device tree or a FIT image'
  if (at(0x38) === 0x0543_5352) return 'a kernel for RISC-V'
  if (startsWith(bytes, '0707')) return 'a cpio archive, as an initramfs is: --initrd takes it'
  if (startsWith(bytes, '!<arch>')) return 'a package or library archive'
  if (startsWith(bytes, '#!')) return 'a script'
  return undefined
}

const startsWith = (bytes: Uint8Array, text: string): boolean => [...text].every((char, n) => bytes[n] === char.charCodeAt(0))
