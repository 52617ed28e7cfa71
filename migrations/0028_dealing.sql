-- Nightjar 0028: what is due in a shared app is dealt out among its tenants, when there is more than is claimed. See deal.sql.
SET LOCAL client_min_messages = warning;

LOCK TABLE nightjar.live IN ACCESS EXCLUSIVE MODE;

-- What a tenant has due, and what it has that came back, whatever others have. Only deal.sql asks in these terms.
CREATE INDEX live_shared_due ON nightjar.live (tenant_id, (queue + 0), due_at) WHERE shared::int = 1 AND due_at IS NOT NULL;
CREATE INDEX live_shared_back ON nightjar.live (tenant_id, queue, pass) WHERE shared AND state = 0 AND epoch + 0 > 0;

INSERT INTO nightjar.migrations (version, name) VALUES (28, 'dealing');
