-- What sellers send, in one go each, and what is to happen when nothing does for long.
CREATE TABLE fulfillments (
  fulfillment_id  TEXT COLLATE "C" PRIMARY KEY,
  order_id        TEXT COLLATE "C" NOT NULL,
  status          TEXT COLLATE "C" NOT NULL,
  carrier         TEXT COLLATE "C",
  tracking_number TEXT COLLATE "C",
  tracking_url    TEXT COLLATE "C",
  created_at      BIGINT NOT NULL,
  updated_at      BIGINT NOT NULL,
  shipped_at      BIGINT,
  delivered_at    BIGINT,
  canceled_at     BIGINT,
  CHECK ((carrier IS NULL) = (tracking_number IS NULL) AND (tracking_url IS NULL OR carrier IS NOT NULL))
);
CREATE INDEX fulfillments_of_order ON fulfillments (order_id);

CREATE TABLE fulfillment_lines (
  fulfillment_id TEXT COLLATE "C" NOT NULL,
  position       BIGINT NOT NULL,
  line_id        TEXT COLLATE "C" NOT NULL,
  quantity       BIGINT NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (fulfillment_id, position)
-- only: sqlite
) WITHOUT ROWID;
-- end
-- only: postgresql
);
-- end

-- The longest of its lines when it was placed: what its seller has promised, whatever the offers say later.
ALTER TABLE orders ADD COLUMN handling_days BIGINT NOT NULL DEFAULT 0;

-- What a job looks through, and no more: an order that was only placed is in none of them.
CREATE INDEX fulfillments_on_their_way ON fulfillments (shipped_at) WHERE status = 'shipped';
CREATE INDEX orders_to_ship ON orders (ship_by)
  WHERE status = 'confirmed' AND fulfillment_status IN ('not_fulfilled', 'partially_fulfilled', 'fulfilled');
CREATE INDEX orders_to_complete ON orders (delivered_at) WHERE status = 'confirmed' AND delivered_at IS NOT NULL;
