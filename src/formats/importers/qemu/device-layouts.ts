// table: Owns the layouts of the sections that are read even where no description is in the file. Source: hw/intc/arm_gic_common.c,
// arm_gicv3_common.c, arm_gicv3_its_common.c, migration/global_state.c, hw/core/cpu-common.c, softmmu/cpu-timers.c; facts/qemu-stream.md §5.2, §6.
import type { Field, Layout, Scalar } from './layout.ts'

const one = (type: Scalar, ...names: readonly string[]): readonly Field[] => names.map(name => ({ name, type }))
const many = (type: Scalar, count: number, ...names: readonly string[]): readonly Field[] => names.map(name => ({ name, type, count }))
const bytes = (name: string, size: number): Field => ({ name, type: 'bytes', size })
const layout = (name: string, fields: readonly (Field | readonly Field[])[], subsections: readonly Layout[] = []): Layout => ({
  name,
  fields: fields.flat(),
  subsections,
})

const GIC_IRQ = layout('arm_gic_irq_state', [one('u8', 'enabled', 'pending', 'active', 'level'), one('bool', 'model', 'edge_trigger'), one('u8', 'group')])

const GICV3_CPU = layout(
  'arm_gicv3_cpu',
  [
    one('u32', 'level', 'gicr_ctlr'),
    many('u32', 2, 'gicr_statusr'),
    one('u32', 'gicr_waker'),
    one('u64', 'gicr_propbaser', 'gicr_pendbaser'),
    one('u32', 'gicr_igroupr0', 'gicr_ienabler0', 'gicr_ipendr0', 'gicr_iactiver0', 'edge_trigger', 'gicr_igrpmodr0', 'gicr_nsacr'),
    many('u8', 32, 'gicr_ipriorityr'),
    many('u64', 2, 'icc_ctlr_el1'),
    one('u64', 'icc_pmr_el1'),
    many('u64', 3, 'icc_bpr'),
    many('u64', 12, 'icc_apr'),
    many('u64', 3, 'icc_igrpen'),
    one('u64', 'icc_ctlr_el3'),
  ],
  [
    layout('arm_gicv3_cpu/virt', [many('u64', 12, 'ich_apr'), one('u64', 'ich_hcr_el2'), many('u64', 16, 'ich_lr_el2'), one('u64', 'ich_vmcr_el2')]),
    layout('arm_gicv3_cpu/sre_el1', [one('u64', 'icc_sre_el1')]),
    layout('arm_gicv3_cpu/gicv4', [one('u64', 'gicr_vpropbaser', 'gicr_vpendbaser')]),
    layout('arm_gicv3_cpu/nmi', [one('u32', 'gicr_inmir0')]),
  ],
)

/** By section name and version; another version of one of these is found by other means. */
export const DEVICE_LAYOUTS: Readonly<Record<string, { readonly version: number; readonly layout: Layout }>> = {
  cpu_common: {
    version: 1,
    layout: layout(
      'cpu_common',
      [one('u32', 'halted', 'interrupt_request')],
      [layout('cpu_common/exception_index', [one('i32', 'exception_index')]), layout('cpu_common/crash_occurred', [one('bool', 'crash_occurred')])],
    ),
  },
  arm_gic: {
    version: 12,
    layout: layout('arm_gic', [
      one('u32', 'ctlr'),
      many('u32', 8, 'cpu_ctlr'),
      { name: 'irq_state', type: GIC_IRQ, count: 1020 },
      many('u8', 1020, 'irq_target'),
      many('u8', 256, 'priority1'),
      many('u8', 988, 'priority2'),
      many('u8', 128, 'sgi_pending'),
      many('u16', 8, 'priority_mask', 'running_priority', 'current_pending'),
      many('u8', 8, 'bpr', 'abpr'),
      many('u32', 32, 'apr', 'nsapr'),
    ]),
  },
  arm_gicv3: {
    version: 1,
    layout: layout(
      'arm_gicv3',
      [
        one('u32', 'gicd_ctlr'),
        many('u32', 2, 'gicd_statusr'),
        many('u32', 32, 'group', 'grpmod', 'enabled', 'pending', 'active', 'level', 'edge_trigger'),
        many('u8', 1020, 'gicd_ipriority'),
        many('u64', 1020, 'gicd_irouter'),
        many('u32', 64, 'gicd_nsacr'),
        { name: 'cpu', type: GICV3_CPU, count: 'many' },
      ],
      [layout('arm_gicv3/gicd_no_migration_shift_bug', [one('bool', 'gicd_no_migration_shift_bug')]), layout('arm_gicv3/gicd_nmi', [many('u32', 32, 'nmi')])],
    ),
  },
  arm_gicv3_its: {
    version: 0,
    layout: layout('arm_gicv3_its', [one('u32', 'ctlr', 'iidr'), one('u64', 'cbaser', 'cwriter', 'creadr'), many('u64', 8, 'baser')]),
  },
  timer: { version: 2, layout: layout('timer', [one('i64', 'cpu_ticks_offset'), bytes('unused', 8), one('i64', 'cpu_clock_offset')]) },
  globalstate: { version: 1, layout: layout('globalstate', [one('u32', 'size'), bytes('runstate', 100)]) },
}
