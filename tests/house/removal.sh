#!/bin/sh
# removal.sh TREE - a transport is a folder and a line: without either, for each transport in turn, a copy of the
# house must build and pass the unit and contract tests that are left. TAP.
set -eu
. "$(dirname "$0")/tap.sh"
tree=$1

copy_without() {
    rm -rf "$place/copy"
    mkdir "$place/copy"
    tar -C "$tree" -cf - --exclude=./build* --exclude=./.git --exclude=./.lab . | tar -C "$place/copy" -xf -
    rm -r "$place/copy/transports/$1"
    sed -i "/^$1[+[:space:]]/d" "$place/copy/transports/transports.list"
}

build_and_test() {
    meson setup "$place/copy/build" "$place/copy" -Dtests=true && ninja -C "$place/copy/build" &&
        meson test -C "$place/copy/build" --no-rebuild --print-errorlogs --suite unit --suite contract \
            --no-suite with-broker # which takes minutes, and is no other without its neighbours
}

for name in $(sed -n 's/^\([a-z]\{1,\}\)[[:space:]].*/\1/p' "$tree/transports/transports.list"); do
    copy_without "$name"
    build_and_test > "$place/log" 2>&1 && status=0 || status=$?
    tail -n 60 "$place/log" > "$place/said"
    tell "$status" "without $name"
done
plan
