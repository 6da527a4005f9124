-- The trace in which somebody is told: that of the event, so that a mail belongs to it whenever it is sent.
ALTER TABLE notifications ADD COLUMN traceparent TEXT COLLATE "C";
