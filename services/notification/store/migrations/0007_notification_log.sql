-- Notifications in the app as a log that their users follow: numbers in the order in which they committed, as events have them.
-- One row: a restore renews log_id, as numbers then begin to mean others.
CREATE TABLE notification_log (
  one    BIGINT PRIMARY KEY CHECK (one = 1),
  log_id TEXT COLLATE "C" NOT NULL
);
CREATE TABLE notification_numbers (
-- only: sqlite
  sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
-- end
-- only: postgresql
  sequence        BIGINT PRIMARY KEY,
-- end
  notification_id TEXT COLLATE "C" NOT NULL,
  user_id         TEXT COLLATE "C" NOT NULL
);
CREATE INDEX notification_numbers_of_user ON notification_numbers (user_id, sequence);
-- only: sqlite
INSERT INTO notification_log (one, log_id) VALUES (1, lower(hex(randomblob(16))));
-- end
-- only: postgresql
ALTER TABLE notification_log ADD COLUMN head BIGINT NOT NULL DEFAULT 0;
INSERT INTO notification_log (one, log_id) VALUES (1, replace(gen_random_uuid()::text, '-', ''));
-- What waits for its number. Emptied as fast as it is filled, and read whole each time: vacuumed as soon as may be.
CREATE TABLE notification_new (
  id              BIGINT GENERATED ALWAYS AS IDENTITY,
  notification_id TEXT COLLATE "C" NOT NULL,
  user_id         TEXT COLLATE "C" NOT NULL
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
-- end
