-- What buyers mean to buy, and by whom and whereto what was bought. The personal data of this service stands in `email` and in `addresses` alone.
CREATE TABLE carts (
  cart_id    TEXT COLLATE "C" PRIMARY KEY,
  user_id    TEXT COLLATE "C" NOT NULL,
  status     TEXT COLLATE "C" NOT NULL,
  currency   TEXT COLLATE "C",
  email      TEXT COLLATE "C",
  group_id   TEXT COLLATE "C",
  version    BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  CHECK ((status = 'open') = (group_id IS NULL))
);
CREATE INDEX carts_of_user ON carts (user_id, created_at, cart_id);
CREATE INDEX carts_by_age ON carts (updated_at);

CREATE TABLE cart_lines (
  cart_id          TEXT COLLATE "C" NOT NULL,
  position         BIGINT NOT NULL,
  line_id          TEXT COLLATE "C" NOT NULL,
  offer_id         TEXT COLLATE "C" NOT NULL,
  quantity         BIGINT NOT NULL CHECK (quantity > 0),
  price_when_added BIGINT NOT NULL CHECK (price_when_added >= 0),
  PRIMARY KEY (cart_id, position),
  UNIQUE (cart_id, offer_id)
-- only: sqlite
) WITHOUT ROWID;
-- end
-- only: postgresql
);
-- end

-- Of one checkout: its orders share them, and keep them whatever becomes of the cart.
CREATE TABLE order_contacts (
  group_id TEXT COLLATE "C" PRIMARY KEY,
  user_id  TEXT COLLATE "C" NOT NULL,
  email    TEXT COLLATE "C"
);
CREATE INDEX order_contacts_of_user ON order_contacts (user_id);

-- `owner_id`: a cart or a group; `kind`: shipping, billing.
CREATE TABLE addresses (
  owner_id    TEXT COLLATE "C" NOT NULL,
  kind        TEXT COLLATE "C" NOT NULL,
  name        TEXT COLLATE "C" NOT NULL,
  line1       TEXT COLLATE "C" NOT NULL,
  line2       TEXT COLLATE "C",
  city        TEXT COLLATE "C" NOT NULL,
  region      TEXT COLLATE "C",
  postal_code TEXT COLLATE "C",
  country     TEXT COLLATE "C" NOT NULL,
  phone       TEXT COLLATE "C",
  PRIMARY KEY (owner_id, kind)
-- only: sqlite
) WITHOUT ROWID;
-- end
-- only: postgresql
);
-- end
