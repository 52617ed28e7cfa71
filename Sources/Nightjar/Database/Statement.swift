internal import CAssets

/// The engine's SQL, embedded from `Sources/CAssets/statements`: one statement a file, each explained at its head.
package enum Statement: String, CaseIterable {
    case applyPending = "apply_pending"
    case arrivals
    case batchEvents = "batch_events"
    case bulkAdvance = "bulk_advance"
    case bulkCancel = "bulk_cancel"
    case bulkPreview = "bulk_preview"
    case claim
    case claimEventIDs = "claim_event_ids"
    case claimedEventIDs = "claimed_event_ids"
    case closeSession = "close_session"
    case commit
    case createEventKey = "create_event_key"
    case crons
    case deal
    case erase
    case eraseAdvance = "erase_advance"
    case erasePreview = "erase_preview"
    case eraseStanding = "erase_standing"
    case eventKeyOwner = "event_key_owner"
    case eventKeys = "event_keys"
    case expire
    case forgetIDs = "forget_ids"
    case forgetSessions = "forget_sessions"
    case gather
    case grantSlots = "grant_slots"
    case heartbeat
    case interrupted
    case look
    case lookBack = "look_back"
    case markDead = "mark_dead"
    case memo
    case openSession = "open_session"
    case otherTransactions = "other_transactions"
    case preview
    case readyQueues = "ready_queues"
    case reap
    case registerPaths = "register_paths"
    case remoteApps = "remote_apps"
    case reschedule
    case resolve
    case retentionDue = "retention_due"
    case retentionNote = "retention_note"
    case retentionPlan = "retention_plan"
    case retentionPolicies = "retention_policies"
    case revokeEventKey = "revoke_event_key"
    case rollUp = "roll_up"
    case rotateEventKey = "rotate_event_key"
    case searchNewcomers = "search_newcomers"
    case sendHints = "send_hints"
    case sendSignal = "send_signal"
    case serverTenant = "server_tenant"
    case signingKeyOwner = "signing_key_owner"
    case signingKeys = "signing_keys"
    case stillExecuting = "still_executing"
    case sweep
    case tenants
    case tick
    case tidy
    case storeEvents = "store_events"

    case doctorBacklog = "doctor_backlog"
    case doctorBonds = "doctor_bonds"
    case doctorBulkCancels = "doctor_bulk_cancels"
    case doctorCancels = "doctor_cancels"
    case doctorDeadSessions = "doctor_dead_sessions"
    case doctorHorizon = "doctor_horizon"
    case doctorIdleLimit = "doctor_idle_limit"
    case doctorInvariants = "doctor_invariants"
    case doctorPartitions = "doctor_partitions"
    case doctorPolicies = "doctor_policies"
    case doctorPrivileges = "doctor_privileges"
    case doctorRetention = "doctor_retention"
    case doctorServer = "doctor_server"
    case doctorTenants = "doctor_tenants"
    case doctorUnserved = "doctor_unserved"
    case metricsQueues = "metrics_queues"
    case metricsServer = "metrics_server"
    case metricsSessions = "metrics_sessions"
    case metricsTables = "metrics_tables"
    case replicaStanding = "replica_standing"
    case reportBulkCancels = "report_bulk_cancels"
    case reportCancelling = "report_cancelling"
    case reportEvent = "report_event"
    case reportEvents = "report_events"
    case reportInterruption = "report_interruption"
    case reportLease = "report_lease"
    case reportLiveRuns = "report_live_runs"
    case reportOpenSteps = "report_open_steps"
    case reportPolicy = "report_policy"
    case reportReruns = "report_reruns"
    case reportRuns = "report_runs"
    case reportSteps = "report_steps"

    // For `nightjar report`.
    case listingCancelled = "listing_cancelled"
    case listingCloseCalls = "listing_close_calls"
    case listingFailures = "listing_failures"
    case listingFunctions = "listing_functions"
    case listingInvariants = "listing_invariants"
    case listingLag = "listing_lag"
    case listingLatency = "listing_latency"
    case listingListeners = "listing_listeners"
    case listingNames = "listing_names"
    case listingQuotas = "listing_quotas"
    case listingRetries = "listing_retries"
    case listingSilentFunctions = "listing_silent_functions"
    case listingSlowRuns = "listing_slow_runs"
    case listingSlowSteps = "listing_slow_steps"
    case listingStuck = "listing_stuck"
    case listingTenants = "listing_tenants"
    case listingThroughput = "listing_throughput"
    case listingUnheard = "listing_unheard"
    case listingWorkers = "listing_workers"

    // For the HTTP API.
    case apiCancellations = "api_cancellations"
    case apiEvent = "api_event"
    case apiEvents = "api_events"
    case apiExaminedRun = "api_examined_run"
    case apiFindLiveRuns = "api_find_live_runs"
    case apiFindRuns = "api_find_runs"
    case apiFunctions = "api_functions"
    case apiJob = "api_job"
    case apiRuns = "api_runs"
    case apiRunsOfEvents = "api_runs_of_events"
    case apiStepKey = "api_step_key"
    case apiSteps = "api_steps"

    /// The statement's text.
    package var sql: String { Self.texts[rawValue] ?? "" }

    private static let texts: [String: String] = Dictionary(
        uniqueKeysWithValues: (0..<nightjar_statement_count()).map { index in
            let asset = nightjar_statement(index)
            return (String(cString: asset.name), String(cString: asset.text))
        }
    )
}
