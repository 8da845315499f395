#!/bin/sh
# The gate of a plugin, for any CI: tests it as counterfoil.yaml and the arguments say, leaves reports where they can be
# collected, and ends with the exit code of the gate. The arguments are those of `counterfoil test provider`.
#
#   COUNTERFOIL          the program [default: `counterfoil` on PATH]
#   COUNTERFOIL_REPORTS  the directory for reports, made where it is missing [default: counterfoil-reports]
set -eu

refuse() {
    printf 'gate: %s\n' "$1" >&2
    exit 2
}

wanted=${COUNTERFOIL:-counterfoil}
program=$(command -v -- "$wanted") || refuse "there is no program $wanted: put counterfoil on PATH, or name it by COUNTERFOIL"
if [ ! -f "$program" ] || [ ! -x "$program" ]; then
    refuse "$program is no program: COUNTERFOIL names the counterfoil binary itself, with its path"
fi

reports=${COUNTERFOIL_REPORTS:-counterfoil-reports}
case $reports in
*,*) refuse "COUNTERFOIL_REPORTS=$reports has a comma in it, which sets reports apart: name another directory" ;;
esac
mkdir -p -- "$reports" || refuse "no directory for reports can be made at $reports: COUNTERFOIL_REPORTS names another"

set -- --report "junit=$reports/junit.xml" --report "sarif=$reports/counterfoil.sarif" \
    --report "json=$reports/counterfoil.jsonl" --report "html=$reports/counterfoil.html" "$@"
# Annotations are lines that GitHub's runner reads; anywhere else they would only be in the way.
if [ "${GITHUB_ACTIONS:-}" = true ]; then
    set -- --report github "$@"
fi

status=0
"$program" test provider "$@" || status=$?

case $status in
0) verdict="the contract holds as far as it was judged" ;;
1) verdict="the contract is broken" ;;
2) verdict="usage, or a file that is not valid; nothing was run" ;;
3) verdict="something could not be judged" ;;
4) verdict="nothing was judged" ;;
5) verdict="a defect of Counterfoil itself" ;;
*) verdict="ended by a signal, or not started" ;;
esac
printf 'gate: exit code %s: %s\n' "$status" "$verdict" >&2
if [ "$status" -ne 2 ]; then
    printf 'gate: reports in %s\n' "$reports" >&2
fi
exit "$status"
