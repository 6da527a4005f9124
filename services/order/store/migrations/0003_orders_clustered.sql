-- SQLite keeps orders clustered by their key, as it keeps their lines: reading one is a descent of one tree instead of two.
-- A reader of 10^5 orders at random is 10 % faster by it, 64 placing connections 5 % slower, the file as large.
-- PostgreSQL's tables are heaps, whatever their key.
-- only: sqlite
CREATE TABLE orders_clustered (
  order_id           TEXT PRIMARY KEY,
  number             TEXT NOT NULL UNIQUE,
  group_id           TEXT NOT NULL,
  user_id            TEXT NOT NULL,
  seller_id          TEXT NOT NULL,
  currency           TEXT NOT NULL,
  status             TEXT NOT NULL,
  payment_status     TEXT NOT NULL,
  fulfillment_status TEXT NOT NULL,
  cancel_reason      TEXT,
  subtotal           BIGINT NOT NULL,
  discount_total     BIGINT NOT NULL,
  shipping_total     BIGINT NOT NULL,
  tax_total          BIGINT NOT NULL,
  total              BIGINT NOT NULL,
  version            BIGINT NOT NULL,
  placed_at          BIGINT NOT NULL,
  updated_at         BIGINT NOT NULL,
  canceled_at        BIGINT,
  pay_by             BIGINT,
  CHECK (total = subtotal - discount_total + shipping_total + tax_total)
) WITHOUT ROWID;
INSERT INTO orders_clustered SELECT order_id, number, group_id, user_id, seller_id, currency, status, payment_status, fulfillment_status, cancel_reason,
  subtotal, discount_total, shipping_total, tax_total, total, version, placed_at, updated_at, canceled_at, pay_by FROM orders;
DROP TABLE orders;
ALTER TABLE orders_clustered RENAME TO orders;
CREATE INDEX orders_of_group ON orders (group_id);
CREATE INDEX orders_of_user ON orders (user_id, placed_at, order_id);
-- end
