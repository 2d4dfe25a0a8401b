// Imports point one way (DESIGN.md §3 and §7). A layer may import what stands in its row, itself, and the root files; nothing else.
import { expect, test } from 'vitest'
import { importsIn, importsOf, projectFiles, textOf } from './sources.ts'

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'near-match.ts': [],
  'version.ts': [],
  arch: [],
  model: ['arch'],
  builds: ['arch', 'model'],
  formats: ['arch', 'model'],
  emulator: ['arch', 'model', 'builds'],
  backends: ['arch', 'model', 'builds', 'emulator'],
  ops: ['arch', 'model', 'builds', 'formats', 'emulator', 'backends'],
  render: ['arch', 'model', 'builds', 'ops'],
  cli: ['arch', 'model', 'builds', 'backends', 'ops', 'render'],
  commands: ['arch', 'model', 'builds', 'backends', 'ops', 'render', 'cli'],
  // The library: everything but the command line.
  'index.ts': ['arch', 'model', 'builds', 'formats', 'emulator', 'backends', 'ops', 'render'],
}
const ALL_MAY_IMPORT = ['errors.ts', 'near-match.ts', 'version.ts']

/** Packages and Node modules that only some files may name. */
const ONLY_IN: readonly (readonly [module: RegExp, where: RegExp])[] = [
  [/^msgpackr/, /^src\/formats\/archive\/pack\.ts$/],
  [/^@oclif\//, /^src\/(cli|commands)\//],
  [/^koffi/, /^src\/backends\/kvm\//],
  [/^tar$/, /^src\/formats\/archive\//],
  [/^zod/, /^src\/(formats|builds|ops\/policy)\//],
  [/^yaml$/, /^src\/ops\/policy\//],
  [/^node:worker_threads/, /^src\/(ops\/fleet|formats\/archive|backends\/kvm)\//],
  [/^node:fs/, /^src\/(formats|builds|backends|ops|cli)\//],
  // No process is started and no network is used.
  [/^node:(child_process|net|http|http2|https|dgram|tls|dns|cluster|inspector)/, /^$/],
]

const sources = projectFiles(/^src\/.*\.ts$/)
const layerOf = (path: string): string => /^src\/([^/]+)/.exec(path)?.[1] ?? 'outside'

/** `file → module`, for every import that the tables above do not allow. */
function forbidden(file: string, imports: readonly string[]): string[] {
  const allowed = [layerOf(file), ...ALL_MAY_IMPORT, ...(MAY_IMPORT[layerOf(file)] ?? [])]
  const wrong = imports.filter(module =>
    module.startsWith('.')
      ? !/\.(ts|json)$/.test(module) || !allowed.includes(layerOf(new URL(module, `file:///${file}`).pathname.slice(1)))
      : ONLY_IN.some(([name, where]) => name.test(module) && !where.test(file)),
  )
  return wrong.map(module => `${file} → ${module}`)
}

test('every source belongs to a layer of DESIGN.md §3', () => {
  expect(sources.length).toBeGreaterThan(20)
  expect(sources.filter(file => MAY_IMPORT[layerOf(file)] === undefined)).toEqual([])
})

test('every source imports only what its layer may', () => {
  expect(sources.flatMap(file => forbidden(file, importsOf(file)))).toEqual([])
})

test('the check above sees what is wrong', () => {
  expect(forbidden('src/arch/reg-id.ts', ['../model/snapshot.ts', '../errors.ts', './errno.ts', 'zod'])).toEqual([
    'src/arch/reg-id.ts → ../model/snapshot.ts',
    'src/arch/reg-id.ts → zod',
  ])
  expect(forbidden('src/formats/archive/write.ts', ['msgpackr/pack', '../../ops/save.ts', './pack.ts', './pack'])).toHaveLength(3)
})

test('imports are found in every form they are written in', () => {
  const forms = [
    "import { a } from './a.ts'",
    "import './b.ts'",
    "export * from './c.ts'",
    "x = await import('./d.ts')",
    "import type { E } from './e.ts'",
    "import {\n  f,\n} from './f.ts'",
  ]
  expect(importsIn(forms.join('\n'))).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts'])
})

test('the layers have an order: none imports one that imports it', () => {
  const order = Object.keys(MAY_IMPORT)
  for (const [layer, below] of Object.entries(MAY_IMPORT))
    for (const lower of below) expect(order.indexOf(lower), `${layer} → ${lower}`).toBeLessThan(order.indexOf(layer))
})

test('there is one barrel', () => {
  expect(sources.filter(file => /\/index\.ts$/.test(file) && file !== 'src/index.ts')).toEqual([])
})

test('every source begins by saying what it owns', () => {
  expect(sources.filter(file => !/^\/\/ \S/.test(textOf(file)))).toEqual([])
})
