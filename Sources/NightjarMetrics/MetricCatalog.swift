/// Every metric of ours. A test compares it with docs/metrics.md, with the dashboard and alerts in deploy/, and with what
/// real processes expose.
package enum MetricCatalog {
    package static let all = worker + server + database + [droppedSeries]

    static func help(of name: String) -> String? { texts[name] }

    private static let texts = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.help) })

    static let worker: [MetricDescription] = [
        .init(
            "nightjar_claims_total", .counter, ["app"], .worker, "Claims, whether or not they brought any runs."),
        .init(
            "nightjar_claim_duration_seconds", .histogram, ["app"], .worker,
            "How long a claim took, with the wait for a connection."),
        .init(
            "nightjar_runs_claimed_total", .counter, ["app", "tenant"], .worker, "Runs that were leased by claims."),
        .init(
            "nightjar_start_wait_seconds", .histogram, ["app"], .worker,
            "How long runs had waited when they were claimed for the first time: since their creation, or, where it is "
                + "later, the time of their event."),
        .init(
            "nightjar_commit_duration_seconds", .histogram, ["app"], .worker,
            "How long it took to record a batch of commits, with everything that had to be tried again."),
        .init(
            "nightjar_commits_accepted_total", .counter, ["app"], .worker,
            "Commits of runs that were recorded; one statement records many."),
        .init(
            "nightjar_commits_refused_total", .counter, ["app", "reason"], .worker,
            "Commits of runs that were not recorded: the run was cancelled, or superseded (leased by another worker), "
                + "outdated (gave up waiting for what had come), the session_lost, the data invalid, the worker stopping."
        ),
        .init(
            "nightjar_commits_retried_total", .counter, ["app"], .worker,
            "Batches of commits that were tried again after an error of the database."),
        .init(
            "nightjar_steps_recorded_total", .counter, ["app"], .worker, "Steps that were recorded, sleeps included."),
        .init(
            "nightjar_steps_retried_total", .counter, ["app"], .worker,
            "Attempts of steps that failed and are to be made again."),
        .init(
            "nightjar_runs_ended_total", .counter, ["app", "function", "tenant", "outcome"], .worker,
            "Runs that ended as completed or failed."),
        .init(
            "nightjar_runs_cancelled_total", .counter, ["app"], .worker,
            "Runs of any app that this worker cancelled, since their event, request or time limit was applied here."),
        .init(
            "nightjar_cancel_latency_seconds", .histogram, ["app"], .worker,
            "From the moment a run that this worker leased was cancelled until its worker had heard of it and said so."),
        .init("nightjar_runs_executing", .gauge, ["app"], .worker, "Runs that execute right now."),
        .init(
            "nightjar_steps_executing", .gauge, ["app"], .worker,
            "Bodies of steps that execute right now; of remote apps, calls under way."),
        .init("nightjar_runs_queued", .gauge, ["app"], .worker, "Claimed runs that wait in the worker for a slot."),
        .init("nightjar_slots", .gauge, ["app"], .worker, "How many runs the worker executes at once at most."),
        .init(
            "nightjar_runs_reaped_total", .counter, ["app"], .worker,
            "Runs of dead workers, of any app, that this worker handed back or failed."),
        .init(
            "nightjar_sessions_lost_total", .counter, ["app"], .worker,
            "How often the worker's session was lost, and what it executed with it."),
        .init(
            "nightjar_database_failures_total", .counter, ["app"], .worker,
            "Claims and looks that failed since the database did not answer."),
        .init(
            "nightjar_hints_lost_total", .counter, ["app"], .worker,
            "Batches of notifications that could not be sent; polls find what they would have told."),
        .init(
            "nightjar_listening", .gauge, ["listener"], .worker,
            "1 while the worker listens for notifications, 0 while it only polls."),
        .init(
            "nightjar_notifications_received_total", .counter, ["listener"], .worker,
            "Notifications that were received."),
        .init(
            "nightjar_listening_lost_total", .counter, ["listener"], .worker,
            "How often the connection that listens was lost."),
        .init("nightjar_pool_size", .gauge, ["pool"], .worker, "Connections that the pool may have."),
        .init(
            "nightjar_pool_in_use", .gauge, ["pool"], .worker, "Connections of the pool in use, looked at now and then."
        ),
        .init("nightjar_pool_waiting", .gauge, ["pool"], .worker, "Callers that wait for a connection of the pool."),
    ]

    /// Hummingbird's own are under its names.
    static let server: [MetricDescription] = [
        .init(
            "nightjar_replica_in_use", .gauge, [], .server,
            "1 while the server's replica is asked for what changes nothing, 0 while the primary is; without a replica missing."
        ),
        .init(
            "hb_requests_total", .counter, ["http_route", "http_request_method", "http_response_status_code"], .server,
            "HTTP requests, by the route that answered."),
        .init(
            "hb_request_errors_total", .counter, ["http_route", "http_request_method", "error_type"], .server,
            "HTTP requests that ended in an error of the handler."),
        .init(
            "http_server_request_duration_seconds", .histogram,
            ["http_route", "http_request_method", "http_response_status_code"], .server,
            "How long the answers to HTTP requests took."),
        .init(
            "http_server_active_requests", .gauge, ["http_request_method"], .server, "HTTP requests being answered now."
        ),
    ]

    static let queueDepth = MetricDescription(
        "nightjar_queue_depth", .gauge, ["app", "tenant", "state"], .database,
        "Runs that could be executed now: new ones, those whose time is due, and those ready again; and those that a "
            + "concurrency limit holds back (limited). Counted to 10000 for each app and state, with many apps to less: then it "
            + "stays there.")
    static let dueLag = MetricDescription(
        "nightjar_due_lag_seconds", .gauge, ["app", "tenant", "state"], .database,
        "For how long the oldest of the runs in nightjar_queue_depth could have been executed, new or due. Where those are "
            + "more than are counted, exact for the oldest of all and else a lower bound.")
    static let workers = MetricDescription(
        "nightjar_workers", .gauge, ["app"], .database, "Live sessions of workers, one a worker process and app.")
    static let deadSessions = MetricDescription(
        "nightjar_dead_sessions", .gauge, ["app"], .database,
        "Workers that died with runs in hand which nobody has handed back yet.")
    static let pending = MetricDescription(
        "nightjar_pending", .gauge, [], .database,
        "Events and requests that cancel or answer runs and are not applied yet; counted to 10000.")
    static let pendingAge = MetricDescription(
        "nightjar_pending_age_seconds", .gauge, [], .database,
        "The age of the oldest of nightjar_pending; 0 without any.")
    static let overdueTimeouts = MetricDescription(
        "nightjar_timeout_lag_seconds", .gauge, [], .database,
        "For how long the oldest run that is out of time has not been cancelled; 0 without any.")
    static let notificationQueue = MetricDescription(
        "nightjar_notification_queue_ratio", .gauge, [], .database,
        "How full the server's queue of notifications is, from 0 to 1; when it is full, commits that notify fail.")
    static let connections = MetricDescription(
        "nightjar_database_connections", .gauge, [], .database, "Connections of clients to the whole server.")
    static let connectionLimit = MetricDescription(
        "nightjar_database_connections_limit", .gauge, [], .database, "The server's max_connections.")
    static let tableRows = MetricDescription(
        "nightjar_table_rows", .gauge, ["table"], .database,
        "Live rows of the tables that change all the time, as statistics estimate them; table=\"live\" are unfinished runs."
    )
    static let tableDeadRows = MetricDescription(
        "nightjar_table_dead_rows", .gauge, ["table"], .database,
        "Dead rows of these tables that vacuum has not removed yet, as statistics estimate them.")
    static let horizonTransactions = MetricDescription(
        "nightjar_horizon_age_transactions", .gauge, ["kind", "holder"], .database,
        "How many transactions began since the oldest snapshot, which keeps vacuum from removing what died later, and who "
            + "holds it; without labels: nobody does.")
    static let horizonSeconds = MetricDescription(
        "nightjar_horizon_age_seconds", .gauge, ["kind", "holder"], .database,
        "For how long the holder of the oldest snapshot has had it, where the server knows and this role may.")
    static let partitionsAhead = MetricDescription(
        "nightjar_partitions_ahead_seconds", .gauge, ["log"], .database,
        "For how long each log has partitions ahead, without a gap.")
    static let up = MetricDescription(
        "nightjar_database_up", .gauge, [], .database,
        "1 when the database answered the last time that it was asked for these figures.")
    static let readDuration = MetricDescription(
        "nightjar_database_read_seconds", .gauge, [], .database, "How long the database took to answer.")
    static let readFailures = MetricDescription(
        "nightjar_database_read_failures_total", .counter, ["part"], .database,
        "How often a part of the figures could not be read; it is missing then.")

    static let database = [
        queueDepth, dueLag, workers, deadSessions, pending, pendingAge, overdueTimeouts, notificationQueue, connections,
        connectionLimit, tableRows, tableDeadRows, horizonTransactions, horizonSeconds, partitionsAhead, up,
        readDuration, readFailures,
    ]

    static let droppedSeries = MetricDescription(
        "nightjar_metrics_dropped_series_total", .counter, [], .endpoint,
        "Sets of labels that were not kept since their metric had too many.")
}
