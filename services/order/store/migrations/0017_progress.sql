-- How far an order is on its way: units of a line that fulfilments hold, that were shipped and delivered, and whose price was given back.
ALTER TABLE order_lines ADD COLUMN fulfilled_quantity BIGINT NOT NULL DEFAULT 0 CHECK (fulfilled_quantity >= 0);
ALTER TABLE order_lines ADD COLUMN shipped_quantity BIGINT NOT NULL DEFAULT 0 CHECK (shipped_quantity >= 0);
ALTER TABLE order_lines ADD COLUMN delivered_quantity BIGINT NOT NULL DEFAULT 0 CHECK (delivered_quantity >= 0);
ALTER TABLE order_lines ADD COLUMN refunded_quantity BIGINT NOT NULL DEFAULT 0 CHECK (refunded_quantity >= 0);
ALTER TABLE orders ADD COLUMN ship_by BIGINT;
ALTER TABLE orders ADD COLUMN delivered_at BIGINT;
ALTER TABLE orders ADD COLUMN completed_at BIGINT;
