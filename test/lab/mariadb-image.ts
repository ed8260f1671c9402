import { baseContent, filesBelow, programs } from './images.ts';
import { writeArchive } from './image-archive.ts';
import { makeLayer } from './layers.ts';
import { lock } from './lock.ts';

/**
 * What the official image's entry point does, as far as examples/mysql asks for it: the variables' names and what
 * they mean are the same, and what it sets up is not told to replicas.
 */
const entrypoint = `#!/bin/sh
set -e
data=/var/lib/mysql
first=
if [ ! -d "$data/mysql" ]; then
  mariadb-install-db --force --user=root --datadir="$data" --auth-root-authentication-method=normal --skip-test-db >/dev/null
  {
    echo "SET SESSION sql_log_bin = 0;"
    echo "CREATE DATABASE IF NOT EXISTS $MARIADB_DATABASE;"
    echo "CREATE USER 'root'@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';"
    echo "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';"
    if [ -z "$MARIADB_MASTER_HOST" ]; then
      echo "CREATE USER '$MARIADB_REPLICATION_USER'@'%' IDENTIFIED BY '$MARIADB_REPLICATION_PASSWORD';"
      echo "GRANT REPLICATION REPLICA ON *.* TO '$MARIADB_REPLICATION_USER'@'%';"
    else
      echo "CHANGE MASTER TO MASTER_HOST='$MARIADB_MASTER_HOST', MASTER_USER='$MARIADB_REPLICATION_USER', MASTER_PASSWORD='$MARIADB_REPLICATION_PASSWORD', MASTER_CONNECT_RETRY=10;"
      echo "START REPLICA;"
    fi
  } > /tmp/first.sql
  first=--init-file=/tmp/first.sql
fi
exec mariadbd --user=root --datadir="$data" --socket=/run/mysqld/mysqld.sock $first "$@"
`;

/** The official image's name, as the example asks for it. */
const reference = 'docker.io/library/mariadb:10.11';

/** Path of an archive with {@link reference}, made of the distribution's packages. */
export async function mariadbImage(): Promise<string> {
  // Held until the archive is there: it is awaited below.
  await using _ = await lock('images');
  const files = await programs([
    'mariadbd',
    'mariadb',
    'mariadb-install-db',
    'my_print_defaults',
    'resolveip',
  ]);
  for (const file of await filesBelow('/usr/share/mysql')) files[file] = file;
  // The scripts look for it where the distribution has it.
  files['/usr/sbin/mariadbd'] = files['/usr/bin/mariadbd'] ?? '';
  const layers = [
    await makeLayer(await baseContent()),
    await makeLayer({
      files,
      texts: { '/entrypoint.sh': entrypoint },
      directories: { '/var/lib/mysql': 0o755, '/run/mysqld': 0o755, '/usr/lib/mysql/plugin': 0o755 },
    }),
  ];
  return await writeArchive([{ reference, layers, entrypoint: ['/entrypoint.sh'] }]);
}
