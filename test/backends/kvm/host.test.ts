// What is said where there is no real host. What one does is in test/contract, run by scripts/real-kernel.
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { openKvmHost } from '../../../src/backends/kvm/host.ts'
import { refusal } from '../../../src/backends/kvm/refusal.ts'
import { ROOT } from '../../tidy/sources.ts'

test.skipIf(process.arch === 'arm64')('another architecture is told so, before anything of the host is touched', async () => {
  await expect(openKvmHost()).rejects.toMatchObject({
    code: 'BACKEND_ABSENT',
    exitCode: 15,
    message: `real KVM needs an arm64 host; this one is ${process.arch}`,
  })
})

test('a call that fails names its errno and what to do about it', () => {
  expect(refusal('KVM_CREATE_VM', 24)).toMatchObject({
    code: 'KERNEL_REFUSED',
    message: 'KVM_CREATE_VM fails with EMFILE',
    hint: 'raise the limit of open files: ulimit -n',
  })
  expect(refusal('KVM_CREATE_VCPU 3', 17, { vcpu: 3 })).toMatchObject({ message: 'KVM_CREATE_VCPU 3 fails with EEXIST', at: { vcpu: 3 } })
})

test('importing the back end loads neither koffi nor anything else of native code', () => {
  const script = `import('${ROOT}src/backends/kvm/host.ts').then(() => console.log(process.report.getReport().sharedObjects.some(each => /koffi/.test(each))))`
  expect(execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { cwd: ROOT, encoding: 'utf8' }).trim()).toBe('false')
})
