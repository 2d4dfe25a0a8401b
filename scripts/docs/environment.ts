// Owns docs/environment.md: what is in an environment signature, from src/ops/signature. Pure: tables in, text out.
import { COMPONENTS, ENVIRONMENT_VERSION } from '../../src/ops/signature/components.ts'
import { type Environment, serialise, signatureOf } from '../../src/ops/signature/environment.ts'

const EXAMPLE: Environment = {
  version: ENVIRONMENT_VERSION,
  components: [
    {
      name: 'psci',
      facts: [
        { key: 'CPU_ON', value: 'answered' },
        { key: 'version', value: '0.2' },
      ],
      notKnown: [],
      words: '',
    },
    { name: 'gic', facts: [{ key: 'version', value: 'v3' }], notKnown: ['ITS'], words: '' },
  ],
}

export function environmentPage(): string {
  const rows = COMPONENTS.map(({ name, holds, from }) => `| \`${name}\` | ${holds} | ${from} |`)
  const { digest, hardwareSignature } = signatureOf(EXAMPLE)
  return `# The environment signature, version ${ENVIRONMENT_VERSION}

Made from the tables in \`src/ops/signature\` by \`npm run docs\`; do not edit. What it is for: [hibernate.md](hibernate.md).

An environment is what a guest can tell of its machine and goes on relying on when it wakes from hibernation. It is a list of components, each a set of
facts: a key and a value, both text. Only what a guest can tell is in it: two hosts that no guest can tell apart have the same facts, whatever registers
and rules of their kernels are behind them.

| component | holds | from |
|---|---|---|
${rows.join('\n')}

What a guest changes by itself is not in it: its registers, its memory, the contents of its disks, the state of its devices. Neither is what KVM answers the
same way everywhere (SMCCC_VERSION 1.1), nor behaviour behind a conduit that the guest was not told to use, nor the address of a stolen-time record, which
no register shows.

A component or a fact that the source does not say is *not known*: it is not in the digest, and a comparison says so instead of guessing. A register list
without devices and memory, for example, has another digest than the archive that it was made from, and the same facts in every component that it has.

## Digest

The digest is the sha256 of a text in UTF-8: a line \`psci-snap environment ${ENVIRONMENT_VERSION}\`; then for each component that is known, in the order of the table, a line with its
name, and for each fact, by key in code unit order, a line of a blank, the key and the value as JSON strings, with a blank between them. Every line ends with
a newline. For instance

\`\`\`
${serialise(EXAMPLE).trimEnd()}
\`\`\`

has the digest \`${digest}\`.

The **hardware signature** is for the FACS, which has room for 32 bits: the first four bytes of the digest, the first one the most significant
(\`0x${hardwareSignature.toString(16).padStart(8, '0')}\` here). While they are zero the next four are taken, since a zero there means that there is no signature.

A released version of this list does not change. What turns out to matter beside it makes a new version, and with it new digests.
`
}
