#!/bin/sh
# planted.sh TOOLS - proves the checks of tools/: each must pass a clean tree and catch what is planted in it. TAP.
set -eu
. "$(dirname "$0")/tap.sh"
tools=$(cd "$1" && pwd)

fresh_tree() {
    rm -rf "$place/tree"
    mkdir -p "$place/tree/ese-core" "$place/tree/transports/smoke" "$place/tree/transports/file" \
        "$place/tree/orchestration/web" "$place/tree/ese-client" "$place/tree/tools" "$place/tree/docs" "$place/tree/tests"
    cd "$place/tree"
    printf '# comment\nsmoke yes no\nsmoke+wet-wood no no\n' > transports/transports.list
    printf '#include <stdio.h>\n#include "ese-core/id.h"\n' > ese-core/id.c
    printf '/* "smoke" may be named here */\nint x;\n' > ese-core/id.h
    printf '#include "transports/transport.h"\nconst char *name = "smoke";\n' > transports/smoke/smoke.c
    printf '#include "transports/transport.h"\n#include <jansson.h>\n' > ese-client/main.c
    printf 'Type ./lab go --fast.\n\n    $ curl --data x URL\n    ./lab go --fast  at once\n' > docs/walk.md
    printf 'shown = documents.commands(TREE, "docs/walk.md", "curl")\n' > tests/walk.py
    printf 'In `ese-core/names.c` `make()` follows `read_it()`.\n' > docs/architecture.md
    cp docs/architecture.md docs/adding-a-transport.md
    printf 'static int make(void)\n{\n}\nint *read_it(void)\n{\n}\n' > ese-core/names.c
    printf '#!/bin/sh\necho "  ./lab go --fast"\n' > lab
    printf '#!/bin/sh\n' > tools/run-tests
    printf '#!/bin/sh\ncase $* in *--slow*) echo too slow >&2; exit 64 ;; esac\n' > ese-lab
    printf 'echo "  --[no-]wind    --transport X"\n' >> ese-lab
    chmod +x lab tools/run-tests ese-lab
}

# catches TOOL TEXT WHAT FILE LINE : that line at the end of that file of a fresh tree is found.
catches() {
    fresh_tree
    printf '%s\n' "$5" >> "$4"
    expect 1 "$2" "$3" "$tools/$1" . ./ese-lab
}
passes() {
    fresh_tree
    printf '%s\n' "$4" >> "$3"
    expect 0 "" "$2" "$tools/$1" . ./ese-lab
}

check_layers() {
    passes check-layers.sh 'a clean tree keeps the layers' ese-core/id.c ''
    catches check-layers.sh 'id.c:3: must not include transports/' 'core includes a transport' \
        ese-core/id.c '#include "transports/transport.h"'
    catches check-layers.sh 'must not include ese-client/' 'a transport includes a binary' \
        transports/smoke/smoke.c '#include "ese-client/client.h"'
    catches check-layers.sh 'must not include transports/smoke/' 'a binary includes the inside of a transport' \
        ese-client/main.c '#include "transports/smoke/smoke.h"'
    catches check-layers.sh 'must not include ese-server/' 'a binary includes another' \
        ese-client/main.c '#include "ese-server/server.h"'
    catches check-layers.sh 'must not include id.h' 'an include not written from the top' \
        ese-core/id.c '#include "id.h"'
    catches check-layers.sh 'must not include curl/curl.h' 'a third-party header out of its place' \
        ese-client/main.c '#include <curl/curl.h>'
    catches check-layers.sh 'must not include jansson.h' 'jansson in a header' \
        ese-core/id.h '#include <jansson.h>'
    catches check-layers.sh 'names the transport smoke' 'a transport named as a string' \
        ese-client/main.c 'const char *name = "smoke";'
    catches check-layers.sh 'names the transport smoke' 'a transport named as an identifier' \
        ese-client/main.c 'extern int ese_transport_smoke;'
    catches check-layers.sh 'names the transport smoke+wet-wood' 'a lesson named as a string' \
        ese-client/main.c 'const char *name = "smoke+wet-wood";'
    catches check-layers.sh 'names the transport smoke+wet-wood' 'a lesson named as an identifier' \
        ese-client/main.c 'extern int ese_transport_smoke_wet_wood;'
    passes check-layers.sh 'a lesson at home' \
        transports/smoke/smoke.c 'const char *name = "smoke+wet-wood"; int ese_transport_smoke_wet_wood;'
    passes check-layers.sh 'a longer name is another' \
        ese-client/main.c 'int ese_transport_smoke_signal; const char *x = "smoke screen"; // "smoke"'
    fresh_tree
    mkdir -p orchestration/bench/bare
    printf '#include "ese-core/id.h"\nconst char *row = "smoke";\n' > orchestration/bench/row.c
    printf '#include <librdkafka/rdkafka.h>\n#include "orchestration/bench/row.h"\n' > orchestration/bench/bare/main.c
    expect 0 '' 'the bench names transports, and its bare producer includes librdkafka' "$tools/check-layers.sh" .
    echo '#include <librdkafka/rdkafka.h>' >> orchestration/bench/row.c
    expect 1 'bench/row.c:3: must not include librdkafka' 'the bench itself does not' "$tools/check-layers.sh" .
    fresh_tree
    mkdir attic
    echo '#include "ese-core/id.h"' > attic/old.c
    expect 1 'attic/old.c:1: is in no layer' 'a folder of no layer' "$tools/check-layers.sh" .
}

function_of() {
    printf 'int f(void)\n{\n'
    yes '    x++;' | head -n $(($1 - 2))
    printf '}\n'
}

check_sizes() {
    passes check-sizes.sh 'a function of 60 lines' ese-core/id.c "$(function_of 60)"
    catches check-sizes.sh 'a function of 61 lines' 'a function of 61 lines' ese-core/id.c "$(function_of 61)"
    passes check-sizes.sh 'a file of 500 lines' ese-core/id.c "$(yes 'int x;' | head -n 498)"
    catches check-sizes.sh 'longer than 500 lines' 'a file of 501 lines' ese-core/id.c "$(yes 'int x;' | head -n 499)"
    passes check-sizes.sh 'a line of 120 columns' ese-core/id.c "$(printf '/* %114s */' x)"
    catches check-sizes.sh 'a line of 121 columns' 'a line of 121 columns' ese-core/id.c "$(printf '/* %115s */' x)"
    passes check-sizes.sh 'file in 250 lines' transports/file/file.c "$(yes 'int x;' | head -n 250)"
    passes check-sizes.sh 'a module of 300 lines' orchestration/web/a.js "$(yes '/* x */' | head -n 300)"
    catches check-sizes.sh 'longer than 300' 'a module of 301 lines' orchestration/web/a.js \
        "$(yes '/* x */' | head -n 301)"
    catches check-sizes.sh 'longer than 200' "a transport's module of 201 lines" transports/smoke/a.js \
        "$(yes '/* x */' | head -n 201)"
    catches check-sizes.sh 'a line of 121 columns' 'a line of 121 columns in a module' orchestration/web/a.js \
        "$(printf '/* %115s */' x)"
    catches check-sizes.sh 'more than 250' 'file in 251 lines' transports/file/file.c "$(yes 'int x;' | head -n 251)"
}

check_docs() {
    passes check-docs.py 'clean documents' docs/walk.md 'With --wind, or --no-wind.'
    catches check-docs.py 'walk.md:5: no program has an option --slow' 'an option that is none' \
        docs/walk.md 'Or `./lab go --slow`.'
    catches check-docs.py "does not know 'jump'" 'a command that is none' docs/walk.md 'Or ./lab jump.'
    catches check-docs.py "does not know 'hop'" 'one that is none of ese-lab' docs/walk.md 'Or `ese-lab hop`.'
    fresh_tree
    echo 'See transports/fog/README.md, and --haze.' >> docs/walk.md
    expect 77 'transports/fog' 'documents of a fuller house' "$tools/check-docs.py" . ./ese-lab
    catches check-docs.py "'TODO' has no place" 'a note to oneself' docs/walk.md 'TODO: write this'
    fresh_tree
    expect 0 'tests/walk.py: 1 of the commands' 'which test runs what' "$tools/check-docs.py" . ./ese-lab
    catches check-docs.py 'SECURITY.md:3: there is no test luck' 'a promise that no test holds' SECURITY.md \
        "$(printf '## What is promised\n| what | held by |\n| all is well | `luck` |')"
    catches check-docs.py 'SECURITY.md:3: no test is named' 'one that names none' SECURITY.md \
        "$(printf '## What is promised\n| what | held by |\n| all is well | us |')"
    catches check-docs.py 'walk.md:5: ./lab go --slow: too slow' 'a command its program does not take' \
        docs/walk.md '    ./lab go --slow  in the end'
    catches check-docs.py 'walk.md:5: kcat -L: no test takes this command' 'a command that no test runs' \
        docs/walk.md '    kcat -L'
    catches check-docs.py 'walk.md:7: ese-lab & ls: no test takes' 'one that is more than its options' \
        docs/walk.md "$(printf '\n```\n$ ese-lab & ls\n```')"
    passes check-docs.py 'what a program answers' docs/walk.md "$(printf '\n```\n  curl\n{"ls": 1}\n```')"
    fresh_tree
    printf 'printf "\\nExamples:\\n  ese-lab --wind --slow\\n    slowly\\n"\n' >> ese-lab
    expect 1 'ese-lab --help:0: ese-lab --wind --slow: too slow' 'an example that is refused' \
        "$tools/check-docs.py" . ./ese-lab
}

check_names() {
    passes check-names.sh 'functions where they are said to be' docs/architecture.md ''
    catches check-names.sh 'architecture.md:2: gone() is defined neither in ese-core/names.c' 'a function that is none' \
        docs/architecture.md 'And `gone()`.'
    catches check-names.sh 'adding-a-transport.md:2: gone() is' 'a function that is none, in the other document' \
        docs/adding-a-transport.md 'And `gone()`.'
    catches check-names.sh 'make() is defined neither in - nor in ese-core/id.c' 'a function in the wrong file' \
        docs/architecture.md "$(printf '\n`make()` (`ese-core/id.c`)')"
    passes check-names.sh 'a transport that was taken out' \
        docs/architecture.md "$(printf '\n`send()` (`transports/gone/gone.c`)')"
}

check_layers
check_names
check_sizes
check_docs
plan
