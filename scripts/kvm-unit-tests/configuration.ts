// Owns the reading of kvm-unit-tests' unittests.cfg: which image runs with which words, how many vCPUs and which GIC. Runs nothing.
// Source of the format: the comments at the head of arm/unittests.cfg and scripts/common.bash of kvm-unit-tests.

export interface UnitTest {
  readonly name: string
  /** Image, relative to the folder of the configuration. */
  readonly file: string
  readonly vcpus: number
  /** The kernel's command line. */
  readonly words: string
  readonly gic: 'v2' | 'v3'
  /** MiB, when the test says. */
  readonly memory: number | undefined
  readonly groups: readonly string[]
}

/** What $MAX_SMP is taken for: the most vCPUs that every test can use, gicv2's included. */
const MOST_VCPUS = 8

export function parseUnitTests(text: string): readonly UnitTest[] {
  return text
    .split(/^\[/m)
    .slice(1)
    .map(section => {
      const [head = '', ...lines] = section.split('\n')
      const values = new Map(
        lines.flatMap(line => {
          const pair = /^(\w+)\s*=\s*(.*?)\s*$/.exec(line)
          return pair ? [[pair[1]!, pair[2]!] as const] : []
        }),
      )
      const parameters = values.get('qemu_params') ?? ''
      const memory = /-m (\d+)/.exec(parameters)
      return {
        name: head.replace(/\].*$/, ''),
        file: values.get('file') ?? '',
        vcpus: vcpusOf(values.get('smp') ?? '1'),
        words: (values.get('test_args') ?? '').replace(/^(['"])(.*)\1$/, '$2'),
        gic: /gic-version=2/.test(parameters) ? 'v2' : 'v3',
        memory: memory ? Number(memory[1]) : undefined,
        groups: (values.get('groups') ?? '').split(/\s+/).filter(Boolean),
      }
    })
}

/** A number, $MAX_SMP, or the smaller of it and a number as shell arithmetic writes that. */
function vcpusOf(smp: string): number {
  if (/^\d+$/.test(smp)) return Number(smp)
  const least = /:\s*(\d+)\s*\)+$/.exec(smp)
  return Math.min(MOST_VCPUS, least ? Number(least[1]) : MOST_VCPUS)
}
