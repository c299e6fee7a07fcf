INSERT INTO country (country) VALUES ('Japan'), ('Brazil'), ('Nauru');
INSERT INTO city (city, country_id) VALUES ('Sasebo', 1), ('Londrina', 2), ('Yaren', 3);
INSERT INTO address (address, district, city_id, postal_code, phone)
    SELECT n || ' Example Way', 'District ' || n, 1 + n % 2, lpad(n::text, 5, '0'), (1000 + n)::text FROM generate_series(1, 30) n;
INSERT INTO store (manager_staff_id, address_id) SELECT n, n FROM generate_series(1, 3) n;
INSERT INTO staff (first_name, last_name, address_id, email, store_id, username, password, picture)
    SELECT 'Staff', 'Number' || n, 3 + n, 'staff' || n || '@example.com', 1 + (n - 1) % 3, 'staff' || n, '8cb2237d0679ca88db6464eac60da96345513964', '\x89504e470d0a'
    FROM generate_series(1, 3) n;
INSERT INTO customer (store_id, first_name, last_name, email, address_id, create_date, active)
    SELECT 1 + (n - 1) % 2, 'CUSTOMER', 'NUMBER' || n, 'customer' || n || '@example.com', 6 + n, '2022-02-14', n % 2 FROM generate_series(1, 20) n;
INSERT INTO film (title) VALUES ('ACADEMY DINOSAUR'), ('ACE GOLDFINGER');
INSERT INTO inventory (film_id, store_id) SELECT 1 + n % 2, 1 + n % 3 FROM generate_series(1, 12) n;
INSERT INTO rental (rental_date, inventory_id, customer_id, return_date, staff_id)
    SELECT timestamptz '2022-01-05 10:00+00' + n * interval '5 hours', 1 + n % 12, 1 + n % 20,
        CASE WHEN n % 7 > 0 THEN timestamptz '2022-01-09 10:00+00' + n * interval '5 hours' END, 1 + n % 3
    FROM generate_series(1, 100) n;
INSERT INTO payment (customer_id, staff_id, rental_id, amount, payment_date)
    SELECT customer_id, staff_id, rental_id, 2.99, timestamptz '2022-01-15 00:00+00' + rental_id * interval '6 hours' FROM rental;
