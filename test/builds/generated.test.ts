// The committed builds are what the generator makes of the recordings, to the byte.
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { dataText, generated } from '../../scripts/builds/generate.ts'
import { builtInKernel, listBuilds } from '../../src/builds/load.ts'
import { RECORDINGS, testWithRecordings } from './recordings.ts'

testWithRecordings('the built-in builds are current: run `npm run builds` otherwise', () => {
  // The folder may hold further recordings; the data names those that it is from.
  const sources = new Set(listBuilds().flatMap(({ release }) => builtInKernel(release).provenance.map(each => each.recording)))
  const files = generated(RECORDINGS, name => sources.has(name))
  expect(files.length).toBeGreaterThan(40)
  for (const { name, content } of files) {
    const text = typeof content === 'string' ? content : dataText(content)
    expect(readFileSync(new URL(`../../src/builds/data/${name}`, import.meta.url), 'utf8') === text, name).toBe(true)
  }
})
