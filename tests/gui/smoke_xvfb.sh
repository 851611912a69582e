#!/usr/bin/env bash
# Starts the window on a real X server, and where there is none.
#   smoke_xvfb.sh ORRERY_GUI ORRERY SCENARIO screenshot|window|small_screen|no_display
# Exit 77: this machine has no Xvfb.
set -euo pipefail
gui=$1 orrery=$2 scenario=$3 case=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Settings of the user stay out of it, and so does what the test was started with.
export HOME=$scratch XDG_CONFIG_HOME=$scratch XDG_CACHE_HOME=$scratch XDG_RUNTIME_DIR=$scratch
chmod 700 "$scratch"
unset DISPLAY WAYLAND_DISPLAY QT_QPA_PLATFORM QT_SCALE_FACTOR
ulimit -c 0

fail() {
  printf 'FAILED: %s\n' "$1"
  [[ ! -s $scratch/err ]] || sed 's/^/  | /' "$scratch/err"
  exit 1
}

# Runs "$@" under Xvfb with the xcb platform, at most a minute.
screen=1920x1200
on_screen() {
  xvfb-run -a -s "-screen 0 ${screen}x24 -nolisten tcp" \
    env QT_QPA_PLATFORM=xcb timeout -k 5 60 "$@" >"$scratch/out" 2>"$scratch/err"
}

need_xvfb() {
  local program
  for program in xvfb-run Xvfb xauth; do
    command -v "$program" >/dev/null || {
      echo "skipped: $program is missing"
      exit 77
    }
  done
}

# Big-endian 32-bit number at byte $2 of file $1.
number_at() { od -An -tu1 -j "$2" -N 4 "$1" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }'; }

# A drawn window compresses badly: a blank one of this size has some 10 kB.
check_picture() {
  [[ -s $1 ]] || fail "there is no picture $1"
  [[ $(od -An -c -j 1 -N 3 "$1" | tr -d ' ') == PNG ]] || fail "$1 is no PNG"
  [[ $(number_at "$1" 16)x$(number_at "$1" 20) == "$2" ]] ||
    fail "the picture has $(number_at "$1" 16) x $(number_at "$1" 20) pixels, not $2"
  (($(stat -c %s "$1") > 40000)) || fail "the picture is blank: $(stat -c %s "$1") bytes"
}

# Exit code 2 and one line on stderr, nothing on stdout.
refused() {
  local code=0
  timeout -k 5 60 "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || code=$?
  [[ $code == 2 ]] || fail "exit $code, not 2: $*"
  [[ $(wc -l <"$scratch/err") == 1 ]] || fail "said $(wc -l <"$scratch/err") lines, not one: $*"
  [[ ! -s $scratch/out ]] || fail "printed on stdout: $*"
}

case $case in
  screenshot)
    need_xvfb
    on_screen "$gui" --screenshot "$scratch/a.png" --size 1600x1000 "$scenario" || fail "exit $?"
    check_picture "$scratch/a.png" 1600x1000
    on_screen "$orrery" gui --screenshot "$scratch/b.png" --size 1200x800 --theme dark "$scenario" || fail "exit $?"
    check_picture "$scratch/b.png" 1200x800
    ;;
  window)
    need_xvfb
    # Two seconds as a user has it, then the end that a session manager gives it.
    # shellcheck disable=SC2016 # the inner shell expands them
    on_screen bash -c '"$0" "$1" & child=$!; sleep 2; kill -0 "$child" || { wait "$child"; exit $((100 + $?)); }
      kill -TERM "$child"; code=0; wait "$child" || code=$?; [[ $code == 0 || $code == 143 ]] || exit "$code"' \
      "$gui" "$scenario" || fail "the window ended by itself or badly (exit $?)"
    ! grep -qiE 'QPainter|assert|terminate|segmentation|Cannot' "$scratch/err" || fail "it complained"
    ;;
  small_screen)
    need_xvfb
    command -v xwininfo >/dev/null || {
      echo "skipped: xwininfo is missing"
      exit 77
    }
    # A window that was given no size is no larger than the screen.
    screen=1366x768
    # shellcheck disable=SC2016 # the inner shell expands them
    on_screen bash -c '"$0" "$1" & sleep 3; xwininfo -root -tree; kill -TERM %1; wait' "$gui" "$scenario" || true
    size=$(sed -nE 's/.*— Orrery".* ([0-9]+)x([0-9]+)\+.*/\1 \2/p' "$scratch/out" | sort -n | tail -1)
    [[ -n $size ]] || fail "there is no window"
    read -r width height <<<"$size"
    ((width > 800 && width <= 1366 && height > 400 && height <= 768)) || fail "the window is $width x $height"
    ;;
  no_display)
    # With a screenshot no display is needed.
    "$gui" --screenshot "$scratch/a.png" --size 1600x1000 "$scenario" >"$scratch/out" 2>"$scratch/err" || fail "exit $?"
    check_picture "$scratch/a.png" 1600x1000
    refused "$gui" "$scenario"
    refused "$orrery" gui "$scenario"
    DISPLAY=:987 refused "$gui" "$scenario"
    WAYLAND_DISPLAY=wayland-987 refused "$gui" "$scenario"
    [[ -z $(find "$scratch" -name 'core*') ]] || fail "it left a core dump"
    ;;
  *) fail "unknown case $case" ;;
esac
echo "$case: all well"
