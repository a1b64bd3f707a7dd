#!/bin/sh
# tap-skips.sh COMMAND... - runs a test whose skipped cases are to count as skipped: cmocka 1.1 writes them as
# "not ok N # SKIP", which TAP's readers, meson among them, take for failed. The exit status is the command's.
exec 3>&1
exit "$({ { "$@" 4>&- 3>&-; echo $? >&4; } | sed -u 's/^not ok \([0-9]* # SKIP\)/ok \1/' >&3 4>&-; } 4>&1)"
