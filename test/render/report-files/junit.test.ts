// JUnit XML: read back by a strict XML reader of somebody else's.
import fc from 'fast-check'
import { SaxesParser } from 'saxes'
import { expect, test } from 'vitest'
import { junitReport } from '../../../src/render/report-files/junit.ts'
import { terminalText } from '../../../src/render/terminal-text.ts'
import { ANY_UNIT, ROWS, result, TARGETS, unreadable, written } from './rows.ts'

interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: Element[]
  text: string
}

/** Throws at the first thing that is not well-formed XML 1.0. */
function parse(xml: string): Element {
  const parser = new SaxesParser()
  const root: Element = { name: '', attributes: {}, children: [], text: '' }
  const open = [root]
  parser.on('error', error => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes: { ...attributes } as Record<string, string>, children: [], text: '' }
    open.at(-1)!.children.push(element)
    open.push(element)
  })
  parser.on('text', text => {
    open.at(-1)!.text += text
  })
  parser.on('closetag', () => void open.pop())
  parser.write(xml).close()
  return root.children[0]!
}

const shape = (root: Element) =>
  root.children.map(suite => [suite.attributes, suite.children.map(one => [one.attributes.name, one.children.map(({ name }) => name)])])

test('a suite a file with its own counts, a case a target', () => {
  const root = parse(written(junitReport({ targets: TARGETS }), ROWS))
  expect(root.name).toBe('testsuites')
  expect(shape(root)).toEqual([
    [{ name: 'fleet/good.psnap', tests: '3', failures: '0', errors: '0', skipped: '0' }, TARGETS.map(target => [`${target}, kvm`, ['system-out']])],
    [
      { name: 'fleet/mixed.psnap', tests: '3', failures: '2', errors: '0', skipped: '0' },
      [
        [`${TARGETS[0]}, kvm`, ['failure', 'system-out']],
        [`${TARGETS[1]}, kvm`, ['failure', 'system-out']],
        [`${TARGETS[2]}, kvm`, ['system-out']],
      ],
    ],
    [{ name: 'fleet/bad.psnap', tests: '3', failures: '3', errors: '0', skipped: '0' }, TARGETS.map(target => [`${target}, kvm`, ['failure', 'system-out']])],
    [{ name: 'fleet/torn.psnap', tests: '1', failures: '0', errors: '1', skipped: '0' }, [['can be read', ['error']]]],
  ])
})

test('what fails is what the caller says', () => {
  const mixed = parse(written(junitReport({ targets: TARGETS, failOn: 'refused' }), ROWS)).children[1]!
  expect(mixed.attributes.failures).toBe('1')
  expect(mixed.children.map(one => one.children[0]!.name)).toEqual(['failure', 'system-out', 'system-out'])
})

test('a failure says why, and the output what to do', () => {
  const [failure, output] = parse(written(junitReport({ targets: TARGETS }), [result('a', TARGETS[0], 'refused')])).children[0]!.children[0]!.children
  expect(failure!.attributes).toEqual({ type: 'refused', message: 'refused: PSCI 1.3 is not known there' })
  expect(failure!.text).toBe('PSCI 1.3 is not known there\nKVM_REG_ARM_PSCI_VERSION = 0x10003 is refused with EINVAL')
  expect(output!.text).toContain(`What to do:\n- rewrite the file: psci-snap migrate FILE --to ${TARGETS[0]} -o OUT`)
})

test('no name and no message breaks the file, whatever is in it', () => {
  const nasty = fc.oneof(
    fc.string({ unit: ANY_UNIT }),
    fc.string({ unit: fc.constantFrom('\u0000', '\u001b', '"', "'", '<', '&', ']]>', '\ud800', '\ufffe', '\u202e', '\n', '\t', 'a') }),
  )
  fc.assert(
    fc.property(nasty, nasty, (name, message) => {
      const xml = written(junitReport({ targets: TARGETS }), [result(name, TARGETS[0], 'refused', { reason: message }), unreadable(`${name}2`)])
      const [suite] = parse(xml).children
      const kept = (text: string) =>
        terminalText(text)
          .replace(/\p{Surrogate}/gu, '\ufffd')
          .replace(/[\ufffe\uffff]/g, '')
      expect(suite!.attributes.name).toBe(kept(name))
      expect(suite!.children[0]!.children[0]!.attributes.message).toBe(kept(`refused: ${message}`))
    }),
    { seed: 4, numRuns: 60 },
  )
})
