// table: Owns the layout of section "cpu" version 22, which QEMU 5.2 to 11.1 write alike, and of its subsections.
// Source: target/arm/machine.c; facts/qemu-stream.md §5 (offsets measured).
import type { Field, Layout, Scalar } from './layout.ts'

export const CPU_VERSION = 22

const one = (type: Scalar, ...names: readonly string[]): readonly Field[] => names.map(name => ({ name, type }))
const many = (type: Scalar, count: number, name: string): readonly Field[] => [{ name, type, count }]
const sub = (name: string, version: number, ...fields: readonly (readonly Field[])[]): Layout => ({ name, version, fields: fields.flat(), subsections: [] })
const blob = (name: string, size: number): readonly Field[] => [{ name, type: 'bytes', size }]

const CPREGS = { field: 'cpreg_vmstate_array_len' }

export const CPU_LAYOUT: Layout = {
  name: 'cpu',
  fields: [
    many('u32', 16, 'regs'),
    many('u64', 32, 'xregs'),
    one('u64', 'pc'),
    one('u32', 'cpsr', 'spsr'),
    many('u64', 8, 'banked_spsr'),
    many('u32', 8, 'banked_r13'),
    many('u32', 8, 'banked_r14'),
    many('u32', 5, 'usr_regs'),
    many('u32', 5, 'fiq_regs'),
    many('u64', 4, 'elr_el'),
    many('u64', 4, 'sp_el'),
    one('i32', CPREGS.field),
    [
      { name: 'indexes', type: 'u64', count: CPREGS },
      { name: 'values', type: 'u64', count: CPREGS },
    ],
    one('u64', 'exclusive_addr', 'exclusive_val', 'exclusive_high', 'features'),
    one('u32', 'exception_syndrome', 'exception_fsr'),
    one('u64', 'exception_vaddress'),
    one('i64', 'gt_timer_phys', 'gt_timer_virt'),
    one('u8', 'power_state'),
  ].flat() as readonly Field[],
  subsections: [
    {
      ...sub('cpu/vfp', 3, blob('q', 32 * 16), one('u32', 'fpsid'), many('u32', 14, 'xregs'), one('u32', 'fpscr')),
      subsections: [sub('cpu/vfp/fpcr_fpsr', 1, one('u64', 'fpcr', 'fpsr'))],
    },
    sub('cpu/sve', 1, blob('z_high', 32 * 14 * 8), blob('predicates', 17 * 4 * 8)),
    sub('cpu/sme', 1, blob('za', 256 * 32 * 8)),
    sub('cpu/zt0', 1, blob('zt0', 64)),
    sub('cpu/thumb2ee', 1, one('u32', 'teecr', 'teehbr')),
    sub('cpu/serror', 1, one('u8', 'pending', 'has_esr'), one('u64', 'esr')),
    sub('cpu/irq-line-state', 1, one('u32', 'irq_line_state')),
    sub('cpu/wfxt-timer', 1, one('i64', 'wfxt_timer')),
    sub('cpu/syndrome64', 1, one('u64', 'syndrome')),
    sub('cpu/pstate64', 1, one('u64', 'pstate')),
    sub('cpu/event', 1, one('bool', 'event_register')),
    sub('cpu/fpmr', 1, one('u64', 'fpmr')),
  ],
}

/** Offsets in the body, for editing: those behind the register list move with its length. */
export const CPU_OFFSET = {
  xregs: 64,
  pc: 320,
  cpsr: 328,
  bankedSpsr: 336,
  elrEl: 504,
  spEl: 536,
  count: 568,
  list: 572,
} as const
