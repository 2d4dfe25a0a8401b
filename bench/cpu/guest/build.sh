#!/usr/bin/env bash
# Builds the workloads into the .bin files beside their sources: raw images for 0x40080000. Debian 12's gcc-aarch64-linux-gnu (12.2.0) made the committed ones.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in sieve copy sort calls; do
  aarch64-linux-gnu-gcc -O2 -mgeneral-regs-only -ffreestanding -nostdlib -static -fno-pic -fno-tree-loop-distribute-patterns \
    -Wall -Wextra -Wl,--build-id=none -Wl,--no-warn-rwx-segments -T link.ld -o "$work/$name.elf" start.S "$name.c"
  aarch64-linux-gnu-objcopy -O binary "$work/$name.elf" "$name.bin"
done
