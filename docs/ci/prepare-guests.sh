#!/bin/sh
# Prepares saved guests for another host, and touches nothing of what is there:
#   what survives as it is goes to OUT unchanged; what survives after changes that no guest can notice is written to OUT with those changes;
#   everything else stays where it is and is named, with the reason and what would have to be allowed.
# Exit status 0: all guests are in OUT. 3: some are not. Anything else: psci-snap could not read or write (see its --help).
# usage: prepare-guests.sh BUILD SNAPSHOTS OUT
set -eu
if [ $# -ne 3 ]; then
  echo "usage: $0 BUILD SNAPSHOTS OUT" >&2
  exit 2
fi
build=$1 from=$2 out=$3
mkdir -p "$out"
left=0
for file in "$from"/*; do
  name=$(basename "$file")
  status=0
  psci-snap check "$file" --to "$build" --no-digest --quiet || status=$?
  case $status in
    0)
      cp -R "$file" "$out/$name"
      echo "unchanged  $name"
      ;;
    3)
      status=0
      psci-snap migrate "$file" --to "$build" -o "$out/$name" --quiet || status=$?
      case $status in
        0) echo "rewritten  $name" ;;
        3)
          left=$((left + 1))
          echo "left       $name"
          psci-snap migrate "$file" --to "$build" --dry-run || true
          ;;
        *) exit "$status" ;;
      esac
      ;;
    *) exit "$status" ;;
  esac
done
[ "$left" -eq 0 ] || exit 3
