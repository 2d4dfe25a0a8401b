// Owns the devices that Debian's kernel finds by its modules: disk, entropy and console over virtio-mmio, and the clock. The disk is looked at from both sides.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EPOCH_SECONDS } from '../../src/emulator/board/memory-map.ts'
import { run } from '../../src/ops/run/run.ts'
import { findFile } from '../real-kernel/fetch.ts'
import type { Checks } from './checks.ts'
import { readLog } from './guest-log.ts'
import { AUTO } from './initramfs.ts'
import { typist } from './typist.ts'

/** In the order in which they are loaded. */
const MODULES = ['virtio_ring', 'virtio', 'virtio_mmio', 'virtio_blk', 'virtio_console', 'virtio-rng'] as const
const DISK_BYTES = 8 << 20
const WRITTEN = 'written by the guest'
const SECTOR = 512
const WRITTEN_SECTOR = 4000

const SCRIPT = `for each in ${MODULES.join(' ')}; do insmod /modules/$each.ko; done
echo "~DISK $(cat /sys/block/vda/size) $(dd if=/dev/vda bs=64k 2>/dev/null | sha256sum)"
echo "${WRITTEN}" | dd of=/dev/vda bs=${SECTOR} seek=${WRITTEN_SECTOR} conv=notrunc,fsync 2>/dev/null
echo "~RNG $(cat /sys/class/misc/hw_random/rng_available) $(dd if=/dev/hwrng bs=32 count=1 2>/dev/null | sha256sum)"
echo "printed to hvc0" >/dev/hvc0
echo "~CLOCK $(cat /sys/class/rtc/rtc0/since_epoch)"
`

/** What is in the initramfs for this; undefined when the package has no modules as they are needed. */
export function deviceFiles(kernelFolder: string, folder: string): Readonly<Record<string, string>> | undefined {
  const modules = MODULES.map(name => [`modules/${name}.ko`, findFile(kernelFolder, new RegExp(`^${name}\\.ko$`))] as const)
  if (modules.some(([, file]) => file === undefined)) return undefined
  const script = join(folder, 'more')
  writeFileSync(script, SCRIPT)
  return { more: script, ...Object.fromEntries(modules as readonly (readonly [string, string])[]) }
}

export async function checkDevices(title: string, kernel: string, initrd: string, folder: string, { check }: Checks, signal: AbortSignal): Promise<void> {
  const disk = join(folder, 'disk.img')
  const contents = Uint8Array.from({ length: DISK_BYTES }, (_, n) => (n * 7 + (n >> 9)) & 0xff)
  const boot = async (readOnly: boolean, seed: bigint) => {
    writeFileSync(disk, contents)
    const port = typist([])
    const report = await run({
      kernel,
      initrd,
      append: `${AUTO} cryptomgr.notests=1`,
      disks: [{ path: disk, readOnly }],
      console: 'virtio',
      rng: true,
      seed,
      port,
      signal,
      timeout: 300_000,
    })
    const { text } = readLog(port.output)
    const said = (name: string): string => new RegExp(`^~${name} (.*)$`, 'm').exec(text)?.[1]?.replace(/ +-$/, '') ?? ''
    return { report, text, said, written: readFileSync(disk) }
  }
  const first = await boot(false, 5n)
  check(
    `${title}: reads its disk as it is`,
    first.said('DISK') === `${DISK_BYTES / SECTOR} ${createHash('sha256').update(contents).digest('hex')}`,
    first.said('DISK'),
  )
  const at = WRITTEN_SECTOR * SECTOR
  const expected = Buffer.from(contents)
  expected.write(`${WRITTEN}\n`, at)
  check(`${title}: what it writes is in the file, and nothing else`, first.written.equals(expected))
  check(`${title}: has an entropy device`, first.said('RNG').startsWith('virtio_rng'), first.said('RNG'))
  check(`${title}: prints on its virtio console`, first.text.includes('printed to hvc0'))
  const clock = Number(first.said('CLOCK'))
  check(`${title}: its clock goes on from where the machine begins`, clock >= EPOCH_SECONDS && clock < EPOCH_SECONDS + 60, `${clock}`)
  check(`${title}: switches itself off`, first.report.stop === 'off', first.report.end)
  const again = await boot(true, 5n)
  check(`${title}: a read-only disk stays as it was`, again.written.equals(Buffer.from(contents)))
  check(`${title}: the same seed, the same entropy`, again.said('RNG') === first.said('RNG'))
  check(`${title}: another seed, other entropy`, (await boot(true, 6n)).said('RNG') !== first.said('RNG'))
}
