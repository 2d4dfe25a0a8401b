// What the layers promise not to do (DESIGN.md §7): read from the code, comments and strings left out.
import { expect, test } from 'vitest'
import { codeOf, importsOf, projectFiles } from './sources.ts'

/** `file: what stands there`, for each file whose code matches. */
function offenders(files: RegExp, pattern: RegExp): string[] {
  const found = projectFiles(files)
  expect(found.length, String(files)).toBeGreaterThan(0)
  return found.flatMap(file => {
    const match = pattern.exec(codeOf(file))
    return match === null ? [] : [`${file}: ${match[0].trim()}`]
  })
}

test('the emulator knows no clock, chance, environment or file', () => {
  const outside = /\bDate\b|\bperformance\b|Math\.random|\bcrypto\b|\bprocess\.|\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b|await fetch\(|\bglobalThis\b/
  expect(offenders(/^src\/emulator\/.*\.ts$/, outside)).toEqual([])
  expect(projectFiles(/^src\/emulator\/.*\.ts$/).filter(file => importsOf(file).some(module => module.startsWith('node:')))).toEqual([])
})

test('arch and model import no module of Node and no package', () => {
  expect(projectFiles(/^src\/(arch|model)\/.*\.ts$/).filter(file => importsOf(file).some(module => !module.startsWith('.')))).toEqual([])
})

test('arch has no binding that can change', () => {
  expect(offenders(/^src\/arch\/.*\.ts$/, /^(export )?(let|var) .*/m)).toEqual([])
})

test('the emulator keeps nothing of a VM in a module: what is made once and shared says so in its type', () => {
  const changing = projectFiles(/^src\/emulator\/.*\.ts$/).flatMap(file =>
    [...codeOf(file).matchAll(/^(?:export )?(?:let|var) .*$/gm)].map(([line]) => `${file}: ${line}`),
  )
  expect(changing.filter(line => !/: [\w<>[\], ]+ \| undefined$/.test(line))).toEqual([])
})

// The streams of the process: where a command prints, and the two places where `-` is a file.
const STREAMS = ['src/cli/io.ts', 'src/formats/output/atomic-file.ts', 'src/formats/source/open.ts']

test('nothing below the command line prints', () => {
  expect(offenders(/^src\/(?!cli|commands).*\.ts$/, /\bconsole\.(log|error|warn|info|debug|trace|dir|table)\b|\bprocess\.(exit\b|exitCode)/)).toEqual([])
  expect(offenders(/^src\/.*\.ts$/, /process\.(stdin|stdout|stderr)/).filter(line => !STREAMS.includes(line.split(':')[0]!))).toEqual([])
})

test('the process is ended in one place', () => {
  expect(offenders(/^src\/.*\.ts$/, /process\.exit\(/)).toEqual(['src/cli/run-cli.ts: process.exit('])
})

test('nothing compares release numbers (DESIGN.md §2): what differs between kernels is data', () => {
  expect(offenders(/^src\/(emulator|ops|backends|model)\/.*\.ts$/, /\bsemver\b|\b(kernel|release)\w*\s*[<>]=?\s*['"\d[]/)).toEqual([])
})

test('comments and strings are left out, code is not', () => {
  expect(
    projectFiles(/^test\/tidy\/purity\.test\.ts$/)
      .map(codeOf)
      .join(''),
  ).not.toContain('What the layers promise')
  expect(
    projectFiles(/^src\/cli\/io\.ts$/)
      .map(codeOf)
      .join(''),
  ).toContain('process[name]')
})
