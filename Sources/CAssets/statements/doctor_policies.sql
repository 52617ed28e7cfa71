-- Cancellation policies in force that are slow or wide: what their authors were warned of.
-- Locks: none. Reads cancel_policies, which is small.
SELECT a.name AS app, f.name AS function, p.event, p.text, min(p.warning) AS warning
FROM nightjar.cancel_policies p
JOIN nightjar.functions f ON f.function_id = p.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
WHERE p.active AND p.warning IS NOT NULL
GROUP BY a.name, f.name, p.event, p.text ORDER BY a.name, f.name, p.event, p.text LIMIT 20
