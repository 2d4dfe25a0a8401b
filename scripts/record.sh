#!/bin/sh
# record.sh KERNEL-PACKAGE [SUITE] [CPU] -o BUILD.json: what one Debian kernel offers as a KVM host, as a build file. --help says more.
here=$(cd "$(dirname "$0")" && pwd -P) || exit 10
# On a fresh clone nothing is installed yet.
node "$here/ensure-installed.mjs" || exit 10
exec node --import "$here/../node_modules/tsx/dist/loader.mjs" "$here/real-kernel/record.ts" "$@"
