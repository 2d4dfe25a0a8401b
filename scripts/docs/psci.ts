// Owns docs/psci.md: PSCI and SMCCC as KVM/arm64 answers them, from src/arch. Pure: tables in, text out.
import { registerName } from '../../src/arch/catalogue/catalogue.ts'
import { KVM_EXIT, MP_STATES, SYSTEM_EVENTS } from '../../src/arch/exits.ts'
import { describePsciStep, PSCI_01_FUNCTIONS, PSCI_FUNCTIONS, PSCI_RETURNS, PSCI_VERSIONS, parsePsciVersion } from '../../src/arch/psci.ts'
import { BITMAP_BITS, functionsGatedBy, SMCCC_FUNCTIONS, SMCCC_OWNERS, SMCCC_RETURNS, TRNG_RETURNS, WORKAROUND_LEVELS } from '../../src/arch/smccc.ts'

const hex = (id: number) => `\`0x${id.toString(16).padStart(8, '0')}\``
const returns = (rows: readonly { readonly name: string; readonly value: number; readonly meaning: string }[]) =>
  rows.map(row => `| ${row.value} | ${row.name} | ${row.meaning} |`).join('\n')

function step(from: string, to: string): string {
  const rows = describePsciStep(from, to)
  const show = (change: string) =>
    rows
      .filter(row => row.change === change)
      .map(row => (row.needs === undefined ? row.name : `${row.name} (when ${row.needs})`))
      .join(', ')
  return `| ${from} → ${to} | ${show('appears') || 'nothing'} | ${show('vanishes') || 'nothing'} |`
}

export function psciDoc(): string {
  const versions = PSCI_VERSIONS.map(version => `| ${version} | \`0x${parsePsciVersion(version).toString(16)}\` |`)
  const functions = PSCI_FUNCTIONS.map(
    row =>
      `| ${row.name} | ${hex(row.smc32)} | ${row.smc64 === undefined ? '' : hex(row.smc64)} | ${row.arguments.join(', ')} | ${row.specified} | ${row.offered ?? 'never'}${row.needs === undefined ? '' : `, when ${row.needs}`} | ${row.features ?? ''} | ${row.meaning} |`,
  )
  const old = PSCI_01_FUNCTIONS.map(row => `| ${row.name} | ${hex(row.id)} | ${row.implemented ? 'yes' : 'NOT_SUPPORTED'} |`)
  const steps = PSCI_VERSIONS.slice(1).map((version, i) => step(PSCI_VERSIONS[i] ?? version, version))
  const gateOf = (gate: { readonly register: Parameters<typeof registerName>[0]; readonly bit: number } | undefined) =>
    gate ? `\`${registerName(gate.register)}\` bit ${gate.bit}` : ''
  const smccc = SMCCC_FUNCTIONS.map(
    row => `| ${row.name} | ${hex(row.id)} | ${row.owner} | ${row.arguments.join(', ')} | ${gateOf(row.gate)} | ${row.meaning} |`,
  )
  const bits = BITMAP_BITS.map(
    row =>
      `| \`${registerName(row.register)}\` | ${row.bit} | ${row.name} | ${row.isDefault ? 'on' : 'off'} | ${row.service} | ${functionsGatedBy(
        row.register,
        row.bit,
      )
        .map(fn => fn.name)
        .join(', ')} |`,
  )
  const levels = ([1, 2, 3] as const).flatMap(n =>
    WORKAROUND_LEVELS[n].map(row => `| ${n} | ${row.value} | ${row.name} | ${row.rank} | ${row.guestSees} | ${row.meaning} |`),
  )
  const owners = SMCCC_OWNERS.map(row => `| ${row.from === row.to ? row.from : `${row.from}-${row.to}`} | ${row.owner} | ${row.title} |`)
  const events = SYSTEM_EVENTS.map(
    row => `| ${row.type} | ${row.name} | ${row.flags.map(flag => `bit ${flag.bit} ${flag.name} (from ${flag.since})`).join(', ')} | ${row.meaning} |`,
  )
  const states = MP_STATES.map(row => `| ${row.value} | ${row.name} | \`${row.constant}\` | ${row.meaning} |`)
  const exits = Object.entries(KVM_EXIT).map(([name, number]) => `| ${number} | \`KVM_EXIT_${name}\` |`)
  return `# PSCI and SMCCC as KVM/arm64 answers them

Made from the tables in \`src/arch\` by \`npm run docs\`; do not edit. Which versions and bits a given host kernel accepts is a matter of its build:
\`psci-snap builds show\`.

## Versions

The value of \`KVM_REG_ARM_PSCI_VERSION\`: major version in bits 30:16, minor version in bits 15:0. 0.1 is what a vCPU without the feature psci_0_2 has, and only that.

| version | value |
|---|---|
${versions.join('\n')}

## Functions

\`since\` is the version of the specification, \`answered from\` the version from which on KVM answers; with an older version pinned, or where it says
never, the call returns NOT_SUPPORTED. \`features\` is what PSCI_FEATURES returns for it.

| function | SMC32 | SMC64 | arguments | since | answered from | features | what it does |
|---|---|---|---|---|---|---|---|
${functions.join('\n')}

PSCI 0.1 has no fixed function ids. KVM's are:

| function | id | answered |
|---|---|---|
${old.join('\n')}

## From one version to the next

What a guest gains and loses when its version changes under its feet. A guest discovers functions at boot: what appears later it never calls, and what
vanishes it calls in vain.

| step | appears | vanishes |
|---|---|---|
${steps.join('\n')}

## Return codes

| value | PSCI | meaning |
|---|---|---|
${returns(PSCI_RETURNS)}

| value | SMCCC | meaning |
|---|---|---|
${returns(SMCCC_RETURNS)}

| value | TRNG | meaning |
|---|---|---|
${returns(TRNG_RETURNS)}

## Other calls

| function | id | owner | arguments | switched by | what it does |
|---|---|---|---|---|---|
${smccc.join('\n')}

| bits 29:24 | owner | range |
|---|---|---|
${owners.join('\n')}

## Firmware bitmaps

| register | bit | name | default | service | functions |
|---|---|---|---|---|---|
${bits.join('\n')}

## Mitigation levels

Values of \`KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_n\`. A target refuses a value whose rank is above its own; it stores none. \`guest sees\` is what
SMCCC_ARCH_FEATURES answers on a host of that level. Bit 4 of number 2 says that a guest had switched the protection on (only with AVAIL).

| n | value | name | rank | guest sees | meaning |
|---|---|---|---|---|---|
${levels.join('\n')}

## System events, MP states, exits

| type | event | flags (data[0]) | when |
|---|---|---|---|
${events.join('\n')}

| value | state | constant | meaning |
|---|---|---|---|
${states.join('\n')}

| reason | exit |
|---|---|
${exits.join('\n')}
`
}
