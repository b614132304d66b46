# shellcheck shell=bash
# lib.sh - TAP and booting for the scripts in tests/check; read with `. tests/lib.sh`.
#
# A script has ARCH in its environment (x86_64 or arm64) and the root of the tree as its folder. It boots
# images, looks at what they left, and calls done_testing last:
#
#   SMP=2 ARGS="a b" boot prog_x
#   expect_status 3 "the program's status"
#   expect_line '^panic: ' "a report"
#   done_testing
#
# boot     passes SMP, MEM, ARGS, KARGS, INITRD, MACHINE, CPU, GIC, EL2, QEMU_ARGS, ... on to
#          tools/run-qemu; the machine is the architecture's default one unless one of its variables is set.
# run_make the same through `make run`, as a user types it; its arguments are make's.
# Either leaves the status in $status, and in the file $log what was printed.

# shellcheck source=tests/machines
. tests/machines

case ${ARCH:-} in
x86_64) default_machine=$MACHINE_DEFAULT_x86_64 ;;
arm64)  default_machine=$MACHINE_DEFAULT_arm64 ;;
*)      echo "ARCH=${ARCH:-}: use x86_64 or arm64" >&2; exit 1 ;;
esac
[ -n "${MACHINE:-}${CPU:-}${GIC:-}${EL2:-}" ] || machine_env "$default_machine"

export LC_ALL=C MODE=${MODE:-release} TIMEOUT=${TIMEOUT:-60}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
log=$scratch/log
status=
test_count=0
test_failed=0

# ok "what holds", when the last command held; `not_ok` the opposite. One line of TAP each.
ok()
{
    test_count=$((test_count + 1))
    printf 'ok %d - %s\n' "$test_count" "$1"
}

not_ok()
{
    test_count=$((test_count + 1))
    test_failed=$((test_failed + 1))
    printf 'not ok %d - %s\n' "$test_count" "$1"
}

# check "what holds" COMMAND...: whether the command succeeds; its output becomes comments.
check()
{
    local name=$1
    shift
    if "$@" > "$scratch/check" 2>&1; then
        ok "$name"
    else
        not_ok "$name"
        head -n 20 "$scratch/check" | sed 's/^/# /'
    fi
}

# show_log: what the last boot printed at its end, as comments.
show_log()
{
    printf '# status %s; the last lines of its output:\n' "$status"
    tail -n 20 "$log" | cut -c 1-300 | sed 's/^/# | /'
}

boot() # PROGRAM
{
    KARGS=${KARGS-bootlog=0} tools/run-qemu "$(image_of "$1")" < /dev/null > "$log" 2>&1
    status=$?
}

run_make() # ARGUMENT...
{
    # Not a part of the make that may have started this script.
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s run ARCH="$ARCH" MODE="$MODE" "$@" \
        < /dev/null > "$log" 2>&1
    status=$?
}

expect_status() # NUMBER DESCRIPTION
{
    if [ "$status" = "$1" ]; then
        ok "$2: status $1"
    else
        not_ok "$2: status $1"
        show_log
    fi
}

expect_line() # EXTENDED-REGEX DESCRIPTION
{
    if grep -q -E -e "$1" "$log"; then
        ok "$2"
    else
        not_ok "$2"
        printf '# no line matches %s\n' "$1"
        show_log
    fi
}

refute_line() # EXTENDED-REGEX DESCRIPTION
{
    if grep -q -E -e "$1" "$log"; then
        not_ok "$2"
        printf '# a line matches %s\n' "$1"
        show_log
    else
        ok "$2"
    fi
}

# Prints the plan and ends the script with 1 if anything failed.
done_testing()
{
    printf '1..%d\n' "$test_count"
    exit $((test_failed != 0))
}
