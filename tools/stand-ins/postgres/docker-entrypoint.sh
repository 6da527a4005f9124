#!/bin/bash
# POSTGRES_PASSWORD_FILE, POSTGRES_USER, POSTGRES_DB, /docker-entrypoint-initdb.d/*.sh, PGDATA: as the official image has them.
set -euo pipefail
if [ "$(id -u)" -eq 0 ]; then
  chown postgres "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
export POSTGRES_USER=${POSTGRES_USER:-postgres}
export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" -E UTF8 --locale=C.UTF-8 --no-instructions
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  # Not to be reached from outside until all is there.
  pg_ctl -w start -o "-c listen_addresses=''"
  for script in /docker-entrypoint-initdb.d/*.sh; do
    [ -e "$script" ] || continue
    bash "$script"
  done
  pg_ctl -w -m fast stop
fi
exec "$@" -c listen_addresses='*'
