#!/bin/sh
# check-sizes.sh [TREE] - files of at most 500 lines, functions of at most 60, the transport that newcomers copy within
# 250, a module of the report's page within 300, of a transport's within 200; lines of at most 120 columns. Prints what
# is longer; exit status 1 with any. Tests may have as many lines as they like.
set -eu
cd "${1:-$(dirname "$0")/..}"
failed=0

# A function is what stands between a { and the next } in the first column: house style.
find . -name '*.[ch]' -not -path './build*' -not -path './.lab/*' -not -path './tests/*' | sort | xargs awk '
    FNR == 1 { name = FILENAME; sub(/^\.\//, "", name) }
    FNR == 501 { print name ": is longer than 500 lines: it has two subjects"; wrong = 1 }
    /^{/ { start = FNR }
    /^}/ && start {
        if (FNR - start + 1 > 60) {
            print name ":" start ": a function of " FNR - start + 1 " lines; 60 are enough"
            wrong = 1
        }
        start = 0
    }
    name ~ /^transports\/file\// && ++smallest == 251 {
        print "transports/file: has more than 250 lines: newcomers copy it"
        wrong = 1
    }
    END { exit wrong }' || failed=1

find . -name '*.[ch]' -not -path './build*' -not -path './.lab/*' | sort | xargs awk '
    length($0) > 120 {
        name = FILENAME
        sub(/^\.\//, "", name)
        print name ":" FNR ": a line of " length($0) " columns; 120 are enough"
        wrong = 1
    }
    END { exit wrong }' || failed=1

find . \( -path './orchestration/web/*.js' -o -path './transports/*.js' \) | sort | xargs -r awk '
    FNR == 1 { name = FILENAME; sub(/^\.\//, "", name); most = name ~ /^transports\// ? 200 : 300 }
    FNR == most + 1 { print name ": is longer than " most " lines: it has two subjects"; wrong = 1 }
    length($0) > 120 { print name ":" FNR ": a line of " length($0) " columns; 120 are enough"; wrong = 1 }
    END { exit wrong }' || failed=1
exit "$failed"
