# tap.sh - what the shell tests of this folder share: a fresh directory ($place), and cases told as TAP.
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cases=0

# tell STATUS WHAT : a case, passed with status 0. A failed one shows what was said.
tell() {
    cases=$((cases + 1))
    if [ "$1" = 0 ]; then
        echo "ok $cases - $2"
    else
        echo "not ok $cases - $2"
        sed 's/^/# /' "$place/said"
    fi
}

# expect STATUS TEXT WHAT COMMAND... : the command ends with that status, and has said TEXT.
expect() {
    wanted=$1 text=$2 what=$3
    shift 3
    status=0
    "$@" > "$place/said" 2>&1 || status=$?
    if [ "$status" = "$wanted" ] && { [ -z "$text" ] || grep -qF -e "$text" "$place/said"; }; then
        tell 0 "$what"
    else
        echo "(status $status)" >> "$place/said"
        tell 1 "$what"
    fi
}

plan() { echo "1..$cases"; }
