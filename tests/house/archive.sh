#!/bin/sh
# archive.sh TREE - archive-classes, with a Java that is none: it notes its calls, and writes when it is told to end. TAP.
set -eu
. "$(dirname "$0")/tap.sh"
tree=$1
calls=$place/calls
jars=$place/libs

# java VERSION [COMMANDS] : what a broker does, then.
java() {
    cat > "$place/java" << END
#!/bin/sh
echo "\$*" >> "$calls"
case "\$*" in
-version) echo "version $1" >&2 ;;
*kafka.Kafka*)
    archive=\$(printf '%s\n' "\$@" | sed -n 's/^-XX:ArchiveClassesAtExit=//p')
    trap 'echo "of $1" > "\$archive"; exit 143' TERM
    ${2:-echo Kafka Server started}
    while :; do sleep 0.1; done ;;
esac
END
    chmod +x "$place/java"
    : > "$calls"
}

archive() { env -u JAVA_HOME PATH="$place:$PATH" "$tree/orchestration/kafka/archive-classes" "$jars" "$@"; }
says() { grep -qxF "$1" "$jars.jsa" && tell 0 "$2" || { cp "$calls" "$place/said"; tell 1 "$2"; }; }
runs() { [ "$(grep -c 'kafka\.Kafka' "$calls")" = "$1" ] && tell 0 "$2" || { cp "$calls" "$place/said"; tell 1 "$2"; }; }
nothing_is_left() { ls -A "$place" > "$place/said"; ! grep -q '^libs\.[^j]' "$place/said" && tell 0 "$1" || tell 1 "$1"; }

mkdir "$jars"
echo jars > "$jars/.pom"
java 17
expect 0 '' 'a broker is run' archive
says 'of 17' 'and has written what it loads'
expect 0 '' 'a second time' archive
runs 1 'nothing is run again'
java 18
expect 0 '' 'for another Java' archive
says 'of 18' 'it is written anew'
echo others > "$jars/.pom"
expect 0 '' 'for other jars' archive
runs 2 'it is run again'
java 19 'echo no such class; exit 1'
expect 1 'no such class' 'a broker that does not start is told of' archive
says 'of 18' 'and changes nothing'
nothing_is_left 'nothing is left behind'
java 20 'trap "" TERM; echo Kafka Server started'
expect 1 'does not end' 'one that does not end is given up' archive 1
nothing_is_left 'and nothing of it is left'
! pgrep -f "$place" > "$place/said" && tell 0 'nor does it run' || tell 1 'nor does it run'
plan
