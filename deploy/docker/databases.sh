#!/bin/sh
# Run by PostgreSQL's image when its data folder is new: a database and a role for each service, which no other role may
# even connect to.
set -eu
for service in order notification; do
  psql --no-password -v ON_ERROR_STOP=1 -v role="agora_$service" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
\set password \`cat /secrets/$service/password\`
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"role";
REVOKE ALL ON DATABASE :"role" FROM PUBLIC;
SQL
done
