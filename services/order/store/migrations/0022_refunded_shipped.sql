-- Units that were paid back after they were shipped. refunded_quantity is of those that were not; and, as it was until this step, also of those
-- that were, where none was left to be shipped: what exceeds what was left is of them.
ALTER TABLE order_lines ADD COLUMN refunded_shipped_quantity BIGINT NOT NULL DEFAULT 0 CHECK (refunded_shipped_quantity >= 0);
