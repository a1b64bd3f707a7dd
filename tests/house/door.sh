#!/bin/sh
# door.sh LAB - tries the front door in a house of cardboard: apt, meson, mvn and ese-lab only note that they
# were called. TAP.
set -eu
. "$(dirname "$0")/tap.sh"
lab=$1
house=$place/house
calls=$place/calls

# fake NAME [STATUS [COMMANDS]] : a program of that name which notes its call.
fake() {
    printf '#!/bin/sh\necho "%s $*" >> "%s"\n%s\nexit %s\n' "$(basename "$1")" "$calls" "${3:-}" "${2:-0}" > "$1"
    chmod +x "$1"
}

# Everything is installed and built.
fresh_house() {
    rm -rf "$house" "$place/bin"
    mkdir -p "$house/transports" "$house/orchestration/kafka" "$house/orchestration/bench" \
        "$house/build/orchestration/lab" "$house/build/orchestration/bench" "$house/tools" "$house/tests/browser" \
        "$place/bin"
    : > "$calls"
    cp "$lab" "$house/lab"
    printf '# name compared broker\nquick yes no\nheavy yes yes\nspare no yes\n' > "$house/transports/transports.list"
    fake "$house/orchestration/kafka/fetch-jars"
    fake "$house/orchestration/kafka/archive-classes"
    fake "$house/build/orchestration/lab/ese-lab"
    fake "$house/orchestration/bench/fetch-peers"
    fake "$house/build/orchestration/bench/ese-bench"
    fake "$house/tools/run-tests"
    : > "$house/build/build.ninja"
    echo 1 | tee "$house/tests/browser/package.json" > "$house/tests/browser/package-lock.json"
    for program in apt-get meson ninja java mvn sudo node npm; do
        fake "$place/bin/$program"
    done
    lacking ''
}

# lacking PACKAGE : dpkg knows all packages but this one.
lacking() {
    fake "$place/bin/dpkg-query" 0 "shift 3; for p in \"\$@\"; do [ \$p = '$1' ] || echo \$p=installed; done"
}

knock() { env -u ESE_LAB_HOME PATH="$place/bin:/usr/bin:/bin" "$house/lab" "$@"; }

# called PATTERN WHAT / not_called PATTERN WHAT : some line of the calls matches, or none.
called() { grep -qE -e "$1" "$calls" && tell 0 "$2" || { cp "$calls" "$place/said"; tell 1 "$2"; }; }
not_called() { grep -qE -e "$1" "$calls" && { cp "$calls" "$place/said"; tell 1 "$2"; } || tell 0 "$2"; }

hands_over() {
    fresh_house
    expect 0 '' 'compare runs' knock compare --rate 5 'two words'
    called '^ese-lab compare --rate 5 two words$' 'the arguments arrive'
    called '^ninja -C' 'what has changed is built'
    not_called '^(apt-get|sudo|meson)' 'nothing is installed or set up again'
    called '^fetch-jars .*/house/.lab/kafka/libs$' 'the jars come for what is compared'
    called '^archive-classes .*/house/.lab/kafka/libs$' 'and start quickly'
    fresh_house
    fake "$house/build/orchestration/lab/ese-lab" 2
    expect 2 '' 'the exit status is handed back' knock check DIR
    not_called '^fetch-jars' 'a check needs no broker'
}

asks_for_a_broker() {
    fresh_house
    expect 0 '' 'quick alone' knock compare --transports quick
    expect 0 '' 'a lesson of quick' knock compare --transports=quick+slow:a=b
    expect 0 '' 'help' knock compare --help
    expect 0 '' 'a cluster that is there' knock compare --bootstrap-servers=x:1
    expect 0 '' 'an embedded broker' knock up --transport heavy --broker embedded
    expect 0 '' 'up with the first of the list' knock up
    expect 0 '' 'stopping' knock kafka stop
    not_called '^fetch-jars' 'none of these needs the jars'
    for arguments in 'compare --transports quick,heavy:via=x' 'torture --rounds 1' 'up --transport=spare' 'kafka start'; do
        fresh_house
        expect 0 '' "$arguments" knock $arguments
        called '^fetch-jars' "needs the jars: $arguments"
    done
    fake "$house/orchestration/kafka/fetch-jars" 1 'echo no network >&2'
    expect 0 'no network' 'goes on without jars, and shows why' knock compare
    called '^ese-lab compare' 'without jars ese-lab decides'
    fresh_house
    fake "$house/orchestration/kafka/archive-classes" 1
    expect 0 'slower' 'goes on without the archive' knock compare
    called '^ese-lab compare' 'without the archive, too'
}

installs() {
    fresh_house
    lacking ninja-build
    expect 0 'installing by apt-get: ninja-build' 'says what it installs' knock compare
    called '^apt-get install -y --no-install-recommends ninja-build$' 'installs that and no more'
    fake "$place/bin/apt-get" 100 'echo no such mirror'
    expect 69 'please install: ninja-build' 'names it where apt fails' knock compare
    fresh_house
    lacking ninja-build
    fake "$place/bin/id" 0 'echo 1000'
    expect 0 'installing by apt-get: ninja-build' 'a user installs, too' knock compare
    called '^sudo env DEBIAN_FRONTEND=noninteractive apt-get install .* ninja-build$' 'by sudo'
    fake "$place/bin/sudo" 1
    expect 69 'please install, as root: apt-get install ninja-build' 'who may not is told' knock compare
    fresh_house
    rm "$place/bin/mvn" "$house/build/build.ninja" "$place/bin/dpkg-query"
    fake "$place/bin/meson" 1 'echo libfoo is missing'
    PATH_WITHOUT_DPKG=$place/bin:$place/base
    mkdir -p "$place/base"
    for program in sh cat mkdir dirname tail sleep kill id env grep awk flock printf; do
        ln -sf "$(command -v $program)" "$place/base/$program" 2> /dev/null || true
    done
    expect 69 'libmicrohttpd-dev' 'names them all where there is no apt' \
        env PATH="$PATH_WITHOUT_DPKG" "$house/lab" compare
}

tests() {
    fresh_house
    lacking docker.io
    expect 0 '' 'tests run' knock test --repeat 2 unit_id
    called '^run-tests --repeat 2 unit_id$' 'their arguments arrive'
    not_called '^apt-get install' 'without an engine nobody asked for'
    expect 0 'installing by apt-get: docker.io' 'who asks for an engine gets one' knock test --own-engine
    called '^run-tests --own-engine$' 'and the tests hear of it'
}

reports() {
    fresh_house
    lacking libjs-dygraphs
    expect 0 'installing by apt-get: libjs-dygraphs' 'a report brings what draws it' knock report DIR
    called '^ese-lab report DIR$' 'and is made'
    fresh_house
    lacking libjs-dygraphs
    fake "$place/bin/apt-get" 100 'echo no such mirror'
    expect 0 'please install: libjs-dygraphs' 'where that cannot be had' knock report DIR
    called '^ese-lab report DIR$' 'ese-lab says so'
    fresh_house
    lacking libjs-dygraphs
    expect 0 '' 'help on reports' knock report --help
    not_called '^apt-get' 'brings nothing'
}

# The driver of the tests' browser comes once, and again when another is wanted.
looks() {
    fresh_house
    expect 0 '' 'tests with a browser' knock test
    called '^npm ci --prefix .*/house/.lab/browser ' 'fetch its driver'
    : > "$calls"
    expect 0 '' 'tests again' knock test
    not_called '^npm' 'have it already'
    echo 2 > "$house/tests/browser/package-lock.json"
    fake "$place/bin/npm" 1 'echo no network >&2'
    expect 0 'nobody looks at the report' 'another one that cannot be had' knock test
    called '^run-tests' 'holds up no test'
    lacking chromium
    fake "$place/bin/apt-get" 100 'echo no such package'
    expect 0 'please install: chromium' 'nor does a browser' knock test
}

benches() {
    fresh_house
    expect 0 '' 'the bench' knock bench --quick --only some-row
    called '^fetch-jars .*/house/.lab/kafka/libs$' 'has a broker'
    called '^fetch-peers .*/house/.lab/peers$' 'and peers'
    called '^ese-bench --quick --only some-row$' 'and its arguments'
    fresh_house
    expect 0 '' 'without peers' knock bench --side ours
    expect 0 '' 'its help' knock bench --help
    not_called '^fetch-peers' 'fetches none'
    fake "$house/orchestration/bench/fetch-peers" 1 'echo no network >&2'
    fake "$house/build/orchestration/bench/ese-bench" 1
    expect 1 'no network' 'goes on without, and hands back the exit status' knock bench
}

builds() {
    fresh_house
    fake "$place/bin/ninja" 1 'echo some.c:1: error: no'
    expect 1 'some.c:1: error: no' 'a failed build shows its end' knock compare
    not_called '^ese-lab' 'and nothing runs'
    expect 0 '' 'what runs can be stopped all the same' knock down
    fresh_house
    rm "$house/build/build.ninja"
    expect 0 '' 'a first build' knock status
    called '^meson setup .*/house/build ' 'is set up'
}

answers() {
    fresh_house
    expect 0 './lab compare' 'help' knock help
    expect 0 './lab compare' 'no command' knock
    expect 64 "no command 'dance'" 'a command there is none of' knock dance
    not_called . 'calls nobody for that'
    lacking gcc
    expect 69 'not installed yet: gcc' 'the doctor only tells' knock doctor
    not_called '^(apt-get|ninja|ese-lab)' 'and touches nothing'
}

hands_over
asks_for_a_broker
installs
tests
reports
looks
benches
builds
answers
plan
