-- audit_actions has '~' where entries were written more than a day after they
-- happened, as a product's may be: all others of a time are found by their ids.

-- only: sqlite
INSERT INTO audit_actions (log, action, stretch)
    SELECT e.log, '~', substr(e.id, 1, 10) FROM audit_entries e
    WHERE substr(e.id, 1, 8) || substr(e.id, 10, 4) > printf('%012x', e.at / 1000 + 86400000) ON CONFLICT DO NOTHING;
-- end
-- only: postgres
INSERT INTO audit_actions (log, action, stretch)
    SELECT e.log, '~', substr(e.id, 1, 10) FROM audit_entries e
    WHERE substr(e.id, 1, 8) || substr(e.id, 10, 4) > lpad(to_hex(e.at / 1000 + 86400000), 12, '0') COLLATE "C" ON CONFLICT DO NOTHING;
-- end
