// The peer of the fleet bench: opens every file below a folder and reads it to a snapshot, nothing more.
import { listInputs } from '../../src/ops/fleet/inputs.ts'
import { withInput } from '../../src/ops/input.ts'

let vcpus = 0
for await (const { path } of listInputs([process.argv[2]!])) await withInput(path, {}, async ({ snapshot }) => void (vcpus += snapshot.vcpus.length))
console.log(`${vcpus} vCPUs`)
