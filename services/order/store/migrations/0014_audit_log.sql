-- What support did to others' things. Rows are only ever added.
CREATE TABLE audit_log (
-- only: sqlite
  entry_id   INTEGER PRIMARY KEY AUTOINCREMENT,
-- end
-- only: postgresql
  entry_id   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
-- end
  actor_id   TEXT COLLATE "C" NOT NULL,
  action     TEXT COLLATE "C" NOT NULL,
  subject_id TEXT COLLATE "C" NOT NULL,
  made_at    BIGINT NOT NULL
);
CREATE INDEX audit_log_of_subject ON audit_log (subject_id);
-- only: sqlite
CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_log_is_not_shortened BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
-- end
-- only: postgresql
CREATE FUNCTION refuse_audit_log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is only added to';
END
$$;
CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_log_change();
-- end
