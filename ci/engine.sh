#!/bin/sh
# Tests the engine's command line that WFCTL names, as docs/engine.md tells; the arguments are those of
# `counterfoil test wfctl`. Where WFCTL names none, nothing is tested, and that is said.
set -eu

if [ -z "${WFCTL:-}" ]; then
    echo "SKIPPED: the engine's command line was NOT tested: WFCTL is not set, and should name a wfctl binary" >&2
    exit 0
fi
if [ ! -f "$WFCTL" ] || [ ! -x "$WFCTL" ]; then
    echo "SKIPPED: the engine's command line was NOT tested: WFCTL=$WFCTL is no executable file" >&2
    exit 0
fi
exec "${COUNTERFOIL:-counterfoil}" test wfctl "$@" -- "$WFCTL"
