#!/bin/sh
# manuals.sh PROGRAM... - what every program says of itself: a page that mandoc finds nothing to say about, a
# completion that bash can read, a version, and one line with a remedy for an option there is none of. TAP.
set -eu
. "$(dirname "$0")/tap.sh"

lints() { "$1" --man > "$place/$name.1" && mandoc -T lint -W style "$place/$name.1"; }
completes() { "$1" --completion bash > "$place/completion" && bash -c ". '$place/completion' && complete -p ${1##*/}"; }
refuses() { "$1" --no-such-option 2>&1 | awk 'END { exit NR != 1 }' && "$1" --no-such-option; }

for program in "$@"; do
    name=${program##*/}
    if command -v mandoc > /dev/null; then
        expect 0 '' "the page of $name" lints "$program"
    fi
    expect 0 "$name" "the completion of $name" completes "$program"
    expect 0 "$name " "the version of $name" "$program" --version
    expect 64 "see $name --help" "what $name does not know" refuses "$program"
done
plan
