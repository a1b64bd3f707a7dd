#!/bin/sh
# browser.sh [--no-browser] SCRIPT ARGUMENT... - runs a script with node, where all that it takes is there; else it says
# what is missing, as a skipped test of TAP.
set -eu

skip() {
    echo "1..0 # SKIP $*"
    exit 0
}

command -v node > /dev/null || skip 'no node (apt-get install nodejs)'
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ] || skip 'node is older than version 18'
if [ "$1" = --no-browser ]; then
    shift
    exec node "$@"
fi
command -v chromium > /dev/null || skip 'no Chromium (apt-get install chromium)'
[ -e /usr/share/javascript/dygraphs/dygraph.min.js ] || skip 'no dygraphs (apt-get install libjs-dygraphs)'
# Where ./lab test has it installed.
modules=${ESE_LAB_HOME:-$(dirname "$0")/../../.lab}/browser
[ -e "$modules/node_modules/playwright-core/package.json" ] || skip 'no playwright-core: ./lab test fetches it by npm'
ESE_BROWSER_MODULES=$(cd "$modules" && pwd)
export ESE_BROWSER_MODULES
exec node "$@"
