// Owns the door to oclif's flag and argument definitions: from its small modules, since its barrel costs 15 ms at every start.
export * as Args from '@oclif/core/args'
export * as Flags from '@oclif/core/flags'
