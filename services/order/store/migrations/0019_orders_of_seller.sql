-- A seller's list has what was ever paid. An order comes in with its payment, not when it is placed: that costs placing nothing.
CREATE INDEX orders_of_seller ON orders (seller_id, placed_at, order_id) WHERE payment_status IN ('captured', 'partially_refunded', 'refunded');
