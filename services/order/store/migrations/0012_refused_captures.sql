-- Payments whose capture was refused: they are given back, so what they took pays nothing any more, however often it is told.
CREATE TABLE refused_captures (
  group_id   TEXT COLLATE "C" NOT NULL,
  payment_id TEXT COLLATE "C" NOT NULL,
  reason     TEXT COLLATE "C" NOT NULL,
  refused_at BIGINT NOT NULL,
  PRIMARY KEY (group_id, payment_id)
);
