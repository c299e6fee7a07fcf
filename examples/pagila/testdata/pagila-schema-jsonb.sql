CREATE TABLE packages_apt_postgresql_org (id int PRIMARY KEY, last_updated timestamp DEFAULT now(), aptdata jsonb);
