// Owns the answer about a register: what it is, who lists it, what a write does, what it means for a guest and for a restore.
import { registerClass, registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import { WRITE_RULES } from '../../arch/catalogue/write-rules.ts'
import { registerFields } from '../../arch/fields/fields.ts'
import type { Field } from '../../arch/fields/notation.ts'
import { COPROC, type RegId, regBytes, regCoproc, regIndex, showRegId, sysRegEncoding } from '../../arch/reg-id.ts'
import { compileSelector } from '../../arch/selector.ts'
import { WORKAROUND_IDS, WORKAROUND_LEVELS } from '../../arch/smccc.ts'
import { droppableRows, visibilityRows } from './drop-words.ts'
import type { RegisterAnswer, RegisterIdentity } from './explain-report.ts'
import { TROUBLES } from './troubles.ts'
import type { Tryout } from './tryout.ts'

export async function explainRegister(id: RegId, tryout: Tryout): Promise<RegisterAnswer> {
  const row = registerRow(id)
  const { listed, notListed } = await tryout.listed(id)
  const fresh = await tryout.fresh(id)
  const newest = BigInt(fresh.at(-1)?.value ?? 0)
  const visibility = visibilityRows(id)
  const droppable = droppableRows(id, newest)
  const troubles = TROUBLES.filter(trouble => compileSelector(trouble.registers)(id))
  const workaround = ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === id)
  return {
    kind: 'register',
    title: registerName(id),
    register: identity(id),
    rule: [
      ...(row?.write === undefined || /^a write /.test(row.quirk ?? '') ? [] : [`A write is: ${WRITE_RULES[row.write]}.`]),
      ...(row?.quirk === undefined ? [] : [`${sentence(row.quirk)}.`]),
      ...(listed.length === 0 ? ['No built-in kernel lists it, on any recorded CPU and with any feature that was tried.'] : []),
    ],
    ...(row?.since === undefined ? {} : { since: `Linux ${row.since}` }),
    fields: registerFields(id)
      .filter(field => !field.reserved)
      .map(({ name, msb, lsb, values }) => ({ name, msb, lsb, ...(values ? { values: namedValues(values) } : {}) })),
    listed,
    notListed,
    fresh,
    writes: await tryout.writes(id),
    ...(workaround === undefined
      ? {}
      : { levels: WORKAROUND_LEVELS[workaround].map(({ rank: _rank, ...level }) => ({ ...level, value: `0x${level.value.toString(16)}` })) }),
    visibility: visibility.map(({ source: _source, ...said }) => said),
    droppable: droppable.map(({ source: _source, ...said }) => said),
    troubles: troubles.map(({ text, url }) => ({ text, url })),
    consequences: [],
    advice: [],
    sources: [...new Set([...visibility, ...droppable].map(({ source }) => source))],
  }
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const namedValues = (values: NonNullable<Field['values']>): readonly string[] => [...values].map(([bits, name]) => `${bits} ${name}`)

/** What the id itself says, and the catalogue of it. */
export function identity(id: RegId): RegisterIdentity {
  const row = registerRow(id)
  return {
    id: showRegId(id),
    name: registerName(id),
    meaning: row?.meaning ?? 'not in the catalogue: what it holds is not known',
    class: registerClass(id) ?? 'unknown',
    ...(row ? { group: row.group, scope: row.scope } : {}),
    bytes: regBytes(id),
    aliases: row?.aliases ?? [],
    parts: {
      size: `U${regBytes(id) * 8}`,
      coproc: `0x${regCoproc(id).toString(16).padStart(4, '0')}`,
      index: `0x${regIndex(id).toString(16).padStart(4, '0')}`,
      says: says(id),
    },
    ...(row?.listed === undefined ? {} : { listedWhen: row.listed }),
  }
}

/** What class and index mean. Source: arch/arm64/include/uapi/asm/kvm.h. */
function says(id: RegId): string {
  const index = regIndex(id)
  switch (regCoproc(id)) {
    case COPROC.core:
      return `KVM_REG_ARM_CORE, struct kvm_regs at byte ${index * 4}`
    case COPROC.demux:
      return `KVM_REG_ARM_DEMUX, CCSIDR for CSSELR ${index & 0xff}`
    case COPROC.sysreg: {
      const { op0, op1, crn, crm, op2 } = sysRegEncoding(id)
      return `KVM_REG_ARM64_SYSREG, op0 ${op0} op1 ${op1} CRn ${crn} CRm ${crm} op2 ${op2}`
    }
    case COPROC.firmware:
      return `KVM_REG_ARM_FW, register ${index}`
    case COPROC.firmwareBitmap:
      return `KVM_REG_ARM_FW_FEAT_BMAP, register ${index}`
    case COPROC.sve:
      return id === 0x6060_0000_0015_ffffn ? 'KVM_REG_ARM64_SVE, vector lengths' : `KVM_REG_ARM64_SVE, register ${(index >> 5) & 0x1f}, slice ${index & 0x1f}`
    default:
      return 'a class that no recorded kernel has'
  }
}
