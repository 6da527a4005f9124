-- What a payment took for an order, and what of it was given back.
ALTER TABLE orders ADD COLUMN captured_total BIGINT NOT NULL DEFAULT 0 CHECK (captured_total >= 0);
ALTER TABLE orders ADD COLUMN refunded_total BIGINT NOT NULL DEFAULT 0 CHECK (0 <= refunded_total AND refunded_total <= captured_total);
UPDATE orders SET captured_total = total WHERE payment_status IN ('captured', 'partially_refunded', 'refunded');

-- Refunds that took effect: one is told again when payment's log was put back.
CREATE TABLE refunds (
  refund_id   TEXT COLLATE "C" PRIMARY KEY,
  order_id    TEXT COLLATE "C" NOT NULL,
  payment_id  TEXT COLLATE "C" NOT NULL,
  amount      BIGINT NOT NULL CHECK (amount >= 0),
  refunded_at BIGINT NOT NULL
);
CREATE INDEX refunds_of_order ON refunds (order_id);

-- How far each payment of a group that waits for one has come. What one tells may come after what a later one does.
CREATE TABLE payment_attempts (
  group_id   TEXT COLLATE "C" NOT NULL,
  payment_id TEXT COLLATE "C" NOT NULL,
  status     TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (group_id, payment_id)
);
