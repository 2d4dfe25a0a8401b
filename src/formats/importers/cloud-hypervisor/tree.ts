// Owns the tree of state.json: nodes by name, and the four ways in which releases wrote a node's data. Knows no vCPU, no GIC and no memory.
// Source: facts/vmm-formats.md §2 (vm-migration/src/lib.rs of the releases named there).
import { parseExactJson } from '../../data/exact-json.ts'
import { Field } from '../../data/fields.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'

/** Who writes a node's data so. */
export type DataForm = 'v28 and older' | 'v29 to v38' | 'v39 and newer'

export interface TreeNode {
  readonly name: string
  readonly children: readonly TreeNode[]
  /** JSON text, or what a device of v38 and older packed in binary. */
  readonly data?: { readonly form: DataForm; readonly bytes: Uint8Array }
}

/** Reads the whole of state.json. Throws INPUT_CORRUPT with an offset or a path, LIMIT_EXCEEDED. */
export function parseTree(bytes: Uint8Array, file: string): TreeNode {
  return node('vm', new Field(parseExactJson(bytes, file, { file }), file))
}

function node(name: string, field: Field): TreeNode {
  const data = field.optional('snapshot_data')
  const stored = data && dataOf(data)
  return {
    name,
    children: field
      .at('snapshots')
      .entries(VMM_LIMITS.devices)
      .map(([child, value]) => node(String(child), value)),
    ...(stored ? { data: stored } : {}),
  }
}

function dataOf(field: Field): TreeNode['data'] {
  if (!(field.value instanceof Map)) return { form: 'v29 to v38', bytes: field.bytes(VMM_LIMITS.memberBytes) }
  const state = field.optional('state')
  if (state) return { form: 'v39 and newer', bytes: new TextEncoder().encode(state.text()) }
  // A map of sections; each node has at most one.
  const [section] = field.entries(16)
  return section && { form: 'v28 and older', bytes: section[1].at('snapshot').bytes(VMM_LIMITS.memberBytes) }
}

export const childOf = (parent: TreeNode | undefined, name: string): TreeNode | undefined => parent?.children.find(child => child.name === name)

/** The node's data as JSON. `path` names the node in messages; offsets count in its own text. Throws INPUT_CORRUPT. */
export function nodeJson(bytes: Uint8Array, file: string, path: string): Field {
  const where = { file, member: path }
  return new Field(parseExactJson(bytes, `${file}: ${path}`, where), `${file}: ${path}`, '', where)
}
