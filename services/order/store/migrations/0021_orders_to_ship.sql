-- Orders of which something was shipped, too: the rest of one is canceled in time as the whole of another is.
CREATE INDEX orders_not_shipped ON orders (ship_by) WHERE status = 'confirmed'
  AND fulfillment_status IN ('not_fulfilled', 'partially_fulfilled', 'fulfilled', 'partially_shipped', 'partially_delivered');
-- Last: it locks readers out, and the new index takes a while to be made.
DROP INDEX orders_to_ship;
