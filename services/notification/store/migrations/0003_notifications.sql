-- What people are told: one row per event, recipient and channel. data: what the templates say, JSON.
CREATE TABLE notifications (
  notification_id TEXT COLLATE "C" PRIMARY KEY,
  event_id        TEXT COLLATE "C" NOT NULL,
  user_id         TEXT COLLATE "C" NOT NULL,
  channel         TEXT COLLATE "C" NOT NULL,
  kind            TEXT COLLATE "C" NOT NULL,
  order_group_id  TEXT COLLATE "C",
  order_id        TEXT COLLATE "C",
  data            TEXT COLLATE "C" NOT NULL,
  made_at         BIGINT NOT NULL,
  read_at         BIGINT,
  -- Of mails alone:
  status          TEXT COLLATE "C",
  attempts        BIGINT,
  next_attempt_at BIGINT,
  sent_at         BIGINT,
  failure         TEXT COLLATE "C",
  UNIQUE (event_id, user_id, channel),
  CHECK ((channel = 'mail') = (status IS NOT NULL)),
  CHECK ((channel = 'mail') = (attempts IS NOT NULL)),
  CHECK ((status IS NOT NULL AND status = 'pending') = (next_attempt_at IS NOT NULL))
);
CREATE INDEX notifications_of_user ON notifications (user_id, channel, made_at, notification_id);
CREATE INDEX notifications_due ON notifications (next_attempt_at) WHERE status = 'pending';
CREATE INDEX notifications_dead ON notifications (made_at, notification_id) WHERE status = 'dead';
CREATE INDEX notifications_of_sale ON notifications (order_id) WHERE kind = 'sale_paid';

-- Whom we write to: states that auth and catalog publish.
CREATE TABLE users (
  user_id      TEXT COLLATE "C" PRIMARY KEY,
  email        TEXT COLLATE "C",
  display_name TEXT COLLATE "C",
  locale       TEXT COLLATE "C",
  log_id       TEXT COLLATE "C" NOT NULL,
  version      BIGINT NOT NULL
);
CREATE TABLE sellers (
  seller_id TEXT COLLATE "C" PRIMARY KEY,
  name      TEXT COLLATE "C" NOT NULL,
  log_id    TEXT COLLATE "C" NOT NULL,
  version   BIGINT NOT NULL
);
CREATE TABLE seller_members (
  seller_id TEXT COLLATE "C" NOT NULL,
  user_id   TEXT COLLATE "C" NOT NULL,
  role      TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (seller_id, user_id)
);
