// Owns the flags of `check`. Bundled with it, not with what every start loads (scripts/build.mjs).
import { Flags } from './flags.ts'
import { INPUT_FLAGS, MEMORY_FILE } from './input-flags.ts'

// A file after `--to BUILD` is a file: without multipleNonGreedy oclif gives every word up to the next flag to the one before.
export const CHECK_FLAGS = {
  to: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'BUILD[,BUILD…|all|host]',
    summary: 'hosts to check against: built-in builds, build files, all built-in ones; host: the kernel of this arm64 machine answers itself',
  }),
  from: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'BUILD[,BUILD…|all|host]',
    summary: 'instead of files: a fresh guest of this host',
  }),
  baseline: Flags.string({
    helpValue: 'FILE',
    summary: 'what guests should be born with (`builds baseline`); its hosts are the targets where there is no --to',
  }),
  vmm: Flags.string({ summary: 'whose load rules: kvm (blind replay), qemu-10.0, qemu-11.1, firecracker, cloud-hypervisor; by default what wrote the file' }),
  features: Flags.string({ summary: 'vCPU features to use instead of those of the file; empty for none' }),
  'raw-order': Flags.boolean({ summary: 'write in pure list order, SVE vector lengths too; for --vmm kvm' }),
  jobs: Flags.integer({ char: 'j', min: 1, summary: 'threads; by default one for each core, and none of its own for few files' }),
  shard: Flags.string({ helpValue: 'I/N', summary: 'only this part of the files, by their names: all N parts together are all files, each once' }),
  'fail-on': Flags.option({
    options: ['changed', 'refused'] as const,
    default: 'changed',
    summary: 'the least verdict that ends with exit status 3',
  })(),
  policy: Flags.string({ helpValue: 'FILE', summary: 'findings that are accepted, each with a reason and a last day (docs/policy.md)' }),
  'memory-file': Flags.string({ ...MEMORY_FILE, multipleNonGreedy: true }),
  'vmm-version': INPUT_FLAGS['vmm-version'],
  digest: Flags.boolean({ default: true, allowNo: true, summary: 'sha256 of every file in its results' }),
  details: Flags.boolean({ summary: 'the whole report of every result, with every refused and every different register' }),
  jsonl: Flags.boolean({ summary: 'print JSON lines: one result a line as it comes, the summary last', helpGroup: 'GLOBAL' }),
  sarif: Flags.string({ helpValue: 'FILE', summary: 'write the findings as SARIF 2.1.0 too' }),
  junit: Flags.string({ helpValue: 'FILE', summary: 'write the verdicts as JUnit XML too' }),
  html: Flags.string({ helpValue: 'FILE', summary: 'write one self-contained HTML page too' }),
  force: Flags.boolean({ summary: 'replace existing report files' }),
}
