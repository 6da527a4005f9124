-- What order remembers. Ids and keys are text compared bytewise, money is int64 minor units, time is microseconds since 1970 (UTC).
-- Every text column that is compared, sorted or a key carries COLLATE "C": C++ sorts bytewise. SQLite always does; there it is left out.

CREATE TABLE order_groups (
  group_id           TEXT COLLATE "C" PRIMARY KEY,
  number             TEXT COLLATE "C" NOT NULL UNIQUE,
  user_id            TEXT COLLATE "C" NOT NULL,
  currency           TEXT COLLATE "C" NOT NULL,
  status             TEXT COLLATE "C" NOT NULL,
  payment_status     TEXT COLLATE "C" NOT NULL,
  fulfillment_status TEXT COLLATE "C" NOT NULL,
  subtotal           BIGINT NOT NULL,
  discount_total     BIGINT NOT NULL,
  shipping_total     BIGINT NOT NULL,
  tax_total          BIGINT NOT NULL,
  total              BIGINT NOT NULL,
  version            BIGINT NOT NULL,
  placed_at          BIGINT NOT NULL,
  updated_at         BIGINT NOT NULL,
  pay_by             BIGINT,
  CHECK (total = subtotal - discount_total + shipping_total + tax_total)
);

CREATE TABLE orders (
  order_id           TEXT COLLATE "C" PRIMARY KEY,
  number             TEXT COLLATE "C" NOT NULL UNIQUE,
  group_id           TEXT COLLATE "C" NOT NULL,
  user_id            TEXT COLLATE "C" NOT NULL,
  seller_id          TEXT COLLATE "C" NOT NULL,
  currency           TEXT COLLATE "C" NOT NULL,
  status             TEXT COLLATE "C" NOT NULL,
  payment_status     TEXT COLLATE "C" NOT NULL,
  fulfillment_status TEXT COLLATE "C" NOT NULL,
  cancel_reason      TEXT COLLATE "C",
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
);

-- SQLite keeps them clustered by their key: an order's lines are read in one descent of one tree.
CREATE TABLE order_lines (
  order_id          TEXT COLLATE "C" NOT NULL,
  position          BIGINT NOT NULL,
  line_id           TEXT COLLATE "C" NOT NULL,
  offer_id          TEXT COLLATE "C" NOT NULL,
  product_id        TEXT COLLATE "C" NOT NULL,
  variant_id        TEXT COLLATE "C" NOT NULL,
  sku               TEXT COLLATE "C" NOT NULL,
  title             TEXT COLLATE "C" NOT NULL,
  quantity          BIGINT NOT NULL CHECK (quantity > 0),
  canceled_quantity BIGINT NOT NULL CHECK (canceled_quantity >= 0 AND canceled_quantity <= quantity),
  unit_price        BIGINT NOT NULL CHECK (unit_price >= 0),
  subtotal          BIGINT NOT NULL,
  discount_total    BIGINT NOT NULL,
  shipping_total    BIGINT NOT NULL,
  tax_total         BIGINT NOT NULL,
  total             BIGINT NOT NULL,
  requires_shipping BIGINT NOT NULL,
  PRIMARY KEY (order_id, position),
  CHECK (total = subtotal - discount_total + shipping_total + tax_total)
-- only: sqlite
) WITHOUT ROWID;
-- end
-- only: postgresql
);
-- end

CREATE TABLE stock (
  offer_id TEXT COLLATE "C" PRIMARY KEY,
  on_hand  BIGINT NOT NULL,
  reserved BIGINT NOT NULL,
  version  BIGINT NOT NULL,
  CHECK (0 <= reserved AND reserved <= on_hand)
);

CREATE TABLE stock_movements (
-- only: sqlite
  movement_id INTEGER PRIMARY KEY,
-- end
-- only: postgresql
  movement_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
-- end
  offer_id    TEXT COLLATE "C" NOT NULL,
  kind        TEXT COLLATE "C" NOT NULL,
  delta       BIGINT NOT NULL,
  reason      TEXT COLLATE "C",
  made_at     BIGINT NOT NULL
);

-- Copies of what catalog and auth publish. Within one log an older version never overwrites a newer one; another log's replaces it.
CREATE TABLE offers (
  offer_id          TEXT COLLATE "C" PRIMARY KEY,
  seller_id         TEXT COLLATE "C" NOT NULL,
  product_id        TEXT COLLATE "C" NOT NULL,
  variant_id        TEXT COLLATE "C" NOT NULL,
  sku               TEXT COLLATE "C" NOT NULL,
  price             BIGINT NOT NULL CHECK (price >= 0),
  currency          TEXT COLLATE "C" NOT NULL,
  status            TEXT COLLATE "C" NOT NULL,
  requires_shipping BIGINT NOT NULL,
  tax_included      BIGINT NOT NULL,
  handling_days     BIGINT NOT NULL,
  log_id            TEXT COLLATE "C" NOT NULL,
  version           BIGINT NOT NULL
);

CREATE TABLE products (
  product_id TEXT COLLATE "C" PRIMARY KEY,
  status     TEXT COLLATE "C" NOT NULL,
  title      TEXT COLLATE "C" NOT NULL,
  log_id     TEXT COLLATE "C" NOT NULL,
  version    BIGINT NOT NULL
);

CREATE TABLE sellers (
  seller_id TEXT COLLATE "C" PRIMARY KEY,
  status    TEXT COLLATE "C" NOT NULL,
  name      TEXT COLLATE "C" NOT NULL,
  log_id    TEXT COLLATE "C" NOT NULL,
  version   BIGINT NOT NULL
);

CREATE TABLE users (
  user_id TEXT COLLATE "C" PRIMARY KEY,
  log_id  TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL
);

-- Events, written in the transaction of the state they tell of. AUTOINCREMENT: numbers go on rising after pruning.
CREATE TABLE outbox (
-- only: sqlite
  sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
-- end
-- only: postgresql
  sequence    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
-- end
  event_id    TEXT COLLATE "C" NOT NULL UNIQUE,
  topic       TEXT COLLATE "C" NOT NULL,
  type        TEXT COLLATE "C" NOT NULL,
  subject     TEXT COLLATE "C" NOT NULL,
  version     BIGINT NOT NULL,
  time        BIGINT NOT NULL,
  traceparent TEXT COLLATE "C",
  data        TEXT COLLATE "C" NOT NULL,
  UNIQUE (topic, subject, version)
);

-- Only groups that wait for their payment: what the expiry job looks through.
CREATE INDEX order_groups_unpaid ON order_groups (pay_by) WHERE pay_by IS NOT NULL;
CREATE INDEX orders_of_group ON orders (group_id);
CREATE INDEX orders_of_user ON orders (user_id, placed_at, order_id);
CREATE INDEX offers_of_product ON offers (product_id);
CREATE INDEX movements_of_offer ON stock_movements (offer_id);
