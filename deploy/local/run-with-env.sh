#!/bin/sh
# run-with-env.sh FILE... -- COMMAND...: runs a command with the variables of files of KEY=VALUE lines and no others.
set -eu
if [ "${MARKETPULSE_ENV_CLEARED:-}" != yes ]; then
    exec env -i MARKETPULSE_ENV_CLEARED=yes /bin/sh "$0" "$@"
fi
unset MARKETPULSE_ENV_CLEARED
while [ "$1" != -- ]; do
    while IFS= read -r line; do export "${line?}"; done <"$1"
    shift
done
shift
exec "$@"
