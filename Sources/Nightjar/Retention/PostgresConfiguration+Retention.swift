internal import PostgresClient

extension PostgresConfiguration {
    /// Like other sessions of the engine, but what reads whole weeks is planned as usual, and may take its time.
    var forRetention: PostgresConfiguration {
        var configuration = self
        configuration.applicationName = "nightjar retention"
        for setting in ["enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan"] {
            configuration.settings[setting] = "on"
        }
        configuration.settings.merge([
            "plan_cache_mode": "auto", "jit": "off", "nightjar.hints": "own",
            "default_transaction_isolation": "read committed",
            "statement_timeout": "10min", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "1min",
            "timezone": "UTC",
        ]) { _, mine in mine }
        return configuration
    }
}
