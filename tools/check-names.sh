#!/bin/sh
# check-names.sh TREE - every `function()` that docs/architecture.md (and docs/adding-a-transport.md) names is defined
# in the `file.c` it names with it: the nearest one in the same paragraph or table row, before the function or right
# behind it. What belongs to a transport whose folder was taken out of the tree is passed over.
set -eu
cd "$1"
documents='docs/architecture.md docs/adding-a-transport.md'

# Its code spans that are files or functions, one a line; "end" where a paragraph or table row ends.
spans() {
    awk '
        /^[ \t]*$/ || /^\|/ { print "end" }
        { rest = $0
          while (match(rest, /`[^`]+`/)) {
              span = substr(rest, RSTART + 1, RLENGTH - 2)
              rest = substr(rest, RSTART + RLENGTH)
              if (span ~ /^[A-Za-z0-9_\/.-]+\.[ch]$/) print "file", span
              else if (span ~ /^[a-z_0-9]+\(\)$/) print "function", substr(span, 1, length(span) - 2), NR
          } }' "$document"
}

# "line function file-before file-behind", "-" for none.
calls() {
    spans | awk '
        { kind[NR] = $1; name[NR] = $2; line[NR] = $3 }
        END {
            for (i = 1; i <= NR; i++) {
                if (kind[i] != "function") continue
                for (before = i - 1; kind[before] == "function"; before--);
                for (behind = i + 1; kind[behind] == "function"; behind++);
                print line[i], name[i], kind[before] == "file" ? name[before] : "-",
                      kind[behind] == "file" ? name[behind] : "-"
            } }'
}

defines() {
    case $1 in
    transports/*/*) [ -d "$(dirname "$1")" ] || return 0 ;;
    esac
    [ -f "$1" ] && grep -Eq "^[a-z].*[ *]$2\(" "$1"
}

failed=0
for document in $documents; do
    [ -f "$document" ] || { echo "there is no $document"; failed=1; continue; }
    count=0
    while read -r line name before behind; do
        count=$((count + 1))
        if ! defines "$before" "$name" && ! defines "$behind" "$name"; then
            echo "$document:$line: $name() is defined neither in $before nor in $behind"
            failed=1
        fi
    done <<END
$(calls)
END
    [ "$count" -gt 1 ] || { echo "$document names no functions"; failed=1; }
done
exit $failed
