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
