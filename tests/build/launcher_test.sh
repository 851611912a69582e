#!/usr/bin/env bash
# Tries the launcher on a tiny tree of the same shape, in a folder with spaces, from elsewhere.
#   launcher_test.sh LAUNCHER
set -euo pipefail
launcher=$(readlink -f "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree="$scratch/a tree/with spaces"
mkdir -p "$tree"/{hardware,kernels,sim,models,calibrate,scenarios,gui,tests} "$scratch/fake"
cp "$launcher" "$tree/orrery"
orrery=$tree/orrery

cat >"$tree/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.22)
project(tiny LANGUAGES CXX)
option(ORRERY_TESTS "" OFF)
option(ORRERY_BENCH "" OFF)
option(ORRERY_GUI "" ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
file(GLOB sources CONFIGURE_DEPENDS scenarios/*.cpp)
add_executable(orrery ${sources})
# Qt is there when a file is.
if(ORRERY_GUI AND EXISTS "$ENV{FAKE_QT}")
  foreach(entry Qt6_DIR Qt6Svg_DIR ORRERY_QCUSTOMPLOT_INCLUDE)
    set(${entry} "$ENV{FAKE_QT}" CACHE PATH "")
  endforeach()
  add_executable(orrery-gui ${sources})
endif()
if(ORRERY_BENCH)
  add_executable(orrery_bench ${sources})
  if(TARGET orrery-gui)
    add_executable(orrery_gui_bench ${sources})
  endif()
endif()
if(ORRERY_TESTS)
  enable_testing()
  add_test(NAME passes COMMAND orrery)
  add_test(NAME skips COMMAND orrery skip)
  set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 7)
  add_test(NAME fails COMMAND orrery fail)
endif()
END
cat >"$tree/scenarios/main.cpp" <<'END'
#include <cstdio>
#include <cstring>
int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) std::printf("[%s]", argv[i]);
  if (argc > 1 && std::strcmp(argv[1], "skip") == 0) return 7;
  return argc > 1 && std::strcmp(argv[1], "fail") == 0 ? 1 : 0;
}
END
# The packages of this tree are none; a fake dpkg-query says what the launcher shall believe.
cat >"$scratch/fake/dpkg-query" <<'END'
#!/bin/sh
for last; do :; done
case " ${MISSING:-} " in *" $last "*) ;; *) echo installed ;; esac
END
# A fake apt-cache knows one of the two names of Qt's SVG package.
cat >"$scratch/fake/apt-cache" <<'END'
#!/bin/sh
[ "$2" = libqt6svg6-dev ]
END
# A fake apt-get records that it was asked.
cat >"$scratch/fake/apt-get" <<'END'
#!/bin/sh
echo "$@" >>"$APT_LOG"
END
chmod +x "$scratch/fake/"*
export PATH=$scratch/fake:$PATH APT_LOG=$scratch/apt.log FAKE_QT=$scratch/qt
unset DISPLAY WAYLAND_DISPLAY QT_QPA_PLATFORM
cd "$scratch"

fail() {
  printf 'FAILED: %s\n' "$1"
  [[ ! -f $scratch/err ]] || cat "$scratch/err"
  exit 1
}
# expect CODE STDOUT command…: exit code and whole standard output; standard error is kept in err.
expect() {
  local code=0 out
  out=$("${@:3}" 2>"$scratch/err" </dev/null) || code=$?
  [[ $code == "$1" ]] || fail "exit $code, not $1: ${*:3}"
  [[ $out == "$2" ]] || fail "printed '$out', not '$2': ${*:3}"
}
said() { grep -qF -- "$1" "$scratch/err" || fail "did not say: $1"; }
said_one_line() { [[ $(wc -l <"$scratch/err") == 1 ]] || fail "said more than one line"; }
kept_quiet() { [[ ! -s $scratch/err ]] || fail "was not quiet"; }

# Help builds and installs nothing, whosever command it is of.
for command in test bench build run gui; do
  for flag in --help -h; do
    code=0
    MISSING=libfmt-dev "$orrery" --no-install "$command" "$flag" >"$scratch/help" 2>"$scratch/err" || code=$?
    [[ $code == 0 ]] || fail "$command $flag: exit $code"
    grep -q 'Usage: ./orrery' "$scratch/help" || fail "$command $flag: no usage"
    [[ ! -e $tree/build ]] || fail "$command $flag built something"
  done
done

# A word that is no command is refused at once, whatever stands behind it, and shown without what a terminal obeys.
for words in nonsense "nonsense --help" "nonsense -h"; do
  # shellcheck disable=SC2086
  MISSING=libfmt-dev expect 2 "" "$orrery" --no-install $words
  said "unknown command 'nonsense'; the commands are test, bench, build, run, check, "
  said_one_line
done
expect 2 "" "$orrery" $'no\nsense\e[31m'
said_one_line
[[ ! -e $tree/build ]] || fail "a word that is no command built something"

# Missing packages: named with the command, nothing installed, exit 2.
MISSING=libfmt-dev expect 2 "" "$orrery" --no-install run x
said "missing packages: libfmt-dev"
said "apt-get install --no-install-recommends libfmt-dev"
[[ ! -e $APT_LOG ]] || fail "--no-install called apt-get"

# Without a terminal nobody is asked, and nothing is installed unasked: not for root either.
MISSING=libfmt-dev CI="" expect 2 "" "$orrery" run x
said "no terminal to ask on: pass --yes, or run:"
[[ ! -e $APT_LOG ]] || fail "it installed without having been asked"

# --yes installs what is missing and goes on; stdout holds the program's output alone.
if ((EUID == 0)); then
  MISSING=libfmt-dev expect 0 "[run][a b.yaml][--yes]" "$orrery" --yes run "a b.yaml" --yes
  grep -q 'install -y --no-install-recommends libfmt-dev' "$APT_LOG" || fail "--yes did not install"
fi
expect 0 "[run][a b.yaml]" "$orrery" run "a b.yaml"

# Once it is built, a command's help is the program's.
expect 0 "[run][--help]" "$orrery" run --help

# Nothing changed: no word, and no ninja (one that fails if asked).
printf '#!/bin/sh\nexit 9\n' >"$scratch/fake/ninja" && chmod +x "$scratch/fake/ninja"
expect 0 "[run]" "$orrery" run
kept_quiet
# A changed source, a new one and a removed one are each noticed.
sleep 0.05
touch "$tree/scenarios/main.cpp"
expect 2 "" "$orrery" run
rm "$scratch/fake/ninja"
expect 0 "[run]" "$orrery" run
echo 'int unused_here;' >"$tree/scenarios/more.cpp"
expect 0 "[run]" "$orrery" run
[[ -n $(find "$tree/build" -name 'more.cpp.o') ]] || fail "a new source was not built"
sleep 0.05
rm "$tree/scenarios/more.cpp"
expect 0 "[run]" "$orrery" run
expect 0 "[run]" "$orrery" run
kept_quiet

# A build that breaks shows the compiler's message and exits 2.
echo 'int broken( {' >"$tree/scenarios/more.cpp"
expect 2 "" "$orrery" run
said "more.cpp:1"
said "the whole log is in"
rm "$tree/scenarios/more.cpp"

# The program's exit code is the launcher's; its options pass through.
expect 1 "[fail][--json][-]" "$orrery" fail --json -
expect 2 "" "$orrery" --nonsense run
expect 0 "[run]" "$orrery" --build-dir "other build" run
[[ -x "$scratch/other build/bin/orrery" ]] || fail "--build-dir is not relative to the caller"
expect 0 "[run]" "$orrery" --build-dir "other build" run
# What is another's stays as it is.
mkdir "$scratch/foreign" "$scratch/papers"
printf 'CMAKE_HOME_DIRECTORY:INTERNAL=/some/other project\n' >"$scratch/foreign/CMakeCache.txt"
expect 2 "" "$orrery" --build-dir foreign run
said "--build-dir $scratch/foreign: the build folder of /some/other project"
[[ $(ls -A "$scratch/foreign") == CMakeCache.txt ]] || fail "--build-dir changed another project's folder"
touch "$scratch/papers/thesis.tex"
expect 2 "" "$orrery" --build-dir papers run
said "holds files that are no build of this tree"
[[ $(ls -A "$scratch/papers") == thesis.tex ]] || fail "--build-dir changed a folder of files"
expect 2 "" "$orrery" --build-dir papers/thesis.tex run
said "not a folder"

# The window: without a display, or without its packages, one line says what is missing.
expect 2 "" "$orrery" gui x
said "there is no display"
said_one_line
MISSING=libqcustomplot-dev expect 2 "" "$orrery" --no-install gui --screenshot a.png
said "apt-get install --no-install-recommends libqcustomplot-dev"
said_one_line
MISSING="qt6-svg-dev libqt6svg6-dev" expect 2 "" "$orrery" --no-install gui --screenshot a.png
said "missing packages: libqt6svg6-dev;"
# Where Qt is not found in spite of that, too; one of two names of a package is enough.
MISSING=qt6-svg-dev expect 2 "" "$orrery" gui --screenshot a.png
said "gui: Qt 6 (Widgets, Svg, PrintSupport) or QCustomPlot was not found"
expect 0 "[run]" "$orrery" run
# A build that was configured before Qt was there is configured again.
touch "$FAKE_QT"
expect 0 "[gui][--screenshot][a.png]" "$orrery" gui --screenshot a.png
said "configuring in"
DISPLAY=:1 expect 0 "[gui][x]" "$orrery" gui x
kept_quiet
[[ -x $tree/build/bin/orrery-gui ]] || fail "the window was not built"
# Nothing else builds it, or needs its packages.
MISSING="qt6-base-dev xvfb" expect 0 "[run]" "$orrery" --build-dir "third build" run
[[ ! -e "$scratch/third build/bin/orrery-gui" ]] || fail "run built the window"

# Benchmarks: those of the window after the others.
expect 0 "[--some][--some]" "$orrery" bench --some

# Tests: the sum comes last, the exit code says whether one failed.
code=0
"$orrery" test >"$scratch/out" 2>"$scratch/err" || code=$?
[[ $code == 1 && $(tail -n 1 "$scratch/out") == "1 passed, 1 failed, 1 skipped" ]] || fail "test: $(tail -n 3 "$scratch/out")"
"$orrery" test -E fails >"$scratch/out" 2>"$scratch/err" || fail "test -E fails"
[[ $(tail -n 1 "$scratch/out") == "1 passed, 0 failed, 1 skipped" ]] || fail "test -E: $(tail -n 1 "$scratch/out")"
grep -q 'skips (Skipped)' "$scratch/out" || fail "a skipped test is not named"

# A tree that was moved builds again instead of running the old place's program.
mv "$tree" "$scratch/moved"
expect 0 "[run]" "$scratch/moved/orrery" run
grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$scratch/moved" "$scratch/moved/build/CMakeCache.txt" || fail "moved tree"
# A build elsewhere that the old place made is not the moved tree's.
expect 2 "" "$scratch/moved/orrery" --build-dir "other build" run
said "the build folder of $tree"
echo "launcher: all well"
