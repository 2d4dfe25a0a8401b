// Owns the check of a build file from a stranger: every key, every number's range, every hex text. Imported only when such a file is read.
import { z } from 'zod'
import { SnapError } from '../errors.ts'
import type { HostJson, KernelJson } from './codec.ts'
import type { FirmwareRules } from './firmware-rules.ts'
import { UNSEEN } from './host-values.ts'
import { FORGIVENESS, SYSREG_RULES } from './kernel-rules.ts'

const hex64 = z.string().regex(/^[0-9a-f]{1,16}$/)
const encoding = z.string().regex(/^[0-9a-f]{1,4}$/)
const field = z.string().regex(/^[0-9a-f]{1,4}\.([0-9]|[1-5][0-9]|6[0-3])(>=([0-9]|1[0-5]))?$/)
const hexMap = z.record(encoding, hex64)
const word = z.number().int().min(0).max(0xffff_ffff)
const text = z.string().max(400)
const provenance = z.strictObject({
  recording: text,
  sha256: text,
  package: text.optional(),
  uname: text.optional(),
  qemuCpu: text.optional(),
  unameVersion: text.optional(),
  emulator: text.optional(),
  hostFirmware: text.optional(),
  cpu: text.optional(),
  commandLine: z.string().max(4096).optional(),
  tool: text.optional(),
  date: text.optional(),
})
const header = { provenance: z.array(provenance).max(100), inferred: z.array(z.string().max(4000)).max(100) }

const row = z
  .string()
  .regex(new RegExp(`^[0-9a-f]{1,4} [0-9a-f]{1,16} (${SYSREG_RULES.join('|')})( (-|pmu|sve|pauth|el2))?( [0-9a-f]{1,4}\\.\\d{1,2}>=\\d{1,2})?$`))

const firmware = z.strictObject({
  conduits: z.strictObject({ hvc0: z.boolean(), hvcOther: z.boolean(), smc0: z.boolean(), smcOther: z.boolean() }),
  workaroundCalls: z.boolean(),
  trng: z.boolean(),
  pvTime: z.boolean(),
  vendorUid: z.boolean(),
  vendorFeatures: z.boolean(),
  vendorPtp: z.boolean(),
  strictAffinity: z.boolean(),
  eventData: z.boolean(),
  systemSuspend: z.boolean(),
  inferred: z.array(text).max(100),
}) satisfies z.ZodType<FirmwareRules>

const kernel = z.strictObject({
  format: z.literal('psci-snap-kernel'),
  version: z.literal(1),
  release: z.string().regex(/^[\w.+~-]{1,80}$/),
  ...header,
  psci: z.strictObject({ accepted: z.array(word), initial: word, acceptedWithout02: z.array(word), initialWithout02: word }),
  workarounds: z.array(z.union([z.literal(1), z.literal(2), z.literal(3)])).max(3),
  workaround2FollowsVm: z.boolean(),
  workaround2: z.strictObject({ low: z.array(hex64), high: z.array(hex64) }),
  bitmaps: z.array(z.strictObject({ index: z.number().int().min(0).max(0xffff), bits: hex64, initial: hex64 })).max(64),
  idRegisters: z.strictObject({
    policy: z.enum(['invariant', 'masked']),
    writable: hexMap,
    uncovered: hexMap,
    lowerable: z.array(field),
    afterRun: z.number().int().min(0).max(4095),
    forgives: z.array(z.enum(FORGIVENESS)),
    minimum: z.array(field),
    aarch32Absent: z.enum(['ignored', 'exact']),
    keepsPerVcpu: z.boolean(),
    firstRunClears: z.array(z.strictObject({ register: encoding, mask: hex64, unless: z.enum(['v3', 'irqchip']) })),
    gicV3Sets: z.array(field),
    firstRunDependencies: z.array(z.strictObject({ field, requires: field })),
  }),
  writableImpId: z.boolean(),
  clidr: z.enum(['invariant', 'checked']),
  demux: z.strictObject({ policy: z.enum(['host', 'virtual']), selectors: z.number().int().min(0).max(16) }),
  timers: z.strictObject({ istatus: z.enum(['computed', 'absent']), counterOffset: z.boolean(), keepsCompare: z.boolean() }),
  pmu: z.strictObject({ setClear: z.enum(['store', 'masked', 'set-clear']), pmcrMask: hex64 }),
  init: z.strictObject({
    known: word,
    sameFeatures: z.boolean(),
    comparesPowerOff: z.boolean(),
    widthCountsUninitialised: z.boolean(),
    e2h0Alone: z.boolean(),
  }),
  mpStates: z.array(word).max(16),
  smcccFilter: z.boolean(),
  systemSuspend: z.boolean(),
  firmware,
  sysregs: z.array(row).max(430),
})

const overlay = z.strictObject({ flips: hexMap, adds: hexMap })
const host = z.strictObject({
  format: z.literal('psci-snap-host'),
  version: z.literal(1),
  cpu: z.string().regex(/^[\w.+ ~()/-]{1,80}$/),
  ...header,
  targets: z.array(word).min(1).max(16),
  features: word,
  workarounds: z.tuple([word, word, word]),
  mitigatesSsb: z.boolean(),
  ccsidr: z.record(z.string().regex(/^\d{1,2}$/), z.string().regex(/^[0-9a-f]{1,8}$/)),
  vectorLengths: hex64,
  hardware: hexMap,
  unseen: z.array(z.enum(UNSEEN)).max(UNSEEN.length).optional(),
  nestedMasks: z.record(encoding, z.tuple([hex64, hex64])),
  capabilities: z.record(z.string().regex(/^\d{1,5}$/), z.tuple([z.number().int(), z.number().int()])),
  values: hexMap,
  overlays: z.partialRecord(z.enum(['pmu', 'sve', 'pauth', 'el2', 'aarch32', 'vgic3']), overlay),
})

const buildFile = z.strictObject({
  format: z.literal('psci-snap-build'),
  version: z.literal(1),
  name: z.string().regex(/^[\w.+/~-]{1,160}$/),
  kernel,
  host,
})

/** The checked content of a build file. Throws BUILD_INVALID with the path of the first thing wrong. */
export function checkBuildFile(raw: unknown, file: string): { readonly name: string; readonly kernel: KernelJson; readonly host: HostJson } {
  const result = buildFile.safeParse(raw)
  if (!result.success) {
    const issue = result.error.issues[0]
    const path = issue?.path.join('.') ?? ''
    throw new SnapError('BUILD_INVALID', `${file}: ${path === '' ? 'the file' : path}: ${issue?.message ?? 'not a build file'}`, { file, path })
  }
  const { name, kernel: rules, host: values } = result.data
  return { name, kernel: rules as unknown as KernelJson, host: values as unknown as HostJson }
}
