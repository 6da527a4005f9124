-- Orders of which something was shipped, too: the rest of one is canceled in time as the whole of another is.
DROP INDEX orders_to_ship;
CREATE INDEX orders_to_ship ON orders (ship_by) WHERE status = 'confirmed'
  AND fulfillment_status IN ('not_fulfilled', 'partially_fulfilled', 'fulfilled', 'partially_shipped', 'partially_delivered');
