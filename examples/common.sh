# What the examples share: to be sourced by examples/NAME/run. Each shows Baton with one kind of app: starts it, changes its
# configuration while somebody asks without pause, and says what came of it. Exits with 1 where something did not work.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
chmod 755 "$work"
pids=""

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

finish() {
    code=$?
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    [ "$code" = 0 ] || { echo "--- Baton's log"; cat "$work/log" 2>/dev/null; } >&2
    rm -rf "$work"
}
trap finish EXIT

# needs COMMAND:PACKAGE …: installs what is missing.
needs() {
    local missing="" entry
    PATH=$PATH:/usr/sbin:/sbin
    for entry in "$@"; do command -v "${entry%%:*}" >/dev/null || missing="$missing ${entry##*:}"; done
    [ -z "$missing" ] && return
    echo "installing$missing"
    as_root apt-get update -qq
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# The program in $BATON, or one that is built now.
find_baton() {
    [ -n "${BATON:-}" ] && return
    needs pkg-config:pkg-config
    pkg-config --exists libcap || needs libcap-missing:libcap-dev
    echo "building …"
    (cd "$root" && swift build -c release -Xswiftc -static-executable --product baton) >"$work/build" 2>&1 \
        || { cat "$work/build" >&2; exit 1; }
    BATON=$(cd "$root" && swift build -c release --show-bin-path)/baton
}

# start NAME=VALUE … -- COMMAND …
start() {
    find_baton
    local settings=()
    while [ "$1" != -- ]; do settings+=("$1"); shift; done
    env BATON_CONTROL="$work/control.sock" "${settings[@]}" "$BATON" "$@" >"$work/output" 2>"$work/log" &
    baton=$!
    pids="$pids $baton"
    log_says "generation 1 is ready"
}

# log_says TEXT [COUNT]: waits until it is there (so many times), and shows the first line.
log_says() {
    local deadline=$((SECONDS + 30))
    until [ "$(grep -cF -- "$1" "$work/log" 2>/dev/null || true)" -ge "${2:-1}" ]; do
        [ $SECONDS -lt $deadline ] || { echo "not in the log within 30s: $1" >&2; exit 1; }
        sleep 0.02
    done
    grep -F -m1 -- "$1" "$work/log"
}

# answers URL TEXT: waits until that is what comes.
answers() {
    local deadline=$((SECONDS + 30))
    until curl -sf "$1" 2>/dev/null | grep -qF -- "$2"; do
        [ $SECONDS -lt $deadline ] || { echo "not answered by $1 within 30s: $2" >&2; exit 1; }
        sleep 0.02
    done
}

# ask_without_pause URL; stop_asking lets at least twenty requests pass, says how many there were and fails if one of them did.
ask_without_pause() {
    (
        asked=0 failed=0
        while :; do
            asked=$((asked + 1))
            curl -sf -m 10 -o /dev/null "$1" || failed=$((failed + 1))
            echo "$asked $failed" >"$work/asking" && mv "$work/asking" "$work/asked"
            [ -e "$work/enough" ] && exit
        done
    ) &
    asker=$!
    pids="$pids $asker"
}

stop_asking() {
    local asked=0 failed=0
    until [ "$asked" -ge 20 ]; do
        sleep 0.02
        read -r asked failed <"$work/asked" || true
    done 2>/dev/null
    touch "$work/enough"
    wait "$asker"
    read -r asked failed <"$work/asked"
    echo "requests: $asked, failed: $failed"
    [ "$failed" = 0 ]
}

# stop: by SIGTERM; what Baton exits with must be one of the codes, 0 where none is named.
stop() {
    kill "$baton"
    local code=0
    wait "$baton" || code=$?
    case " ${*:-0} " in *" $code "*) echo "stopped, exit code $code" ;; *) echo "exit code $code" >&2; exit 1 ;; esac
}
