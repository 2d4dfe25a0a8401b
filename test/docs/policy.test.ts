// The policy that docs/policy.md shows is one, and does what its comments say.
import { expect, test } from 'vitest'
import { parsePolicy } from '../../src/ops/policy/parse.ts'
import { textOf } from '../tidy/sources.ts'

test('the example in docs/policy.md is a policy', () => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(textOf('docs/policy.md')) ?? []
  const { accept } = parsePolicy(yaml, 'docs/policy.md')
  expect(accept.map(({ code, register, from, build }) => [code, register, from ?? build])).toEqual([
    ['service-appeared', 'KVM_REG_ARM_STD_BMAP', 'linux-5.10.*'],
    ['mitigation-changed', '*_ARCH_WORKAROUND_*', 'linux-6.12.117/cortex-a72'],
    ['register-refused', 'KVM_REG_ARM_PTIMER_CTL', undefined],
  ])
})
