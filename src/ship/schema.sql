-- SPDX-License-Identifier: GPL-2.0-or-later
-- The fleet's database: what the nodes' ledgers counted, for bills. PostgreSQL 15 or newer, encoding UTF8.
-- `ctmeter ship --init` runs the steps below that the database does not have yet, in one transaction;
-- psql -1 -f runs them as well. docs/fleet.md explains the tables and functions to those who query them.
--
-- 1. A step that was released never changes. A change of the schema is a further step: a line
--    "-- step N: ...", then its statements.
-- 2. The nodes write through the functions ship_*, which run as the owner and know a node by its role.
--    They may insert into the two inboxes and do nothing else.
-- 3. A batch holds everything that a node counted in a range of periods, so it replaces what is there.
--    Shipping it twice, late, or beside another one changes nothing.
-- 4. Octets and packets are integers everywhere: bigint for one row, numeric for sums.
-- 5. Times are timestamptz; periods begin at multiples of 5 minutes and of one hour, in UTC.

-- step 1: tables, roles, and what the nodes call

DO $$
DECLARE
	wanted text;
BEGIN
	IF current_setting('server_version_num')::int < 150000 THEN
		RAISE 'PostgreSQL % is too old: ctmeter needs 15 or newer', current_setting('server_version');
	END IF;
	IF current_setting('server_encoding') <> 'UTF8' THEN
		RAISE 'the database is encoded in %: make one with ENCODING ''UTF8'' TEMPLATE template0',
			current_setting('server_encoding');
	END IF;
	FOREACH wanted IN ARRAY ARRAY['ctmeter_node', 'ctmeter_billing', 'ctmeter_customer'] LOOP
		IF to_regrole(wanted) IS NULL THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
		END IF;
	END LOOP;
END $$;

CREATE SCHEMA ctmeter;

-- `version`: the steps done. `accepts`: nodes that know at least this version may ship.
CREATE TABLE ctmeter.schema (version int NOT NULL, accepts int NOT NULL);
INSERT INTO ctmeter.schema VALUES (1, 1);

CREATE TABLE ctmeter.setting (
	keep_hours interval NOT NULL DEFAULT '3 years',     -- usage_hour
	keep_minutes interval NOT NULL DEFAULT '100 days',  -- usage_5min
	silent_after interval NOT NULL DEFAULT '30 minutes', -- a node that ships nothing for so long is missing
	maintained_at timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO ctmeter.setting DEFAULT VALUES;

-- A node is its ledger's random id. Its name may change, its machine only if somebody says so.
CREATE TABLE ctmeter.node (
	number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id uuid NOT NULL UNIQUE,
	name text NOT NULL,
	owner name NOT NULL,              -- the role that ships it
	machine text NOT NULL,            -- of its machine id, shortened; '': unknown
	boot text NOT NULL,               -- that shipped last
	ledger_checkpoint bigint NOT NULL DEFAULT 0, -- of the ledger, at the last complete run
	clock_steps bigint NOT NULL DEFAULT 0,       -- likewise; another number: compare every day
	counted_digest bigint NOT NULL DEFAULT 0,    -- of the rows in `counted`, as the node computes it
	session bigint NOT NULL DEFAULT 0,           -- of the run that may ship
	session_at timestamptz NOT NULL DEFAULT now(),
	hours_next timestamptz,           -- all hours before this one are here
	minutes_next timestamptz,         -- all periods of 5 minutes before this one are here
	kept_until timestamptz NOT NULL DEFAULT '-infinity', -- an earlier copy of the ledger was put back:
	                                                     -- nothing older than this is lowered
	first_at timestamptz NOT NULL DEFAULT now(),
	shipped_at timestamptz,           -- the end of the last complete run
	counted_until timestamptz,        -- the last checkpoint of the ledger then
	retired boolean NOT NULL DEFAULT false -- nothing more is expected from it
);
CREATE INDEX ON ctmeter.node (machine);

CREATE TABLE ctmeter.node_boot (
	node int NOT NULL REFERENCES ctmeter.node ON DELETE CASCADE,
	boot text NOT NULL,
	seen_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (node, boot)
);

CREATE TABLE ctmeter.node_event (
	node int NOT NULL REFERENCES ctmeter.node ON DELETE CASCADE,
	at timestamptz NOT NULL DEFAULT now(),
	kind text NOT NULL CHECK (kind IN ('new', 'renamed', 'taken over', 'refused', 'put back')),
	detail text NOT NULL
);
CREATE INDEX ON ctmeter.node_event (at);

-- A row of a node's ledger: an address of a container.
CREATE TABLE ctmeter.counted (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	node int NOT NULL REFERENCES ctmeter.node ON DELETE CASCADE,
	container text NOT NULL,
	ip inet NOT NULL,
	name text NOT NULL DEFAULT '',
	since timestamptz,                -- counting since
	gone timestamptz,                 -- left the inventory; NULL: still in it
	discontinuities bigint NOT NULL DEFAULT 0,
	UNIQUE (node, container, ip)
);
CREATE INDEX ON ctmeter.counted (container);
CREATE INDEX ON ctmeter.counted (ip);

-- Octets may have been missed then.
CREATE TABLE ctmeter.discontinuity (
	counted int NOT NULL REFERENCES ctmeter.counted ON DELETE CASCADE,
	at timestamptz NOT NULL,
	number bigint NOT NULL,           -- how many the row has had
	PRIMARY KEY (counted, at)
);

-- Forwarded traffic as the container sees it, then that with the node itself. Periods without traffic have
-- no row. The partitions are months, made when a node needs them; `_other` takes what is far from now.
CREATE TABLE ctmeter.usage_hour (
	start timestamptz NOT NULL,
	in_octets bigint NOT NULL, in_pkts bigint NOT NULL,
	out_octets bigint NOT NULL, out_pkts bigint NOT NULL,
	node_in_octets bigint NOT NULL, node_in_pkts bigint NOT NULL,
	node_out_octets bigint NOT NULL, node_out_pkts bigint NOT NULL,
	counted int NOT NULL,
	PRIMARY KEY (counted, start)
) PARTITION BY RANGE (start);
CREATE TABLE ctmeter.usage_hour_other PARTITION OF ctmeter.usage_hour DEFAULT;
CREATE TABLE ctmeter.usage_5min (LIKE ctmeter.usage_hour INCLUDING ALL) PARTITION BY RANGE (start);
CREATE TABLE ctmeter.usage_5min_other PARTITION OF ctmeter.usage_5min DEFAULT;

-- What a transaction copies in, until its ship_batch or ship_counted takes it.
CREATE UNLOGGED TABLE ctmeter.inbox (
	tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
	start timestamptz NOT NULL,
	container text NOT NULL,
	ip inet NOT NULL,
	in_octets bigint NOT NULL, in_pkts bigint NOT NULL,
	out_octets bigint NOT NULL, out_pkts bigint NOT NULL,
	node_in_octets bigint NOT NULL, node_in_pkts bigint NOT NULL,
	node_out_octets bigint NOT NULL, node_out_pkts bigint NOT NULL
);
CREATE INDEX ON ctmeter.inbox (tx);
CREATE UNLOGGED TABLE ctmeter.inbox_counted (
	tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
	container text NOT NULL,
	ip inet NOT NULL,
	name text NOT NULL,
	since timestamptz,
	gone timestamptz,
	discontinuities bigint NOT NULL,
	discontinuity timestamptz
);
CREATE INDEX ON ctmeter.inbox_counted (tx);

-- Whose container it is. One without a node is the customer's wherever it runs.
CREATE TABLE ctmeter.customer (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE,
	role name                         -- the role that sees this customer's traffic; NULL: none
);
CREATE TABLE ctmeter.owns (
	customer int NOT NULL REFERENCES ctmeter.customer ON DELETE CASCADE,
	container text NOT NULL,
	node int REFERENCES ctmeter.node,
	valid tstzrange NOT NULL DEFAULT '(,)' CHECK (NOT isempty(valid))
);
CREATE INDEX ON ctmeter.owns (container);
CREATE INDEX ON ctmeter.owns (customer);

CREATE FUNCTION ctmeter.owns_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	LOCK TABLE ctmeter.owns IN SHARE ROW EXCLUSIVE MODE;
	IF (SELECT count(*) FROM ctmeter.owns o WHERE o.container = NEW.container AND o.valid && NEW.valid
	    AND (o.node IS NULL OR NEW.node IS NULL OR o.node = NEW.node)) > 1 THEN
		RAISE 'container % would belong to two customers at one time, or twice to one', NEW.container
			USING ERRCODE = 'exclusion_violation', HINT = 'end the earlier row of ctmeter.owns first: '
			'UPDATE ctmeter.owns SET valid = tstzrange(lower(valid), MOMENT)';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER once AFTER INSERT OR UPDATE ON ctmeter.owns FOR EACH ROW EXECUTE FUNCTION ctmeter.owns_check();

CREATE TABLE ctmeter.quota (
	customer int PRIMARY KEY REFERENCES ctmeter.customer ON DELETE CASCADE,
	octets bigint NOT NULL CHECK (octets > 0),
	counts text NOT NULL DEFAULT 'both' CHECK (counts IN ('in', 'out', 'both', 'larger')),
	near int NOT NULL DEFAULT 80 CHECK (near BETWEEN 1 AND 100), -- per cent
	start_day int NOT NULL DEFAULT 1 CHECK (start_day BETWEEN 1 AND 31),
	time_zone text NOT NULL DEFAULT 'UTC'
);

-- ---- partitions and retention ----

CREATE FUNCTION ctmeter.make_partition(parent text, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	first timestamptz := date_trunc('month', at, 'UTC');
	until timestamptz := (first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
	child text := parent || to_char(first AT TIME ZONE 'UTC', '_YYYYMM');
BEGIN
	IF to_regclass('ctmeter.' || child) IS NOT NULL THEN
		RETURN;
	END IF;
	PERFORM set_config('lock_timeout', '5s', true);
	PERFORM pg_advisory_xact_lock(hashtext('ctmeter partitions'));
	IF to_regclass('ctmeter.' || child) IS NOT NULL THEN
		RETURN;
	END IF;
	EXECUTE format('CREATE TABLE ctmeter.%I (LIKE ctmeter.%I INCLUDING ALL)', child, parent);
	EXECUTE format('LOCK TABLE ctmeter.%I IN ACCESS EXCLUSIVE MODE', parent || '_other');
	EXECUTE format('WITH moved AS (DELETE FROM ctmeter.%I WHERE start >= $1 AND start < $2 RETURNING *)'
		' INSERT INTO ctmeter.%I SELECT * FROM moved', parent || '_other', child) USING first, until;
	EXECUTE format('ALTER TABLE ctmeter.%I ATTACH PARTITION ctmeter.%I FOR VALUES FROM (%L) TO (%L)',
		parent, child, first, until);
EXCEPTION WHEN lock_not_available THEN
	NULL; -- a long query reads the table: until next time the rows go to _other
END $$;

-- The months from a node's oldest period to the next one. What is older than kept, or in the future, is not
-- worth one.
CREATE FUNCTION ctmeter.make_partitions(hours_from timestamptz, minutes_from timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	s ctmeter.setting;
	m timestamptz;
BEGIN
	SELECT * INTO s FROM ctmeter.setting;
	FOR m IN SELECT generate_series(date_trunc('month', greatest(hours_from, now() - s.keep_hours), 'UTC'),
			now() + interval '20 days', interval '1 month') LOOP
		PERFORM ctmeter.make_partition('usage_hour', m);
	END LOOP;
	FOR m IN SELECT generate_series(date_trunc('month', greatest(minutes_from, now() - s.keep_minutes), 'UTC'),
			now() + interval '20 days', interval '1 month') LOOP
		PERFORM ctmeter.make_partition('usage_5min', m);
	END LOOP;
END $$;

CREATE FUNCTION ctmeter.retain(parent text, keep interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	child text;
BEGIN
	FOR child IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = ('ctmeter.' || parent)::regclass AND c.relname ~ '_[0-9]{6}$' LOOP
		CONTINUE WHEN (to_date(right(child, 6), 'YYYYMM') + interval '1 month') AT TIME ZONE 'UTC' > now() - keep;
		BEGIN
			PERFORM set_config('lock_timeout', '2s', true);
			EXECUTE format('DROP TABLE ctmeter.%I', child);
		EXCEPTION WHEN lock_not_available THEN
			RAISE LOG 'ctmeter: % is in use and is dropped tomorrow', child;
		END;
	END LOOP;
	EXECUTE format('DELETE FROM ctmeter.%I WHERE start < $1', parent || '_other') USING now() - keep;
END $$;

-- Once a day, in the run of whichever node comes first. It can also be called by hand.
CREATE FUNCTION ctmeter.maintain(forced boolean DEFAULT true) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	s ctmeter.setting;
BEGIN
	SELECT * INTO s FROM ctmeter.setting WHERE forced OR maintained_at < now() - interval '1 day'
		FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE ctmeter.setting SET maintained_at = now();
	PERFORM ctmeter.retain('usage_hour', s.keep_hours);
	PERFORM ctmeter.retain('usage_5min', s.keep_minutes);
	DELETE FROM ctmeter.inbox WHERE tx < pg_snapshot_xmin(pg_current_snapshot());
	DELETE FROM ctmeter.inbox_counted WHERE tx < pg_snapshot_xmin(pg_current_snapshot());
END $$;

-- ---- what a node calls ----

CREATE FUNCTION ctmeter.note(p_node int, p_kind text, p_detail text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ctmeter.node_event (node, kind, detail)
	SELECT p_node, p_kind, p_detail WHERE NOT EXISTS (SELECT FROM ctmeter.node_event e
		WHERE e.node = p_node AND e.kind = p_kind AND e.detail = p_detail AND e.at > now() - interval '1 day');
$$;

-- Why this machine may not ship as node n; NULL: it may.
CREATE FUNCTION ctmeter.refusal(n ctmeter.node, p_name text, p_machine text, p_boot text) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT CASE
	WHEN n.machine <> '' AND p_machine <> '' AND n.machine <> p_machine THEN
		format('its ledger is that of node %s, which another machine ships: is %s a clone of it?', n.name, p_name)
	WHEN n.boot <> p_boot AND EXISTS (SELECT FROM ctmeter.node_boot b WHERE b.node = n.number AND b.boot = p_boot) THEN
		format('two machines with one machine id ship as node %s by turns, one of them since %s: is one a clone?',
			n.name, to_char((SELECT min(b.seen_at) FROM ctmeter.node_boot b WHERE b.node = n.number
				AND b.boot = n.boot) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
	END $$;

-- Begin a run. verdict: 'ok'; 'refused' with the reason in detail. Times are Unix seconds, NULL: none yet.
CREATE FUNCTION ctmeter.ship_hello(p_id uuid, p_name text, p_machine text, p_boot text, p_checkpoint bigint,
	p_hours_from bigint, p_minutes_from bigint, p_take_over boolean)
RETURNS TABLE (verdict text, detail text, session bigint, hours_next bigint, minutes_next bigint,
	hours_oldest bigint, minutes_oldest bigint, clock_steps bigint, counted_digest bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n ctmeter.node;
	other ctmeter.node;
	s ctmeter.setting;
	why text;
BEGIN
	SELECT * INTO n FROM ctmeter.node WHERE node.id = p_id FOR UPDATE;
	IF NOT FOUND THEN
		-- A copy of the ledger that is older than its id gets a new one. It would count twice.
		SELECT * INTO other FROM ctmeter.node WHERE node.machine = p_machine AND p_machine <> ''
			AND node.owner = session_user AND NOT node.retired
			AND node.hours_next > to_timestamp(p_hours_from) ORDER BY node.number DESC LIMIT 1 FOR UPDATE;
		IF FOUND AND NOT p_take_over THEN
			PERFORM ctmeter.note(other.number, 'refused', 'its machine has a ledger with another id');
			RETURN QUERY SELECT 'refused', format('this machine has shipped the same time as node %s from '
				'another ledger; an earlier copy of that may have been put back', other.name),
				0::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, 0::bigint, 0::bigint;
			RETURN;
		ELSIF FOUND THEN
			UPDATE ctmeter.node SET id = p_id, ledger_checkpoint = 0, clock_steps = -1, kept_until = now()
				WHERE node.number = other.number;
			PERFORM ctmeter.note(other.number, 'put back', 'its ledger has another id');
		ELSE
			INSERT INTO ctmeter.node (id, name, owner, machine, boot)
				VALUES (p_id, p_name, session_user, p_machine, p_boot) ON CONFLICT DO NOTHING;
		END IF;
		SELECT * INTO STRICT n FROM ctmeter.node WHERE node.id = p_id FOR UPDATE;
		PERFORM ctmeter.note(n.number, 'new', p_name);
	END IF;
	IF n.owner <> session_user THEN
		why := format('node %s belongs to the role %s, not to %s', n.name, n.owner, session_user);
	ELSE
		why := ctmeter.refusal(n, p_name, p_machine, p_boot);
	END IF;
	IF why IS NOT NULL AND (NOT p_take_over OR n.owner <> session_user) THEN
		PERFORM ctmeter.note(n.number, 'refused', format('%s: %s', p_name, why));
		RETURN QUERY SELECT 'refused', why, 0::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint,
			0::bigint, 0::bigint;
		RETURN;
	END IF;
	IF why IS NOT NULL THEN
		PERFORM ctmeter.note(n.number, 'taken over', p_name);
		n.clock_steps := -1; -- what the other machine shipped is compared and replaced
	ELSIF p_checkpoint < n.ledger_checkpoint THEN
		PERFORM ctmeter.note(n.number, 'put back', format('checkpoint %s after %s', p_checkpoint, n.ledger_checkpoint));
		n.kept_until := now();
	END IF;
	IF n.name <> p_name THEN
		PERFORM ctmeter.note(n.number, 'renamed', format('%s, was %s', p_name, n.name));
	END IF;
	INSERT INTO ctmeter.node_boot (node, boot) VALUES (n.number, p_boot) ON CONFLICT DO NOTHING;
	DELETE FROM ctmeter.node_boot b WHERE b.node = n.number AND b.boot <> p_boot AND b.seen_at < now() - interval '90 days';
	UPDATE ctmeter.node SET name = p_name, machine = CASE WHEN p_machine = '' THEN node.machine ELSE p_machine END,
		boot = p_boot, clock_steps = n.clock_steps, kept_until = n.kept_until, retired = false,
		session = node.session + 1, session_at = now() WHERE node.number = n.number RETURNING * INTO n;
	PERFORM ctmeter.make_partitions(to_timestamp(p_hours_from), to_timestamp(p_minutes_from));
	PERFORM ctmeter.maintain(false);
	SELECT * INTO s FROM ctmeter.setting;
	RETURN QUERY SELECT 'ok', '', n.session, extract(epoch FROM n.hours_next)::bigint,
		extract(epoch FROM n.minutes_next)::bigint,
		ceil(extract(epoch FROM now() - s.keep_hours) / 3600)::bigint * 3600,
		ceil(extract(epoch FROM now() - s.keep_minutes) / 300)::bigint * 300, n.clock_steps, n.counted_digest;
END $$;

-- The node of this run, locked until the transaction's end.
CREATE FUNCTION ctmeter.ship_node(p_id uuid, p_session bigint) RETURNS ctmeter.node LANGUAGE plpgsql AS $$
DECLARE
	n ctmeter.node;
BEGIN
	SELECT * INTO n FROM ctmeter.node WHERE node.id = p_id AND node.owner = session_user FOR UPDATE;
	IF NOT FOUND THEN
		RAISE 'the role % has no node %', session_user, p_id USING ERRCODE = 'CT001';
	ELSIF n.session <> p_session THEN
		RAISE 'another ctmeter ship of node % began at %: this one has ended', n.name,
			to_char(n.session_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') USING ERRCODE = 'CT002';
	END IF;
	RETURN n;
END $$;

-- Take this transaction's inbox as all that the node counted in [p_from, p_until), periods of p_step seconds.
-- p_next: everything before it is now here; NULL: that is as it was. Returns how many rows changed.
CREATE FUNCTION ctmeter.ship_batch(p_id uuid, p_session bigint, p_step int, p_from bigint, p_until bigint,
	p_next bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n ctmeter.node := ctmeter.ship_node(p_id, p_session);
	parent text := CASE p_step WHEN 3600 THEN 'usage_hour' WHEN 300 THEN 'usage_5min' END;
	gone bigint;
	changed bigint;
BEGIN
	INSERT INTO ctmeter.counted (node, container, ip) SELECT DISTINCT n.number, i.container, i.ip FROM ctmeter.inbox i
		WHERE i.tx = pg_current_xact_id() AND NOT EXISTS (SELECT FROM ctmeter.counted c
			WHERE c.node = n.number AND c.container = i.container AND c.ip = i.ip)
		ON CONFLICT DO NOTHING;
	EXECUTE format('DELETE FROM ctmeter.%I u USING ctmeter.counted c WHERE c.node = $1 AND u.counted = c.id'
		' AND u.start >= greatest(to_timestamp($2), $4) AND u.start < to_timestamp($3)'
		' AND NOT EXISTS (SELECT FROM ctmeter.inbox i WHERE i.tx = pg_current_xact_id() AND i.start = u.start'
		' AND i.container = c.container AND i.ip = c.ip)', parent) USING n.number, p_from, p_until, n.kept_until;
	GET DIAGNOSTICS gone = ROW_COUNT;
	EXECUTE format('INSERT INTO ctmeter.%I AS u SELECT i.start, i.in_octets, i.in_pkts, i.out_octets, i.out_pkts,'
		' i.node_in_octets, i.node_in_pkts, i.node_out_octets, i.node_out_pkts, c.id'
		' FROM ctmeter.inbox i JOIN ctmeter.counted c ON c.node = $1 AND c.container = i.container AND c.ip = i.ip'
		' WHERE i.tx = pg_current_xact_id() AND i.start >= to_timestamp($2) AND i.start < to_timestamp($3)'
		' ON CONFLICT (counted, start) DO UPDATE SET (in_octets, in_pkts, out_octets, out_pkts, node_in_octets,'
		' node_in_pkts, node_out_octets, node_out_pkts) ='
		' (CASE WHEN u.start < $4 THEN greatest(u.in_octets, excluded.in_octets) ELSE excluded.in_octets END,'
		' CASE WHEN u.start < $4 THEN greatest(u.in_pkts, excluded.in_pkts) ELSE excluded.in_pkts END,'
		' CASE WHEN u.start < $4 THEN greatest(u.out_octets, excluded.out_octets) ELSE excluded.out_octets END,'
		' CASE WHEN u.start < $4 THEN greatest(u.out_pkts, excluded.out_pkts) ELSE excluded.out_pkts END,'
		' CASE WHEN u.start < $4 THEN greatest(u.node_in_octets, excluded.node_in_octets) ELSE excluded.node_in_octets END,'
		' CASE WHEN u.start < $4 THEN greatest(u.node_in_pkts, excluded.node_in_pkts) ELSE excluded.node_in_pkts END,'
		' CASE WHEN u.start < $4 THEN greatest(u.node_out_octets, excluded.node_out_octets) ELSE excluded.node_out_octets END,'
		' CASE WHEN u.start < $4 THEN greatest(u.node_out_pkts, excluded.node_out_pkts) ELSE excluded.node_out_pkts END)'
		' WHERE (u.in_octets, u.in_pkts, u.out_octets, u.out_pkts, u.node_in_octets, u.node_in_pkts, u.node_out_octets,'
		' u.node_out_pkts) IS DISTINCT FROM (excluded.in_octets, excluded.in_pkts, excluded.out_octets,'
		' excluded.out_pkts, excluded.node_in_octets, excluded.node_in_pkts, excluded.node_out_octets,'
		' excluded.node_out_pkts)', parent) USING n.number, p_from, p_until, n.kept_until;
	GET DIAGNOSTICS changed = ROW_COUNT;
	DELETE FROM ctmeter.inbox WHERE tx = pg_current_xact_id();
	UPDATE ctmeter.node SET
		hours_next = CASE WHEN p_step = 3600 AND p_next IS NOT NULL THEN to_timestamp(p_next) ELSE node.hours_next END,
		minutes_next = CASE WHEN p_step = 300 AND p_next IS NOT NULL THEN to_timestamp(p_next) ELSE node.minutes_next END
		WHERE number = n.number AND p_next IS NOT NULL;
	RETURN gone + changed;
END $$;

-- Take this transaction's inbox_counted as the rows of the node's ledger.
CREATE FUNCTION ctmeter.ship_counted(p_id uuid, p_session bigint, p_digest bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n ctmeter.node := ctmeter.ship_node(p_id, p_session);
BEGIN
	INSERT INTO ctmeter.counted AS c (node, container, ip, name, since, gone, discontinuities)
		SELECT n.number, i.container, i.ip, i.name, i.since, i.gone, i.discontinuities FROM ctmeter.inbox_counted i
		WHERE i.tx = pg_current_xact_id()
		ON CONFLICT (node, container, ip) DO UPDATE SET name = excluded.name, since = excluded.since, gone = excluded.gone,
			discontinuities = excluded.discontinuities
		WHERE (c.name, c.since, c.gone, c.discontinuities) IS DISTINCT FROM
			(excluded.name, excluded.since, excluded.gone, excluded.discontinuities);
	INSERT INTO ctmeter.discontinuity (counted, at, number)
		SELECT c.id, i.discontinuity, i.discontinuities FROM ctmeter.inbox_counted i
		JOIN ctmeter.counted c ON c.node = n.number AND c.container = i.container AND c.ip = i.ip
		WHERE i.tx = pg_current_xact_id() AND i.discontinuity IS NOT NULL
		ON CONFLICT (counted, at) DO UPDATE SET number = excluded.number;
	DELETE FROM ctmeter.inbox_counted WHERE tx = pg_current_xact_id();
	UPDATE ctmeter.node SET counted_digest = p_digest WHERE number = n.number;
END $$;

-- What is here of the node, by day (UTC): number of rows, and two checksums. The second one depends on the
-- periods, and so notices what has moved within a day.
CREATE FUNCTION ctmeter.ship_days(p_id uuid, p_session bigint, p_step int)
RETURNS TABLE (day bigint, n bigint, octets bigint, places bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	self ctmeter.node := ctmeter.ship_node(p_id, p_session);
BEGIN
	RETURN QUERY EXECUTE format('SELECT e / 86400 AS d, count(*), sum(v)::bigint, sum((e / $2 %% 1009 + 1) * v)::bigint'
		' FROM (SELECT extract(epoch FROM u.start)::bigint AS e, u.in_octets %% 65521 + 3 * (u.out_octets %% 65521)'
		' + 5 * (u.node_in_octets %% 65521) + 7 * (u.node_out_octets %% 65521) + 11 * (u.in_pkts %% 65521)'
		' + 13 * (u.out_pkts %% 65521) + 17 * (u.node_in_pkts %% 65521) + 19 * (u.node_out_pkts %% 65521) AS v'
		' FROM ctmeter.counted c JOIN ctmeter.%I u ON u.counted = c.id WHERE c.node = $1) x GROUP BY d ORDER BY d',
		CASE p_step WHEN 3600 THEN 'usage_hour' WHEN 300 THEN 'usage_5min' END) USING self.number, p_step;
END $$;

-- The run is complete.
CREATE FUNCTION ctmeter.ship_done(p_id uuid, p_session bigint, p_checkpoint bigint, p_clock_steps bigint,
	p_counted_until bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n ctmeter.node := ctmeter.ship_node(p_id, p_session);
BEGIN
	UPDATE ctmeter.node SET ledger_checkpoint = p_checkpoint, clock_steps = p_clock_steps, shipped_at = now(),
		counted_until = to_timestamp(p_counted_until) WHERE number = n.number;
END $$;

-- ---- rights ----

-- What the present role's customers have, and when.
CREATE VIEW ctmeter.mine WITH (security_barrier) AS
	SELECT c.id AS counted, c.node, o.valid, cu.id AS customer
	FROM ctmeter.customer cu JOIN ctmeter.owns o ON o.customer = cu.id
	JOIN ctmeter.counted c ON c.container = o.container AND (o.node IS NULL OR o.node = c.node)
	WHERE pg_has_role(to_regrole(quote_ident(cu.role)), 'USAGE');

ALTER TABLE ctmeter.node ENABLE ROW LEVEL SECURITY;
ALTER TABLE ctmeter.node_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE ctmeter.counted ENABLE ROW LEVEL SECURITY;
ALTER TABLE ctmeter.discontinuity ENABLE ROW LEVEL SECURITY;
ALTER TABLE ctmeter.usage_hour ENABLE ROW LEVEL SECURITY;
ALTER TABLE ctmeter.usage_5min ENABLE ROW LEVEL SECURITY;
ALTER TABLE ctmeter.customer ENABLE ROW LEVEL SECURITY;
ALTER TABLE ctmeter.owns ENABLE ROW LEVEL SECURITY;
ALTER TABLE ctmeter.quota ENABLE ROW LEVEL SECURITY;
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['node', 'node_event', 'counted', 'discontinuity', 'usage_hour', 'usage_5min'] LOOP
		EXECUTE format('CREATE POLICY billing ON ctmeter.%I FOR SELECT TO ctmeter_billing USING (true)', t);
	END LOOP;
	FOREACH t IN ARRAY ARRAY['customer', 'owns', 'quota'] LOOP
		EXECUTE format('CREATE POLICY billing ON ctmeter.%I TO ctmeter_billing USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
CREATE POLICY retire ON ctmeter.node FOR UPDATE TO ctmeter_billing USING (true);
CREATE POLICY customer ON ctmeter.node FOR SELECT TO ctmeter_customer
	USING (number IN (SELECT m.node FROM ctmeter.mine m));
CREATE POLICY customer ON ctmeter.counted FOR SELECT TO ctmeter_customer
	USING (id IN (SELECT m.counted FROM ctmeter.mine m));
CREATE POLICY customer ON ctmeter.discontinuity FOR SELECT TO ctmeter_customer
	USING (EXISTS (SELECT FROM ctmeter.mine m WHERE m.counted = discontinuity.counted AND m.valid @> at));
CREATE POLICY customer ON ctmeter.usage_hour FOR SELECT TO ctmeter_customer
	USING (EXISTS (SELECT FROM ctmeter.mine m WHERE m.counted = usage_hour.counted
		AND m.valid @> tstzrange(start, start + interval '1 hour')));
CREATE POLICY customer ON ctmeter.usage_5min FOR SELECT TO ctmeter_customer
	USING (EXISTS (SELECT FROM ctmeter.mine m WHERE m.counted = usage_5min.counted AND m.valid @> start));
CREATE POLICY customer ON ctmeter.customer FOR SELECT TO ctmeter_customer
	USING (pg_has_role(to_regrole(quote_ident(role)), 'USAGE'));
CREATE POLICY customer ON ctmeter.owns FOR SELECT TO ctmeter_customer
	USING (customer IN (SELECT c.id FROM ctmeter.customer c));
CREATE POLICY customer ON ctmeter.quota FOR SELECT TO ctmeter_customer
	USING (customer IN (SELECT c.id FROM ctmeter.customer c));

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ctmeter FROM PUBLIC;
GRANT USAGE ON SCHEMA ctmeter TO ctmeter_node, ctmeter_billing, ctmeter_customer;
GRANT SELECT ON ctmeter.schema TO ctmeter_node, ctmeter_billing, ctmeter_customer;
GRANT INSERT (start, container, ip, in_octets, in_pkts, out_octets, out_pkts, node_in_octets, node_in_pkts,
	node_out_octets, node_out_pkts) ON ctmeter.inbox TO ctmeter_node;
GRANT INSERT (container, ip, name, since, gone, discontinuities, discontinuity) ON ctmeter.inbox_counted TO ctmeter_node;
GRANT EXECUTE ON FUNCTION ctmeter.ship_hello, ctmeter.ship_batch, ctmeter.ship_counted, ctmeter.ship_days,
	ctmeter.ship_done TO ctmeter_node;
GRANT SELECT ON ctmeter.setting, ctmeter.counted, ctmeter.discontinuity, ctmeter.usage_hour, ctmeter.usage_5min,
	ctmeter.customer, ctmeter.owns, ctmeter.quota, ctmeter.mine TO ctmeter_billing, ctmeter_customer;
GRANT SELECT ON ctmeter.node, ctmeter.node_event TO ctmeter_billing;
GRANT SELECT (number, name) ON ctmeter.node TO ctmeter_customer;
GRANT INSERT, UPDATE, DELETE ON ctmeter.customer, ctmeter.owns, ctmeter.quota TO ctmeter_billing;
GRANT UPDATE ON ctmeter.setting TO ctmeter_billing;
GRANT UPDATE (retired) ON ctmeter.node TO ctmeter_billing;

-- step 2: what bills and customers ask

UPDATE ctmeter.schema SET version = 2;

-- ---- periods ----

-- Rounded up to a multiple of `step`: a moment within a period belongs to the time after it.
CREATE FUNCTION ctmeter.up(at timestamptz, step interval) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT date_bin(step, at + step - interval '1 microsecond', timestamptz '2000-01-01 00:00:00+00');
$$;
CREATE FUNCTION ctmeter.down(at timestamptz, step interval) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT date_bin(step, at, timestamptz '2000-01-01 00:00:00+00');
$$;

-- A beginning or an end, rounded up to 5 minutes. It must be a whole hour where only hours are kept.
CREATE FUNCTION ctmeter.moment(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
	rounded timestamptz := ctmeter.up(at, '5 minutes');
BEGIN
	IF rounded <> ctmeter.down(rounded, '1 hour')
	   AND rounded < now() - (SELECT keep_minutes FROM ctmeter.setting) THEN
		RAISE 'periods of 5 minutes are kept for %: % must be a whole hour',
			(SELECT keep_minutes FROM ctmeter.setting), at USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN rounded;
END $$;

-- One row's traffic in [since, until): whole hours, and periods of 5 minutes at both ends.
CREATE FUNCTION ctmeter.counted_usage(counted int, since timestamptz, until timestamptz)
RETURNS TABLE (in_octets numeric, out_octets numeric, node_in_octets numeric, node_out_octets numeric)
LANGUAGE sql STABLE AS $$
	SELECT coalesce(sum(x.in_octets), 0), coalesce(sum(x.out_octets), 0), coalesce(sum(x.node_in_octets), 0),
		coalesce(sum(x.node_out_octets), 0)
	FROM (
		SELECT u.in_octets, u.out_octets, u.node_in_octets, u.node_out_octets FROM ctmeter.usage_hour u
		WHERE u.counted = $1 AND u.start >= ctmeter.up($2, '1 hour') AND u.start < ctmeter.down($3, '1 hour')
		UNION ALL
		SELECT u.in_octets, u.out_octets, u.node_in_octets, u.node_out_octets FROM ctmeter.usage_5min u
		WHERE u.counted = $1 AND u.start >= $2 AND u.start < least(ctmeter.up($2, '1 hour'), $3)
		UNION ALL
		SELECT u.in_octets, u.out_octets, u.node_in_octets, u.node_out_octets FROM ctmeter.usage_5min u
		WHERE u.counted = $1 AND u.start < $3
			AND u.start >= greatest(ctmeter.down($3, '1 hour'), least(ctmeter.up($2, '1 hour'), $3))
	) x;
$$;

-- The same of all rows that had traffic, in one pass.
CREATE FUNCTION ctmeter.all_usage(since timestamptz, until timestamptz)
RETURNS TABLE (counted int, in_octets numeric, out_octets numeric, node_in_octets numeric, node_out_octets numeric)
LANGUAGE sql STABLE AS $$
	SELECT x.counted, sum(x.in_octets), sum(x.out_octets), sum(x.node_in_octets), sum(x.node_out_octets)
	FROM (
		SELECT u.counted, u.in_octets, u.out_octets, u.node_in_octets, u.node_out_octets FROM ctmeter.usage_hour u
		WHERE u.start >= ctmeter.up($1, '1 hour') AND u.start < ctmeter.down($2, '1 hour')
		UNION ALL
		SELECT u.counted, u.in_octets, u.out_octets, u.node_in_octets, u.node_out_octets FROM ctmeter.usage_5min u
		WHERE u.start >= $1 AND u.start < least(ctmeter.up($1, '1 hour'), $2)
		UNION ALL
		SELECT u.counted, u.in_octets, u.out_octets, u.node_in_octets, u.node_out_octets FROM ctmeter.usage_5min u
		WHERE u.start < $2 AND u.start >= greatest(ctmeter.down($2, '1 hour'), least(ctmeter.up($1, '1 hour'), $2))
	) x GROUP BY x.counted;
$$;

-- ---- who has what ----

CREATE VIEW ctmeter.owned WITH (security_invoker) AS
	SELECT c.id AS counted, cu.name AS customer, o.valid, c.container, c.ip, n.name AS node
	FROM ctmeter.customer cu JOIN ctmeter.owns o ON o.customer = cu.id
	JOIN ctmeter.counted c ON c.container = o.container AND (o.node IS NULL OR o.node = c.node)
	JOIN ctmeter.node n ON n.number = c.node;

-- The rows of a container, address, customer or node, or of several of these at once, and since when until
-- when each counts.
CREATE FUNCTION ctmeter.picked(container text, ip inet, customer text, node text)
RETURNS TABLE (counted int, valid tstzrange) LANGUAGE sql STABLE AS $$
	SELECT c.id, tstzrange(NULL, NULL) FROM ctmeter.counted c
	WHERE $3 IS NULL AND ($1 IS NULL OR c.container = $1) AND ($2 IS NULL OR c.ip = $2)
		AND ($4 IS NULL OR c.node IN (SELECT n.number FROM ctmeter.node n WHERE n.name = $4))
	UNION ALL
	SELECT o.counted, o.valid FROM ctmeter.owned o
	WHERE o.customer = $3 AND ($1 IS NULL OR o.container = $1) AND ($2 IS NULL OR o.ip = $2) AND ($4 IS NULL OR o.node = $4);
$$;

-- ---- traffic ----

-- The OpenVZ wiki's table: forwarded octets of an address and hour, in and out together.
CREATE VIEW ctmeter.traffic WITH (security_invoker) AS
	SELECT host(c.ip) AS ip, u.start AS measuringtime, u.in_octets + u.out_octets AS bytes
	FROM ctmeter.usage_hour u JOIN ctmeter.counted c ON c.id = u.counted;

-- Sums between two moments, across nodes.
CREATE FUNCTION ctmeter.usage(since timestamptz, until timestamptz, container text DEFAULT NULL, ip inet DEFAULT NULL,
	customer text DEFAULT NULL, node text DEFAULT NULL)
RETURNS TABLE (in_octets numeric, out_octets numeric, node_in_octets numeric, node_out_octets numeric)
LANGUAGE sql STABLE AS $$
	SELECT coalesce(sum(u.in_octets), 0), coalesce(sum(u.out_octets), 0), coalesce(sum(u.node_in_octets), 0),
		coalesce(sum(u.node_out_octets), 0)
	FROM (SELECT p.counted, greatest(t.a, ctmeter.up(lower(p.valid), '5 minutes')) AS a,
			least(t.b, ctmeter.up(upper(p.valid), '5 minutes')) AS b
		FROM (SELECT ctmeter.moment(since) AS a, ctmeter.moment(until) AS b OFFSET 0) t
		CROSS JOIN ctmeter.picked(container, ip, customer, node) p OFFSET 0) x -- each is computed once
	CROSS JOIN LATERAL ctmeter.counted_usage(x.counted, x.a, x.b) u;
$$;

-- The same by day and by month of a time zone.
CREATE FUNCTION ctmeter.usage_by(unit text, since timestamptz, until timestamptz, time_zone text, container text, ip inet,
	customer text, node text)
RETURNS TABLE (start timestamptz, in_octets numeric, out_octets numeric, node_in_octets numeric, node_out_octets numeric)
LANGUAGE sql STABLE AS $$
	SELECT d AT TIME ZONE time_zone, u.*
	FROM generate_series(date_trunc(unit, since AT TIME ZONE time_zone),
		until AT TIME ZONE time_zone - interval '1 microsecond', ('1 ' || unit)::interval) d
	CROSS JOIN LATERAL ctmeter.usage(greatest(since, d AT TIME ZONE time_zone),
		least(until, (d + ('1 ' || unit)::interval) AT TIME ZONE time_zone), container, ip, customer, node) u
	ORDER BY d;
$$;
CREATE FUNCTION ctmeter.usage_by_day(since timestamptz, until timestamptz, container text DEFAULT NULL,
	ip inet DEFAULT NULL, customer text DEFAULT NULL, node text DEFAULT NULL, time_zone text DEFAULT 'UTC')
RETURNS TABLE (day date, in_octets numeric, out_octets numeric, node_in_octets numeric, node_out_octets numeric)
LANGUAGE sql STABLE AS $$
	SELECT (u.start AT TIME ZONE time_zone)::date, u.in_octets, u.out_octets, u.node_in_octets, u.node_out_octets
	FROM ctmeter.usage_by('day', since, until, time_zone, container, ip, customer, node) u;
$$;
CREATE FUNCTION ctmeter.usage_by_month(since timestamptz, until timestamptz, container text DEFAULT NULL,
	ip inet DEFAULT NULL, customer text DEFAULT NULL, node text DEFAULT NULL, time_zone text DEFAULT 'UTC')
RETURNS TABLE (month date, in_octets numeric, out_octets numeric, node_in_octets numeric, node_out_octets numeric)
LANGUAGE sql STABLE AS $$
	SELECT (u.start AT TIME ZONE time_zone)::date, u.in_octets, u.out_octets, u.node_in_octets, u.node_out_octets
	FROM ctmeter.usage_by('month', since, until, time_zone, container, ip, customer, node) u;
$$;

-- Everybody's.
CREATE FUNCTION ctmeter.usage_by_address(since timestamptz, until timestamptz)
RETURNS TABLE (ip inet, in_octets numeric, out_octets numeric, node_in_octets numeric, node_out_octets numeric)
LANGUAGE sql STABLE AS $$
	SELECT c.ip, sum(u.in_octets), sum(u.out_octets), sum(u.node_in_octets), sum(u.node_out_octets)
	FROM ctmeter.all_usage(ctmeter.moment(since), ctmeter.moment(until)) u JOIN ctmeter.counted c ON c.id = u.counted
	GROUP BY c.ip;
$$;
CREATE FUNCTION ctmeter.usage_by_container(since timestamptz, until timestamptz)
RETURNS TABLE (container text, in_octets numeric, out_octets numeric, node_in_octets numeric, node_out_octets numeric)
LANGUAGE sql STABLE AS $$
	SELECT c.container, sum(u.in_octets), sum(u.out_octets), sum(u.node_in_octets), sum(u.node_out_octets)
	FROM ctmeter.all_usage(ctmeter.moment(since), ctmeter.moment(until)) u JOIN ctmeter.counted c ON c.id = u.counted
	GROUP BY c.container;
$$;
-- A container that changed hands within the time counts for each of its owners while it was theirs.
CREATE FUNCTION ctmeter.usage_by_customer(since timestamptz, until timestamptz)
RETURNS TABLE (customer text, in_octets numeric, out_octets numeric, node_in_octets numeric, node_out_octets numeric)
LANGUAGE sql STABLE AS $$
	WITH t AS MATERIALIZED (SELECT ctmeter.moment(since) AS a, ctmeter.moment(until) AS b)
	SELECT x.customer, sum(x.in_octets), sum(x.out_octets), sum(x.node_in_octets), sum(x.node_out_octets) FROM (
		SELECT o.customer, u.in_octets, u.out_octets, u.node_in_octets, u.node_out_octets
		FROM ctmeter.all_usage(ctmeter.moment(since), ctmeter.moment(until)) u
		JOIN ctmeter.owned o ON o.counted = u.counted JOIN t ON o.valid @> tstzrange(t.a, t.b)
		UNION ALL
		SELECT o.customer, u.* FROM t JOIN ctmeter.owned o ON o.valid && tstzrange(t.a, t.b)
			AND NOT o.valid @> tstzrange(t.a, t.b)
		CROSS JOIN LATERAL ctmeter.counted_usage(o.counted, greatest(t.a, ctmeter.up(lower(o.valid), '5 minutes')),
			least(t.b, ctmeter.up(upper(o.valid), '5 minutes'))) u
	) x GROUP BY x.customer;
$$;

-- ---- the 95th percentile ----

-- In bits a second, of forwarded traffic: of all periods of 5 minutes (those without traffic are 0) the highest
-- twentieth, rounded down, is dropped, and the highest of the rest counts. `larger` takes the higher
-- direction of each period, `sum` both directions.
CREATE FUNCTION ctmeter.percentile95(since timestamptz, until timestamptz, container text DEFAULT NULL,
	ip inet DEFAULT NULL, customer text DEFAULT NULL, node text DEFAULT NULL)
RETURNS TABLE (in_bits bigint, out_bits bigint, larger_bits bigint, sum_bits bigint)
LANGUAGE sql STABLE AS $$
	WITH t AS (SELECT ctmeter.up(since, '5 minutes') AS a, ctmeter.up(until, '5 minutes') AS b),
	s AS (
		SELECT u.start, sum(u.in_octets) AS i, sum(u.out_octets) AS o
		FROM ctmeter.picked(container, ip, customer, node) p
		JOIN ctmeter.usage_5min u ON u.counted = p.counted AND p.valid @> u.start
		WHERE u.start >= (SELECT a FROM t) AND u.start < (SELECT b FROM t) GROUP BY u.start
	),
	dropped AS (SELECT floor(extract(epoch FROM b - a) / 300 / 20)::bigint AS n FROM t)
	SELECT
		floor(coalesce((SELECT i FROM s ORDER BY i DESC LIMIT 1 OFFSET (SELECT n FROM dropped)), 0) * 8 / 300)::bigint,
		floor(coalesce((SELECT o FROM s ORDER BY o DESC LIMIT 1 OFFSET (SELECT n FROM dropped)), 0) * 8 / 300)::bigint,
		floor(coalesce((SELECT greatest(i, o) FROM s ORDER BY greatest(i, o) DESC LIMIT 1
			OFFSET (SELECT n FROM dropped)), 0) * 8 / 300)::bigint,
		floor(coalesce((SELECT i + o FROM s ORDER BY i + o DESC LIMIT 1 OFFSET (SELECT n FROM dropped)), 0) * 8 / 300)::bigint;
$$;

-- ---- quotas ----

-- The beginning of the billing period that `at` is in, or (ahead 1) of the next one. In a month that has no
-- such day it is the last one.
CREATE FUNCTION ctmeter.period_start(at timestamptz, start_day int, time_zone text, ahead int DEFAULT 0)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
	SELECT s AT TIME ZONE time_zone FROM (
		SELECT m + make_interval(days => least(start_day, extract(day FROM m + interval '1 month - 1 day')::int) - 1) AS s
		FROM generate_series(date_trunc('month', at AT TIME ZONE time_zone) - interval '1 month',
			date_trunc('month', at AT TIME ZONE time_zone) + interval '2 months', interval '1 month') m
	) x WHERE CASE WHEN ahead = 0 THEN s <= at AT TIME ZONE time_zone ELSE s > at AT TIME ZONE time_zone END
	ORDER BY CASE WHEN ahead = 0 THEN s END DESC, s LIMIT 1;
$$;

-- state: 'under', 'near' (from the quota's threshold on), 'over'.
CREATE FUNCTION ctmeter.quota_state(customer text DEFAULT NULL, at timestamptz DEFAULT now())
RETURNS TABLE (customer_name text, period_start timestamptz, period_end timestamptz, used_octets numeric,
	quota_octets bigint, left_octets numeric, per_cent numeric, state text)
LANGUAGE sql STABLE AS $$
	SELECT c.name, p.a, p.b, x.used, q.octets, greatest(q.octets - x.used, 0), floor(x.used * 100 / q.octets),
		CASE WHEN x.used >= q.octets THEN 'over' WHEN x.used * 100 >= q.octets::numeric * q.near THEN 'near' ELSE 'under' END
	FROM ctmeter.quota q JOIN ctmeter.customer c ON c.id = q.customer
	CROSS JOIN LATERAL (SELECT ctmeter.period_start($2, q.start_day, q.time_zone) AS a,
		ctmeter.period_start($2, q.start_day, q.time_zone, 1) AS b) p
	CROSS JOIN LATERAL ctmeter.usage(p.a, ctmeter.up($2, '5 minutes'), customer => c.name) u
	CROSS JOIN LATERAL (SELECT CASE q.counts WHEN 'in' THEN u.in_octets WHEN 'out' THEN u.out_octets
		WHEN 'both' THEN u.in_octets + u.out_octets ELSE greatest(u.in_octets, u.out_octets) END AS used) x
	WHERE $1 IS NULL OR c.name = $1
	ORDER BY c.name;
$$;

-- ---- what is missing ----

-- Whatever may make a bill for [since, until) wrong. kind: 'not shipped' (the node's hours end at `at`),
-- 'silent' (it was last heard of at `at`), 'discontinuity' (octets may have been missed then), 'refused' (a
-- clone, say), 'put back' (of an earlier copy of its ledger).
CREATE FUNCTION ctmeter.missing(since timestamptz, until timestamptz)
RETURNS TABLE (kind text, node text, at timestamptz, container text, ip inet, detail text)
LANGUAGE sql STABLE AS $$
	SELECT 'not shipped', n.name, n.hours_next, NULL::text, NULL::inet,
		format('nothing later than %s is here', coalesce(n.hours_next::text, 'its beginning'))
	FROM ctmeter.node n WHERE NOT n.retired
		AND coalesce(n.hours_next, '-infinity') < least(ctmeter.down($2, '1 hour'), ctmeter.down(now(), '1 hour') - interval '1 hour')
	UNION ALL
	SELECT 'silent', n.name, n.shipped_at, NULL, NULL, 'it has not shipped for ' ||
		date_trunc('second', now() - coalesce(n.shipped_at, n.first_at))
	FROM ctmeter.node n WHERE NOT n.retired
		AND coalesce(n.shipped_at, n.first_at) < now() - (SELECT silent_after FROM ctmeter.setting)
	UNION ALL
	SELECT 'discontinuity', n.name, d.at, c.container, c.ip, format('number %s of this row', d.number)
	FROM ctmeter.discontinuity d JOIN ctmeter.counted c ON c.id = d.counted JOIN ctmeter.node n ON n.number = c.node
	WHERE d.at >= $1 AND d.at < $2
	UNION ALL
	SELECT e.kind, n.name, e.at, NULL, NULL, e.detail
	FROM ctmeter.node_event e JOIN ctmeter.node n ON n.number = e.node
	WHERE e.kind IN ('refused', 'put back') AND e.at >= $1 AND e.at < $2
	ORDER BY 1, 2, 3;
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ctmeter FROM PUBLIC;
GRANT SELECT ON ctmeter.traffic, ctmeter.owned TO ctmeter_billing, ctmeter_customer;
GRANT EXECUTE ON FUNCTION ctmeter.up, ctmeter.down, ctmeter.moment, ctmeter.counted_usage, ctmeter.all_usage,
	ctmeter.picked, ctmeter.usage, ctmeter.usage_by, ctmeter.usage_by_day, ctmeter.usage_by_month,
	ctmeter.usage_by_address, ctmeter.usage_by_container, ctmeter.usage_by_customer, ctmeter.percentile95,
	ctmeter.period_start, ctmeter.quota_state TO ctmeter_billing, ctmeter_customer;
GRANT EXECUTE ON FUNCTION ctmeter.missing TO ctmeter_billing;
