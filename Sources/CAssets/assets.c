#include "CAssets.h"

// One line a file here, one entry in a table below: a test compares both with the folders.
// #embed costs 4 s of a cold build; generated [UInt8] literals cost 10 to 15.

#define COUNT(table) ((int)(sizeof(table) / sizeof(table[0])))
#define ASSET(symbol, name) { name, symbol, sizeof(symbol) - 1 }

static const char migration_0001[] = {
#embed "../../migrations/0001_tables.sql" suffix(, 0)
};
static const char migration_0002[] = {
#embed "../../migrations/0002_cancel.sql" suffix(, 0)
};
static const char migration_0003[] = {
#embed "../../migrations/0003_ingest.sql" suffix(, 0)
};
static const char migration_0004[] = {
#embed "../../migrations/0004_reports.sql" suffix(, 0)
};
static const char migration_0005[] = {
#embed "../../migrations/0005_register.sql" suffix(, 0)
};
static const char migration_0006[] = {
#embed "../../migrations/0006_expressions.sql" suffix(, 0)
};
static const char migration_0007[] = {
#embed "../../migrations/0007_policies.sql" suffix(, 0)
};
static const char migration_0008[] = {
#embed "../../migrations/0008_open_steps.sql" suffix(, 0)
};
static const char migration_0009[] = {
#embed "../../migrations/0009_cancelling.sql" suffix(, 0)
};
static const char migration_0010[] = {
#embed "../../migrations/0010_system_events.sql" suffix(, 0)
};
static const char migration_0011[] = {
#embed "../../migrations/0011_ingest.sql" suffix(, 0)
};
static const char migration_0012[] = {
#embed "../../migrations/0012_by_hand.sql" suffix(, 0)
};
static const char migration_0013[] = {
#embed "../../migrations/0013_reports.sql" suffix(, 0)
};
static const char migration_0014[] = {
#embed "../../migrations/0014_remote_apps.sql" suffix(, 0)
};
static const char migration_0015[] = {
#embed "../../migrations/0015_flow_control.sql" suffix(, 0)
};
static const char migration_0016[] = {
#embed "../../migrations/0016_reach.sql" suffix(, 0)
};
static const char migration_0017[] = {
#embed "../../migrations/0017_costs.sql" suffix(, 0)
};
static const char migration_0018[] = {
#embed "../../migrations/0018_ingest_cost.sql" suffix(, 0)
};
static const char migration_0019[] = {
#embed "../../migrations/0019_kept_hints.sql" suffix(, 0)
};
static const char migration_0020[] = {
#embed "../../migrations/0020_rollups.sql" suffix(, 0)
};
static const char migration_0021[] = {
#embed "../../migrations/0021_report.sql" suffix(, 0)
};
static const char migration_0022[] = {
#embed "../../migrations/0022_tenants.sql" suffix(, 0)
};
static const char migration_0023[] = {
#embed "../../migrations/0023_retention.sql" suffix(, 0)
};
static const char migration_0024[] = {
#embed "../../migrations/0024_signing_keys.sql" suffix(, 0)
};
static const char migration_0025[] = {
#embed "../../migrations/0025_placing.sql" suffix(, 0)
};
static const char migration_0026[] = {
#embed "../../migrations/0026_limits.sql" suffix(, 0)
};
static const char migration_0027[] = {
#embed "../../migrations/0027_shared_apps.sql" suffix(, 0)
};
static const char migration_0028[] = {
#embed "../../migrations/0028_dealing.sql" suffix(, 0)
};
static const char migration_0029[] = {
#embed "../../migrations/0029_report_plans.sql" suffix(, 0)
};
static const char migration_0030[] = {
#embed "../../migrations/0030_imported_keys.sql" suffix(, 0)
};
static const char migration_0031[] = {
#embed "../../migrations/0031_binding.sql" suffix(, 0)
};

static const char api_cancellations[] = {
#embed "statements/api_cancellations.sql" suffix(, 0)
};
static const char api_event[] = {
#embed "statements/api_event.sql" suffix(, 0)
};
static const char api_events[] = {
#embed "statements/api_events.sql" suffix(, 0)
};
static const char api_examined_run[] = {
#embed "statements/api_examined_run.sql" suffix(, 0)
};
static const char api_find_live_runs[] = {
#embed "statements/api_find_live_runs.sql" suffix(, 0)
};
static const char api_find_runs[] = {
#embed "statements/api_find_runs.sql" suffix(, 0)
};
static const char api_functions[] = {
#embed "statements/api_functions.sql" suffix(, 0)
};
static const char api_job[] = {
#embed "statements/api_job.sql" suffix(, 0)
};
static const char api_runs[] = {
#embed "statements/api_runs.sql" suffix(, 0)
};
static const char api_runs_of_events[] = {
#embed "statements/api_runs_of_events.sql" suffix(, 0)
};
static const char api_step_key[] = {
#embed "statements/api_step_key.sql" suffix(, 0)
};
static const char api_steps[] = {
#embed "statements/api_steps.sql" suffix(, 0)
};
static const char apply_pending[] = {
#embed "statements/apply_pending.sql" suffix(, 0)
};
static const char arrivals[] = {
#embed "statements/arrivals.sql" suffix(, 0)
};
static const char batch_events[] = {
#embed "statements/batch_events.sql" suffix(, 0)
};
static const char bulk_advance[] = {
#embed "statements/bulk_advance.sql" suffix(, 0)
};
static const char bulk_cancel[] = {
#embed "statements/bulk_cancel.sql" suffix(, 0)
};
static const char bulk_preview[] = {
#embed "statements/bulk_preview.sql" suffix(, 0)
};
static const char claim[] = {
#embed "statements/claim.sql" suffix(, 0)
};
static const char claim_event_ids[] = {
#embed "statements/claim_event_ids.sql" suffix(, 0)
};
static const char claimed_event_ids[] = {
#embed "statements/claimed_event_ids.sql" suffix(, 0)
};
static const char close_session[] = {
#embed "statements/close_session.sql" suffix(, 0)
};
static const char commit[] = {
#embed "statements/commit.sql" suffix(, 0)
};
static const char create_event_key[] = {
#embed "statements/create_event_key.sql" suffix(, 0)
};
static const char crons[] = {
#embed "statements/crons.sql" suffix(, 0)
};
static const char deal[] = {
#embed "statements/deal.sql" suffix(, 0)
};
static const char doctor_backlog[] = {
#embed "statements/doctor_backlog.sql" suffix(, 0)
};
static const char doctor_bonds[] = {
#embed "statements/doctor_bonds.sql" suffix(, 0)
};
static const char doctor_bulk_cancels[] = {
#embed "statements/doctor_bulk_cancels.sql" suffix(, 0)
};
static const char doctor_cancels[] = {
#embed "statements/doctor_cancels.sql" suffix(, 0)
};
static const char doctor_dead_sessions[] = {
#embed "statements/doctor_dead_sessions.sql" suffix(, 0)
};
static const char doctor_horizon[] = {
#embed "statements/doctor_horizon.sql" suffix(, 0)
};
static const char doctor_idle_limit[] = {
#embed "statements/doctor_idle_limit.sql" suffix(, 0)
};
static const char doctor_invariants[] = {
#embed "statements/doctor_invariants.sql" suffix(, 0)
};
static const char doctor_partitions[] = {
#embed "statements/doctor_partitions.sql" suffix(, 0)
};
static const char doctor_policies[] = {
#embed "statements/doctor_policies.sql" suffix(, 0)
};
static const char doctor_privileges[] = {
#embed "statements/doctor_privileges.sql" suffix(, 0)
};
static const char doctor_retention[] = {
#embed "statements/doctor_retention.sql" suffix(, 0)
};
static const char doctor_server[] = {
#embed "statements/doctor_server.sql" suffix(, 0)
};
static const char doctor_tenants[] = {
#embed "statements/doctor_tenants.sql" suffix(, 0)
};
static const char doctor_unserved[] = {
#embed "statements/doctor_unserved.sql" suffix(, 0)
};
static const char erase[] = {
#embed "statements/erase.sql" suffix(, 0)
};
static const char erase_advance[] = {
#embed "statements/erase_advance.sql" suffix(, 0)
};
static const char erase_preview[] = {
#embed "statements/erase_preview.sql" suffix(, 0)
};
static const char erase_standing[] = {
#embed "statements/erase_standing.sql" suffix(, 0)
};
static const char event_key_owner[] = {
#embed "statements/event_key_owner.sql" suffix(, 0)
};
static const char event_keys[] = {
#embed "statements/event_keys.sql" suffix(, 0)
};
static const char expire[] = {
#embed "statements/expire.sql" suffix(, 0)
};
static const char forget_ids[] = {
#embed "statements/forget_ids.sql" suffix(, 0)
};
static const char forget_sessions[] = {
#embed "statements/forget_sessions.sql" suffix(, 0)
};
static const char gather[] = {
#embed "statements/gather.sql" suffix(, 0)
};
static const char grant_slots[] = {
#embed "statements/grant_slots.sql" suffix(, 0)
};
static const char heartbeat[] = {
#embed "statements/heartbeat.sql" suffix(, 0)
};
static const char interrupted[] = {
#embed "statements/interrupted.sql" suffix(, 0)
};
static const char listing_cancelled[] = {
#embed "statements/listing_cancelled.sql" suffix(, 0)
};
static const char listing_close_calls[] = {
#embed "statements/listing_close_calls.sql" suffix(, 0)
};
static const char listing_failures[] = {
#embed "statements/listing_failures.sql" suffix(, 0)
};
static const char listing_functions[] = {
#embed "statements/listing_functions.sql" suffix(, 0)
};
static const char listing_invariants[] = {
#embed "statements/listing_invariants.sql" suffix(, 0)
};
static const char listing_lag[] = {
#embed "statements/listing_lag.sql" suffix(, 0)
};
static const char listing_latency[] = {
#embed "statements/listing_latency.sql" suffix(, 0)
};
static const char listing_listeners[] = {
#embed "statements/listing_listeners.sql" suffix(, 0)
};
static const char listing_names[] = {
#embed "statements/listing_names.sql" suffix(, 0)
};
static const char listing_quotas[] = {
#embed "statements/listing_quotas.sql" suffix(, 0)
};
static const char listing_retries[] = {
#embed "statements/listing_retries.sql" suffix(, 0)
};
static const char listing_silent_functions[] = {
#embed "statements/listing_silent_functions.sql" suffix(, 0)
};
static const char listing_slow_runs[] = {
#embed "statements/listing_slow_runs.sql" suffix(, 0)
};
static const char listing_slow_steps[] = {
#embed "statements/listing_slow_steps.sql" suffix(, 0)
};
static const char listing_stuck[] = {
#embed "statements/listing_stuck.sql" suffix(, 0)
};
static const char listing_tenants[] = {
#embed "statements/listing_tenants.sql" suffix(, 0)
};
static const char listing_throughput[] = {
#embed "statements/listing_throughput.sql" suffix(, 0)
};
static const char listing_unheard[] = {
#embed "statements/listing_unheard.sql" suffix(, 0)
};
static const char listing_workers[] = {
#embed "statements/listing_workers.sql" suffix(, 0)
};
static const char look[] = {
#embed "statements/look.sql" suffix(, 0)
};
static const char look_back[] = {
#embed "statements/look_back.sql" suffix(, 0)
};
static const char mark_dead[] = {
#embed "statements/mark_dead.sql" suffix(, 0)
};
static const char memo[] = {
#embed "statements/memo.sql" suffix(, 0)
};
static const char metrics_queues[] = {
#embed "statements/metrics_queues.sql" suffix(, 0)
};
static const char metrics_server[] = {
#embed "statements/metrics_server.sql" suffix(, 0)
};
static const char metrics_sessions[] = {
#embed "statements/metrics_sessions.sql" suffix(, 0)
};
static const char metrics_tables[] = {
#embed "statements/metrics_tables.sql" suffix(, 0)
};
static const char open_session[] = {
#embed "statements/open_session.sql" suffix(, 0)
};
static const char other_transactions[] = {
#embed "statements/other_transactions.sql" suffix(, 0)
};
static const char preview[] = {
#embed "statements/preview.sql" suffix(, 0)
};
static const char ready_queues[] = {
#embed "statements/ready_queues.sql" suffix(, 0)
};
static const char reap[] = {
#embed "statements/reap.sql" suffix(, 0)
};
static const char register_paths[] = {
#embed "statements/register_paths.sql" suffix(, 0)
};
static const char remote_apps[] = {
#embed "statements/remote_apps.sql" suffix(, 0)
};
static const char replica_standing[] = {
#embed "statements/replica_standing.sql" suffix(, 0)
};
static const char report_bulk_cancels[] = {
#embed "statements/report_bulk_cancels.sql" suffix(, 0)
};
static const char report_cancelling[] = {
#embed "statements/report_cancelling.sql" suffix(, 0)
};
static const char report_event[] = {
#embed "statements/report_event.sql" suffix(, 0)
};
static const char report_events[] = {
#embed "statements/report_events.sql" suffix(, 0)
};
static const char report_interruption[] = {
#embed "statements/report_interruption.sql" suffix(, 0)
};
static const char report_lease[] = {
#embed "statements/report_lease.sql" suffix(, 0)
};
static const char report_live_runs[] = {
#embed "statements/report_live_runs.sql" suffix(, 0)
};
static const char report_open_steps[] = {
#embed "statements/report_open_steps.sql" suffix(, 0)
};
static const char report_policy[] = {
#embed "statements/report_policy.sql" suffix(, 0)
};
static const char report_reruns[] = {
#embed "statements/report_reruns.sql" suffix(, 0)
};
static const char report_runs[] = {
#embed "statements/report_runs.sql" suffix(, 0)
};
static const char report_steps[] = {
#embed "statements/report_steps.sql" suffix(, 0)
};
static const char reschedule[] = {
#embed "statements/reschedule.sql" suffix(, 0)
};
static const char resolve[] = {
#embed "statements/resolve.sql" suffix(, 0)
};
static const char retention_due[] = {
#embed "statements/retention_due.sql" suffix(, 0)
};
static const char retention_note[] = {
#embed "statements/retention_note.sql" suffix(, 0)
};
static const char retention_plan[] = {
#embed "statements/retention_plan.sql" suffix(, 0)
};
static const char retention_policies[] = {
#embed "statements/retention_policies.sql" suffix(, 0)
};
static const char revoke_event_key[] = {
#embed "statements/revoke_event_key.sql" suffix(, 0)
};
static const char roll_up[] = {
#embed "statements/roll_up.sql" suffix(, 0)
};
static const char rotate_event_key[] = {
#embed "statements/rotate_event_key.sql" suffix(, 0)
};
static const char search_newcomers[] = {
#embed "statements/search_newcomers.sql" suffix(, 0)
};
static const char send_hints[] = {
#embed "statements/send_hints.sql" suffix(, 0)
};
static const char send_signal[] = {
#embed "statements/send_signal.sql" suffix(, 0)
};
static const char server_tenant[] = {
#embed "statements/server_tenant.sql" suffix(, 0)
};
static const char signing_key_owner[] = {
#embed "statements/signing_key_owner.sql" suffix(, 0)
};
static const char signing_keys[] = {
#embed "statements/signing_keys.sql" suffix(, 0)
};
static const char still_executing[] = {
#embed "statements/still_executing.sql" suffix(, 0)
};
static const char store_events[] = {
#embed "statements/store_events.sql" suffix(, 0)
};
static const char sweep[] = {
#embed "statements/sweep.sql" suffix(, 0)
};
static const char tenants[] = {
#embed "statements/tenants.sql" suffix(, 0)
};
static const char tick[] = {
#embed "statements/tick.sql" suffix(, 0)
};
static const char tidy[] = {
#embed "statements/tidy.sql" suffix(, 0)
};
static const char openapi[] = {
#embed "openapi.json" suffix(, 0)
};

static const struct nightjar_asset migrations[] = {
    ASSET(migration_0001, "0001_tables"),
    ASSET(migration_0002, "0002_cancel"),
    ASSET(migration_0003, "0003_ingest"),
    ASSET(migration_0004, "0004_reports"),
    ASSET(migration_0005, "0005_register"),
    ASSET(migration_0006, "0006_expressions"),
    ASSET(migration_0007, "0007_policies"),
    ASSET(migration_0008, "0008_open_steps"),
    ASSET(migration_0009, "0009_cancelling"),
    ASSET(migration_0010, "0010_system_events"),
    ASSET(migration_0011, "0011_ingest"),
    ASSET(migration_0012, "0012_by_hand"),
    ASSET(migration_0013, "0013_reports"),
    ASSET(migration_0014, "0014_remote_apps"),
    ASSET(migration_0015, "0015_flow_control"),
    ASSET(migration_0016, "0016_reach"),
    ASSET(migration_0017, "0017_costs"),
    ASSET(migration_0018, "0018_ingest_cost"),
    ASSET(migration_0019, "0019_kept_hints"),
    ASSET(migration_0020, "0020_rollups"),
    ASSET(migration_0021, "0021_report"),
    ASSET(migration_0022, "0022_tenants"),
    ASSET(migration_0023, "0023_retention"),
    ASSET(migration_0024, "0024_signing_keys"),
    ASSET(migration_0025, "0025_placing"),
    ASSET(migration_0026, "0026_limits"),
    ASSET(migration_0027, "0027_shared_apps"),
    ASSET(migration_0028, "0028_dealing"),
    ASSET(migration_0029, "0029_report_plans"),
    ASSET(migration_0030, "0030_imported_keys"),
    ASSET(migration_0031, "0031_binding"),
};

static const struct nightjar_asset statements[] = {
    ASSET(api_cancellations, "api_cancellations"),
    ASSET(api_event, "api_event"),
    ASSET(api_events, "api_events"),
    ASSET(api_examined_run, "api_examined_run"),
    ASSET(api_find_live_runs, "api_find_live_runs"),
    ASSET(api_find_runs, "api_find_runs"),
    ASSET(api_functions, "api_functions"),
    ASSET(api_job, "api_job"),
    ASSET(api_runs, "api_runs"),
    ASSET(api_runs_of_events, "api_runs_of_events"),
    ASSET(api_step_key, "api_step_key"),
    ASSET(api_steps, "api_steps"),
    ASSET(apply_pending, "apply_pending"),
    ASSET(arrivals, "arrivals"),
    ASSET(batch_events, "batch_events"),
    ASSET(bulk_advance, "bulk_advance"),
    ASSET(bulk_cancel, "bulk_cancel"),
    ASSET(bulk_preview, "bulk_preview"),
    ASSET(claim, "claim"),
    ASSET(claim_event_ids, "claim_event_ids"),
    ASSET(claimed_event_ids, "claimed_event_ids"),
    ASSET(close_session, "close_session"),
    ASSET(commit, "commit"),
    ASSET(create_event_key, "create_event_key"),
    ASSET(crons, "crons"),
    ASSET(deal, "deal"),
    ASSET(doctor_backlog, "doctor_backlog"),
    ASSET(doctor_bonds, "doctor_bonds"),
    ASSET(doctor_bulk_cancels, "doctor_bulk_cancels"),
    ASSET(doctor_cancels, "doctor_cancels"),
    ASSET(doctor_dead_sessions, "doctor_dead_sessions"),
    ASSET(doctor_horizon, "doctor_horizon"),
    ASSET(doctor_idle_limit, "doctor_idle_limit"),
    ASSET(doctor_invariants, "doctor_invariants"),
    ASSET(doctor_partitions, "doctor_partitions"),
    ASSET(doctor_policies, "doctor_policies"),
    ASSET(doctor_privileges, "doctor_privileges"),
    ASSET(doctor_retention, "doctor_retention"),
    ASSET(doctor_server, "doctor_server"),
    ASSET(doctor_tenants, "doctor_tenants"),
    ASSET(doctor_unserved, "doctor_unserved"),
    ASSET(erase, "erase"),
    ASSET(erase_advance, "erase_advance"),
    ASSET(erase_preview, "erase_preview"),
    ASSET(erase_standing, "erase_standing"),
    ASSET(event_key_owner, "event_key_owner"),
    ASSET(event_keys, "event_keys"),
    ASSET(expire, "expire"),
    ASSET(forget_ids, "forget_ids"),
    ASSET(forget_sessions, "forget_sessions"),
    ASSET(gather, "gather"),
    ASSET(grant_slots, "grant_slots"),
    ASSET(heartbeat, "heartbeat"),
    ASSET(interrupted, "interrupted"),
    ASSET(listing_cancelled, "listing_cancelled"),
    ASSET(listing_close_calls, "listing_close_calls"),
    ASSET(listing_failures, "listing_failures"),
    ASSET(listing_functions, "listing_functions"),
    ASSET(listing_invariants, "listing_invariants"),
    ASSET(listing_lag, "listing_lag"),
    ASSET(listing_latency, "listing_latency"),
    ASSET(listing_listeners, "listing_listeners"),
    ASSET(listing_names, "listing_names"),
    ASSET(listing_quotas, "listing_quotas"),
    ASSET(listing_retries, "listing_retries"),
    ASSET(listing_silent_functions, "listing_silent_functions"),
    ASSET(listing_slow_runs, "listing_slow_runs"),
    ASSET(listing_slow_steps, "listing_slow_steps"),
    ASSET(listing_stuck, "listing_stuck"),
    ASSET(listing_tenants, "listing_tenants"),
    ASSET(listing_throughput, "listing_throughput"),
    ASSET(listing_unheard, "listing_unheard"),
    ASSET(listing_workers, "listing_workers"),
    ASSET(look, "look"),
    ASSET(look_back, "look_back"),
    ASSET(mark_dead, "mark_dead"),
    ASSET(memo, "memo"),
    ASSET(metrics_queues, "metrics_queues"),
    ASSET(metrics_server, "metrics_server"),
    ASSET(metrics_sessions, "metrics_sessions"),
    ASSET(metrics_tables, "metrics_tables"),
    ASSET(open_session, "open_session"),
    ASSET(other_transactions, "other_transactions"),
    ASSET(preview, "preview"),
    ASSET(ready_queues, "ready_queues"),
    ASSET(reap, "reap"),
    ASSET(register_paths, "register_paths"),
    ASSET(remote_apps, "remote_apps"),
    ASSET(replica_standing, "replica_standing"),
    ASSET(report_bulk_cancels, "report_bulk_cancels"),
    ASSET(report_cancelling, "report_cancelling"),
    ASSET(report_event, "report_event"),
    ASSET(report_events, "report_events"),
    ASSET(report_interruption, "report_interruption"),
    ASSET(report_lease, "report_lease"),
    ASSET(report_live_runs, "report_live_runs"),
    ASSET(report_open_steps, "report_open_steps"),
    ASSET(report_policy, "report_policy"),
    ASSET(report_reruns, "report_reruns"),
    ASSET(report_runs, "report_runs"),
    ASSET(report_steps, "report_steps"),
    ASSET(reschedule, "reschedule"),
    ASSET(resolve, "resolve"),
    ASSET(retention_due, "retention_due"),
    ASSET(retention_note, "retention_note"),
    ASSET(retention_plan, "retention_plan"),
    ASSET(retention_policies, "retention_policies"),
    ASSET(revoke_event_key, "revoke_event_key"),
    ASSET(roll_up, "roll_up"),
    ASSET(rotate_event_key, "rotate_event_key"),
    ASSET(search_newcomers, "search_newcomers"),
    ASSET(send_hints, "send_hints"),
    ASSET(send_signal, "send_signal"),
    ASSET(server_tenant, "server_tenant"),
    ASSET(signing_key_owner, "signing_key_owner"),
    ASSET(signing_keys, "signing_keys"),
    ASSET(still_executing, "still_executing"),
    ASSET(store_events, "store_events"),
    ASSET(sweep, "sweep"),
    ASSET(tenants, "tenants"),
    ASSET(tick, "tick"),
    ASSET(tidy, "tidy"),
};

int nightjar_migration_count(void) { return COUNT(migrations); }
struct nightjar_asset nightjar_migration(int index) { return migrations[index]; }
int nightjar_statement_count(void) { return COUNT(statements); }
struct nightjar_asset nightjar_statement(int index) { return statements[index]; }
struct nightjar_asset nightjar_openapi(void) { return (struct nightjar_asset) ASSET(openapi, "openapi.json"); }
