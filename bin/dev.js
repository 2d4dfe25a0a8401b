#!/usr/bin/env node
// Starts the command line from its sources, without a build. For development only: it costs half a second.
import { register } from 'tsx/esm/api'

register()
await import('../src/commands/main.ts')
