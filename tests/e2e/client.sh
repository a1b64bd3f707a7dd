#!/bin/sh
# client.sh ESE-CLIENT TRANSPORTS-LIST - ese-client over the smallest transport, a file. TAP.
set -eu
. "$(dirname "$0")/../house/tap.sh"
client=$1
if ! grep -q '^file ' "$2"; then
    echo '1..0 # SKIP this build has no transport "file"'
    exit 0
fi
store=$place/store
lines=$store/events.ndjson

# send OPTION... : everything but where the events come from and how many.
send() { "$client" --transport "file:data=$store" --quiet "$@"; }

fresh_store() { rm -rf "$store"; }

# told NAME : a figure of the totals that were said last.
told() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$place/said"; }

count() { wc -l < "$lines" | tr -d ' '; }

# same WHAT A B
same() {
    [ "$2" = "$3" ] && tell 0 "$1" || { echo "$2 is not $3" > "$place/said"; tell 1 "$1"; }
}

# until_true COMMAND... : asks again until it holds, a minute at most.
until_true() {
    turns=0
    until "$@"; do
        turns=$((turns + 1))
        [ "$turns" -lt 1200 ] || return 1
        sleep 0.05
    done
}

has_lines() { [ -e "$lines" ] && [ "$(count)" -ge "$1" ]; }

# content : what was sent, without what differs between two runs (times and ids).
content() { sed 's/"client_ts":[0-9]*,"server_ts":[0-9]*,//; s/"id":.*//' "$lines"; }

sends_so_many() {
    fresh_store
    expect 0 '"acknowledged":500,' 'so many are acknowledged' send --rate 5000 --count 500 --json
    same 'so many are stored' "$(count)" 500
    same 'each under an id of its own' "$(grep -o '"id":"[^"]*"' "$lines" | sort -u | wc -l | tr -d ' ')" 500
    content > "$place/first"
    fresh_store
    send --rate 5000 --count 500 > /dev/null
    content > "$place/again"
    expect 0 '' 'the same seed sends the same' cmp "$place/first" "$place/again"
    fresh_store
    send --rate 5000 --count 500 --seed 2 > /dev/null
    content > "$place/again"
    expect 1 '' 'another seed something else' cmp "$place/first" "$place/again"
}

keeps_its_duration() {
    fresh_store
    expect 0 '"not_sent":0' 'a schedule of two seconds' send --rate 300 --duration 2 --json
    offered=$(told offered)
    [ "$offered" -gt 400 ] && [ "$offered" -lt 800 ] && tell 0 'is about so long' || tell 1 'is about so long'
    same 'and is stored as told' "$(count)" "$offered"
}

replays_a_file() {
    fresh_store
    send --rate max --count 300 > /dev/null
    cp "$lines" "$place/recorded"
    fresh_store
    expect 0 '"acknowledged":300,' 'a file is replayed' send --source "$place/recorded" --rate max --json
    cut -d, -f1-3 "$place/recorded" > "$place/first"
    cut -d, -f1-3 "$lines" > "$place/again"
    expect 0 '' 'in its order' cmp "$place/first" "$place/again"
    echo 'no event' >> "$place/recorded"
    expect 1 "$place/recorded, line 301, is no event" 'a line that is no event is named' \
        send --source "$place/recorded" --rate max
    expect 1 'the replay ends here, 300 events were read before' 'and what becomes of the rest' \
        send --source "$place/recorded" --rate max
}

# The keyboard is a pipe that stays open; the line must be there before it is closed.
sends_what_is_typed() {
    fresh_store
    mkfifo "$place/keyboard"
    send --source - --json < "$place/keyboard" > "$place/said" &
    sender=$!
    exec 3> "$place/keyboard"
    echo k >&3
    until_true has_lines 1 && tell 0 'a typed line is sent at once' || tell 1 'a typed line is sent at once'
    echo k >&3
    echo k >&3
    exec 3>&-
    wait "$sender" && tell 0 'the end of the input is the end' || tell 1 'the end of the input is the end'
    same 'three lines, three key presses' "$(grep -c '"KEY_PRESS_EVENT"' "$lines")" 3
    same 'and three acknowledged' "$(told acknowledged)" 3
}

# A wrong line, one that is too long and an empty one between two good ones.
goes_on_behind_a_bad_line() {
    fresh_store
    {
        echo k
        echo '{"type":3}'
        head -c 100000 /dev/zero | tr '\0' x
        printf '\n\nk\n'
    } > "$place/typed"
    expect 0 'standard input, line 2, was not sent' 'a wrong typed line is named' \
        send --source - < "$place/typed"
    expect 0 'standard input, line 3, was not sent (longer than' 'and one that is too long' \
        send --source - < "$place/typed"
    same 'the others are sent' "$(count)" 6
    expect 0 'passed over' 'as the help says' "$client" --help
}

ends_on_ctrl_c() {
    fresh_store
    "$client" --transport "file:data=$store" --quiet --rate 200 --json > "$place/said" & # no subshell
    sender=$!
    until_true has_lines 50 || tell 1 'it sends without an end'
    kill -INT "$sender"
    wait "$sender" && tell 0 'Ctrl-C ends it cleanly' || tell 1 'Ctrl-C ends it cleanly'
    same 'with the totals' "$(count)" "$(told acknowledged)"
}

# None of the lines has room: it has done what it could, and says that nothing came of it.
tells_when_nothing_is_acknowledged() {
    fresh_store
    expect 2 'nothing was acknowledged' 'nothing acknowledged has an exit status of its own' \
        send --max-bytes 1 --rate 500 --count 5
    expect 0 'status is 2 when events were offered and none was' 'as the help says' "$client" --help
    expect 0 '"offered":0' 'nothing offered is nothing amiss' send --source /dev/null --json
}

refuses_nonsense() {
    expect 64 'payload-bytes' 'a padding that cannot be' send --payload-bytes 5
    expect 64 'rate' 'no rate' send --rate 0
    expect 64 'transport' 'no transport' "$client"
    expect 64 '/not-there' 'no file' send --source /not-there
    expect 64 'Is a directory' 'a directory' send --source "$place"
}

sends_so_many
keeps_its_duration
replays_a_file
sends_what_is_typed
goes_on_behind_a_bad_line
ends_on_ctrl_c
tells_when_nothing_is_acknowledged
refuses_nonsense
plan
