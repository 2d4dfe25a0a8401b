// What people read when they ask: explanations as golden files, exact to the letter. Read their diff as code.
import { expect, test } from 'vitest'
import { runCommand } from '../cli/run-command.ts'

const ASKED: readonly (readonly [name: string, words: readonly string[]])[] = [
  ['explain-psci-step', ['PSCI', '1.3..1.1']],
  ['explain-psci', ['PSCI', '1.1..1.3']],
  ['explain-register', ['0x6030000000160003']],
  ['explain-id-register', ['ID_AA64MMFR2_EL1']],
  ['explain-errno', ['EINVAL', 'KVM_REG_ARM_PSCI_VERSION', '--on', 'linux-6.1']],
  ['explain-vector', ['EINVAL', '0x6040000000100054']],
  ['explain-value', ['ID_AA64PFR0_EL1=0x1101001021110232', '--on', 'linux-6.12/max']],
  ['explain-service', ['TRNG']],
  ['explain-call', ['SYSTEM_OFF2']],
  ['explain-qemu', ['failed to load cpu:cpreg_vmstate_array_len']],
  ['explain-firecracker', ['Failed to set register 0x6030000000140000 to value 65539: Invalid argument (os error 22)', '--on', 'linux-6.1']],
]

test.each(ASKED)('%s', async (name, words) => {
  const ran = await runCommand(['explain', ...words], { columns: 100 })
  expect(ran.stderr).toBe('')
  expect(ran.status).toBe(0)
  const spoken = words.map(word => (/[^\w.=-]/.test(word) && word.includes(' ') ? `"${word}"` : word)).join(' ')
  const text = `$ psci-snap explain ${spoken}\n${ran.stdout}`
  for (const row of text.split('\n').slice(1)) expect(row.length, row).toBeLessThanOrEqual(110)
  await expect(text).toMatchFileSnapshot(`golden/${name}.txt`)
})

test('JSON says how it understood the words, and answers in data', async () => {
  const report = (await runCommand(['explain', 'PSCI', '1.1..1.3', '--json'])).json()
  expect(report).toMatchObject({
    ok: true,
    question: 'PSCI 1.1..1.3',
    understood: ['the step from PSCI 1.1 to 1.3'],
    answers: [{ kind: 'psci', from: '1.1', to: '1.3' }],
  })
})

test('a question that nobody understands is a usage error with near words', async () => {
  const ran = await runCommand(['explain', 'SYSTEM_OFF3', '--json'])
  expect(ran.status).toBe(2)
  expect(ran.json()).toMatchObject({ ok: false, error: { code: 'QUESTION_UNKNOWN', hint: 'did you mean SYSTEM_OFF, SYSTEM_OFF2?' } })
})
