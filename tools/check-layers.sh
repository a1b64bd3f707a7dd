#!/bin/sh
# check-layers.sh [TREE] - holds the layers of CONTRIBUTING.md: who includes whom, third-party headers in
# one place, and no transport named outside its folder. Prints each violation; exit status 1 with any.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$tools/..}"

# A folder (the longest that fits counts), and what its files may include beside their own folder's.
directions='
ese-core            -
transports          ese-core/
ese-client          ese-core/ transports/
ese-server          ese-core/ transports/
ese-consumer        ese-core/ transports/
ese-mailer          ese-core/ transports/
orchestration/kafka ese-core/
orchestration/disk  ese-core/
orchestration/proxy ese-core/
orchestration/crowd ese-core/ transports/
orchestration/bench ese-core/ orchestration/kafka/
orchestration/lab   ese-core/ transports/ orchestration/kafka/ orchestration/proxy/ orchestration/crowd/'

# A header, and how the names of the only files begin that may include it.
third_party='
librdkafka/  transports/kafka/ orchestration/kafka/ orchestration/bench/bare/
curl/        ese-core/http_client orchestration/bench/bare_push/
microhttpd.h ese-core/http_server
sqlite3.h    ese-core/sqlite
libesmtp.h   ese-mailer/smtp
auth-client.h ese-mailer/smtp_security
openssl/     ese-core/base64 ese-core/digest ese-mailer/smtp_security'

sources() { find "$@" -name '*.[ch]' -not -path './build*' -not -path './.lab/*' | sed 's|^\./||' | sort; }

product=$(sources . | grep -v '^tests/')

check_includes() {
    # shellcheck disable=SC2086 # a list of files without blanks
    awk -v directions="$directions" -v third_party="$third_party" '
        BEGIN {
            count = split(directions, lines, "\n")
            for (i = 1; i <= count; i++)
                if (split(lines[i], word, " ")) allowed[word[1]] = " " lines[i] " "
            count = split(third_party, lines, "\n")
            for (i = 1; i <= count; i++)
                if (split(lines[i], word, " ")) places[word[1]] = lines[i] " "
        }
        function complain(text) { print FILENAME ":" FNR ": " text; wrong = 1 }
        function layer(file,   folder) {
            for (folder = file; sub(/\/[^\/]*$/, "", folder);)
                if (folder in allowed) return folder
            return ""
        }
        function folder_of(file) { sub(/[^\/]*$/, "", file); return file }
        function check_own(header,   own, word, count, i) {
            own = layer(FILENAME)
            if (own == "") { complain("is in no layer of tools/check-layers.sh"); return }
            if (index(header, folder_of(FILENAME)) == 1) return
            if (folder_of(header) == own "/") return # a transport includes transports/transport.h
            count = split(allowed[own], word, " ")
            for (i = 2; i <= count; i++) # one level: transports/ allows transports/x.h, not transports/x/y.h
                if (folder_of(header) == word[i]) return
            complain("must not include " header)
        }
        function check_third(header,   name, word, count, i) {
            if (header == "jansson.h" && FILENAME ~ /\.h$/) complain("must not include jansson.h: no header does")
            for (name in places) {
                if (index(header, name) != 1) continue
                count = split(places[name], word, " ")
                for (i = 2; i <= count; i++)
                    if (index(FILENAME, word[i]) == 1) return
                complain("must not include " header ", only" substr(places[name], length(name) + 1) "may")
            }
        }
        /^[ \t]*#[ \t]*include[ \t]*"/ { split($0, part, "\""); check_own(part[2]) }
        /^[ \t]*#[ \t]*include[ \t]*</ { split($0, part, /[<>]/); check_third(part[2]) }
        END { exit wrong }' $product
}

# As a whole string, or in ese_transport_<name>. orchestration/kafka keeps a broker, which is named so, and the rows of
# orchestration/bench are of one transport each. A lesson (transports/transports.list) is at home in the folder of its
# transport.
check_names() {
    names=$(awk '!/^#/ && NF { print $1 }' transports/transports.list)
    others=$(printf '%s\n' "$product" | grep -v -e '^orchestration/kafka/' -e '^orchestration/bench/')
    # shellcheck disable=SC2086
    awk -f "$tools/without-comments.awk" $others | awk -v names="$names" '
        BEGIN {
            count = split(names, name, "\n")
            for (i = 1; i <= count; i++) {
                home[i] = symbol[i] = name[i]
                sub(/[+].*/, "", home[i])
                gsub(/[^a-z0-9]/, "_", symbol[i])
            }
        }
        /"|ese_transport_/ {
            for (i = 1; i <= count; i++)
                if (index($0, "transports/" home[i] "/") != 1 &&
                    (index($0, "\"" name[i] "\"") || $0 ~ "ese_transport_" symbol[i] "([^a-z_0-9]|$)"))
                    print $0 "   <- names the transport " name[i]
        }'
}

status=0
check_includes || status=1
named=$(check_names)
if [ -n "$named" ]; then
    printf '%s\n' "$named"
    status=1
fi
exit $status
