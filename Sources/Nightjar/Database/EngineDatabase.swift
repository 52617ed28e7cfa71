package import PostgresClient

extension PostgresConfiguration {
    /// The settings under which the engine's own statements run.
    package func forEngine(name: String) -> PostgresConfiguration {
        var configuration = self
        if configuration.applicationName == nil { configuration.applicationName = name }
        var settings = [
            // Hints are sent after the commit, gathered: see HintSender.
            "nightjar.hints": "own",
            // Tables that swing between none and a million rows have stale statistics half of the time. Every statement
            // of the engine has an index, and nested loops over it are right at any size.
            "enable_seqscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
            // A table that was analyzed while it was empty counts as one row for good: then a bitmap of all that is in
            // the index, to be sorted, costs no more than the first entry of that index.
            "enable_bitmapscan": "off",
            "plan_cache_mode": "force_generic_plan",
            "jit": "off",
            // SKIP LOCKED and rechecks are made for it; anything stricter turns them into serialization failures.
            "default_transaction_isolation": "read committed",
            "statement_timeout": "30s",
            "lock_timeout": "5s",
            "idle_in_transaction_session_timeout": "10s",
        ]
        // What its commits send is not held against a tenant's limits: see nightjar.guard in migration 0022.
        if name.hasPrefix("nightjar work") { settings["nightjar.worker"] = "on" }
        for (setting, value) in settings where configuration.settings[setting] == nil {
            configuration.settings[setting] = value
        }
        return configuration
    }
}
