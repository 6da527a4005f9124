#include "libs/events/schema.hpp"

namespace agora::events {

const std::string_view kOutboxSchema =
    R"(-- Events, written in the transaction of the state they tell of. AUTOINCREMENT: numbers go on rising after pruning.
CREATE TABLE outbox (
-- only: sqlite
  sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
-- end
-- only: postgresql
  sequence    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
-- end
  event_id    TEXT COLLATE "C" NOT NULL UNIQUE,
  topic       TEXT COLLATE "C" NOT NULL,
  type        TEXT COLLATE "C" NOT NULL,
  subject     TEXT COLLATE "C" NOT NULL,
  version     BIGINT NOT NULL,
  time        BIGINT NOT NULL,
  traceparent TEXT COLLATE "C",
  data        TEXT COLLATE "C" NOT NULL,
  UNIQUE (topic, subject, version)
);
)";

const std::string_view kLogSchema =
    R"(-- The log that the outbox is: one row. A restore renews log_id, as sequences then begin to mean other events.
-- Positions up to trimmed_through are no longer known; trimmed_id is the event that stood there.
CREATE TABLE event_log (
  one               BIGINT PRIMARY KEY CHECK (one = 1),
  log_id            TEXT COLLATE "C" NOT NULL,
  trimmed_through   BIGINT NOT NULL,
  trimmed_id        TEXT COLLATE "C" NOT NULL,
  compacted_through BIGINT NOT NULL
);
-- only: sqlite
INSERT INTO event_log (one, log_id, trimmed_through, trimmed_id, compacted_through) VALUES (1, lower(hex(randomblob(16))), 0, '', 0);
-- end
-- only: postgresql
INSERT INTO event_log (one, log_id, trimmed_through, trimmed_id, compacted_through)
VALUES (1, replace(gen_random_uuid()::text, '-', ''), 0, '', 0);
-- end

-- What a compacted row leaves behind, until trimmed_through passes it: a consumer may stand there.
CREATE TABLE outbox_compacted (
-- only: sqlite
  sequence INTEGER PRIMARY KEY,
-- end
-- only: postgresql
  sequence BIGINT PRIMARY KEY,
-- end
  event_id TEXT COLLATE "C" NOT NULL
);

-- How far each declared consumer has committed. A dropped one held the log up for too long and starts again.
CREATE TABLE feed_consumers (
  consumer TEXT COLLATE "C" PRIMARY KEY,
  acked    BIGINT NOT NULL,
  dropped  BIGINT NOT NULL,
  seen_at  BIGINT NOT NULL
);
)";

const std::string_view kNumberingSchema =
    R"(-- numbered_events is the log as everybody reads it. SQLite has one writer, whose inserts are numbers. On PostgreSQL
-- transactions commit in another order than they insert, and a reader of "after N" would miss what commits late: there
-- an event has an id when it is inserted, which outbox_new keeps until a job gives what committed the numbers after head.
-- only: sqlite
CREATE VIEW numbered_events AS
SELECT sequence, event_id, topic, type, subject, version, time, traceparent, data FROM outbox;
-- end
-- only: postgresql
ALTER TABLE outbox RENAME COLUMN sequence TO id;
ALTER TABLE event_log ADD COLUMN head BIGINT NOT NULL DEFAULT 0;
-- Emptied as fast as it is filled, and read whole each time: vacuumed as soon as may be.
CREATE TABLE outbox_new (
  id BIGINT NOT NULL
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
-- Narrow on purpose: numbering must not write whole events a second time.
CREATE TABLE outbox_numbers (
  sequence BIGINT PRIMARY KEY,
  id       BIGINT NOT NULL UNIQUE
);
INSERT INTO outbox_new (id) SELECT id FROM outbox;
CREATE VIEW numbered_events AS
SELECT n.sequence, o.event_id, o.topic, o.type, o.subject, o.version, o.time, o.traceparent, o.data
FROM outbox_numbers n JOIN outbox o ON o.id = n.id;
-- end

-- How far each relay has published; what it has not is not trimmed.
CREATE TABLE relay_cursors (
  relay    TEXT COLLATE "C" PRIMARY KEY,
  sequence BIGINT NOT NULL
);
)";

const std::string_view kInboxSchema =
    R"(-- Where this service stands in each log it consumes. The row is updated first in every batch: who finds it moved drops the batch.
-- failure: why it does not go on, until events rebuild. birth_through: what was trimmed before the consumer was born.
CREATE TABLE inbox_positions (
  publisher     TEXT COLLATE "C" PRIMARY KEY,
  log_id        TEXT COLLATE "C" NOT NULL,
  sequence      BIGINT NOT NULL,
  event_id      TEXT COLLATE "C" NOT NULL,
  birth_through BIGINT NOT NULL,
  failure       TEXT COLLATE "C",
  rebuilt       BIGINT NOT NULL
);

-- The last version applied of each subject.
CREATE TABLE inbox_versions (
  log_id  TEXT COLLATE "C" NOT NULL,
  topic   TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (log_id, topic, subject)
-- only: sqlite
) WITHOUT ROWID;
-- end
-- only: postgresql
);
-- end

-- Events that wait: for a version before them (gap), for something they name (dependency), or because their handler failed.
CREATE TABLE parked_events (
  log_id    TEXT COLLATE "C" NOT NULL,
  topic     TEXT COLLATE "C" NOT NULL,
  subject   TEXT COLLATE "C" NOT NULL,
  version   BIGINT NOT NULL,
  event_id  TEXT COLLATE "C" NOT NULL,
  publisher TEXT COLLATE "C" NOT NULL,
  event     TEXT COLLATE "C" NOT NULL,
  reason    TEXT COLLATE "C" NOT NULL,
  detail    TEXT COLLATE "C" NOT NULL,
  attempts  BIGINT NOT NULL,
  parked_at BIGINT NOT NULL,
  retry_at  BIGINT NOT NULL,
  dead      BIGINT NOT NULL,
  PRIMARY KEY (log_id, topic, subject, version)
);
CREATE INDEX parked_events_due ON parked_events (retry_at) WHERE dead = 0;
)";

}  // namespace agora::events
