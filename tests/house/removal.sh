#!/bin/sh
# removal.sh TREE [NAME...] - a transport is a folder and its lines, a lesson its files and a line: without either, for each
# of them (or those named) in turn, a copy of the house must build and pass the unit and contract tests that are left. TAP.
set -eu
. "$(dirname "$0")/tap.sh"
tree=$1
shift

list=transports/transports.list

# With its lessons.
remove_transport() {
    rm -r "transports/$1"
    sed -i "/^$1[+[:space:]]/d" "$list"
}

# Its files begin with its name.
remove_lesson() {
    folder=transports/${1%%+*}
    stem=$(printf '%s' "${1#*+}" | tr - _)
    rm "$folder/$stem".c
    rm -f "$folder/$stem"_*
    sed -i "/'$stem[._]/d" "$folder/meson.build"
    sed -i "/^$1[[:space:]]/d" "$list"
}

# One copy for all, so that what one removal does not touch is compiled once.
copy_without() {
    mkdir -p "$place/copy"
    tar -C "$tree" -cf - --exclude=./build* --exclude=./.git --exclude=./.lab . | tar -C "$place/copy" -xf -
    case $1 in
        *+*) (cd "$place/copy" && remove_lesson "$1") ;;
        *) (cd "$place/copy" && remove_transport "$1") ;;
    esac
}

# The unit tests that have not passed yet as the very programs they are now: one that did would pass again.
fresh_unit_tests() {
    find tests/unit -maxdepth 1 -type f -executable -name 'test_*' -exec sha256sum {} + | sort > "$place/programs"
    comm -23 "$place/programs" "$place/passed" | sed 's/.*test_//'
}

# Configured anew each time: what comes back is as old as it was, and ninja would not see it. Quickly compiled, as there
# is much of it and nothing is measured, and behind what runs beside it; what the compiler then takes for a mistake is
# none.
build_and_test() (
    meson setup "$place/copy/build" "$place/copy" -Dtests=true -Doptimization=0 -Dwerror=false \
        $([ ! -d "$place/copy/build" ] || echo --reconfigure) && nice ninja -C "$place/copy/build" || exit
    cd "$place/copy/build"
    run="meson test --no-rebuild --print-errorlogs"
    fresh=$(fresh_unit_tests)
    { [ -z "$fresh" ] || $run $fresh; } || exit
    sort -u "$place/programs" "$place/passed" -o "$place/passed"
    $run --suite contract --no-suite with-broker # which takes minutes, and is no other without its neighbours
)

: > "$place/passed"
[ $# -gt 0 ] || set -- $(sed -n 's/^\([a-z][a-z+-]*\)[[:space:]].*/\1/p' "$tree/$list")
for name; do
    copy_without "$name"
    build_and_test > "$place/log" 2>&1 && status=0 || status=$?
    tail -n 60 "$place/log" > "$place/said"
    tell "$status" "without $name"
done
plan
