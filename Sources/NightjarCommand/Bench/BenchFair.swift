import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench fair`
struct BenchFair: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "fair",
        abstract: "How long tenants with little to do wait behind one with much, in one queue.",
        discussion: """
            One tenant sends its events first, then each of the others one. Then their runs are claimed as a worker claims \
            them, the engine's own statement over all of them, as fast as claims go and without executing anything: how \
            many claims it takes until a quiet tenant's run is leased, and how long. First come, first served, which \
            --unfair shows, makes the quiet ones wait for the whole of the deep backlog; fair shares have them in the \
            first claims.

            With --due the deep tenant's runs are not new, but sleep, and are all due at one moment; the quiet ones' runs \
            come after that: every second one is due a moment later, the others are new.
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: "How many runs the deep tenant has.")
    var deep = 300_000

    @Option(help: "How many quiet tenants there are, with one run each.")
    var quiet = 99

    @Option(help: "How many runs a claim takes.")
    var limit = 100

    @Flag(help: "The deep tenant's runs are due instead of new.")
    var due = false

    @Flag(help: "First come, first served, to compare with.")
    var unfair = false

    func validate() throws {
        guard deep > 0, quiet > 0, limit > 0 else {
            throw ValidationError("--deep, --quiet and --limit must be more than 0")
        }
    }

    private struct Begun: Sendable {
        var claims: [Double] = []
        var milliseconds: [Double] = []
        var total = 0
        var took = 0.0
    }

    func execute() async throws -> ExitStatus {
        try await BenchArena.with(options, settings: ["max_wal_size": "16GB"]) { arena in
            try await send(arena)
            let begun = try await claim(arena)
            let (claims, times) = (Sample(begun.claims), Sample(begun.milliseconds))
            let isFair = begun.claims.allSatisfy { $0 <= Double(deep / limit) / 2 }
            try arena.report(
                [
                    ("order", .string(isFair ? "shared between tenants" : "first come, first served")),
                    ("deep", .integer(Int64(deep))), ("quiet", .integer(Int64(quiet))),
                    ("limit", .integer(Int64(limit))), ("due", .bool(due)),
                    ("claims_until_quiet_p50", claims.percentile(0.5)),
                    ("claims_until_quiet_max", claims.percentile(1)),
                    ("claims_if_first_come", .integer(Int64(deep / limit + 1))),
                    ("claims_if_shared", .integer(Int64((quiet * 2 + limit - 1) / limit))),
                    ("quiet_ms_p50", times.percentile(0.5)), ("quiet_ms_max", times.percentile(1)),
                    ("claims", .integer(Int64(begun.total))),
                    ("claims_ms", .number(rounded(begun.took))),
                ], options)
            return .success
        }
    }

    /// Registers a function for all tenants, and sends their events, the deep one's first.
    private func send(_ arena: BenchArena) async throws {
        let session = PostgresSession(arena.database, logger: .quiet)
        let functions = PostgresJSON(
            #"[{"name": "work", "options": {}, "triggers": [{"event": "bench/work"}], "cancel": []}]"#)
        try await session.run { [deep, quiet, unfair, due] db in
            try db.script("SET statement_timeout = 0; SET nightjar.hints = 'own'")
            for tenant in 2...(quiet + 1) {
                _ = try db.execute(
                    "INSERT INTO nightjar.tenants (tenant_id, name) VALUES ($1, 'tenant ' || $1::int) ON CONFLICT DO NOTHING",
                    [Int32(tenant)])
            }
            // An app for all tenants.
            _ = try db.query("SELECT set_config('nightjar.tenant', '*', false)")
            _ = try db.query("SELECT nightjar.register('bench', $1)", [functions])
            if unfair { try db.script("UPDATE nightjar.functions SET fair = false, queue = app_id") }
            _ = try db.query("SELECT set_config('nightjar.tenant', '1', false)")
            for start in stride(from: 0, to: deep, by: 20_000) {
                _ = try db.execute(
                    """
                    INSERT INTO nightjar.events (name, ts)
                    SELECT 'bench/work', now() + CASE WHEN $2 THEN interval '1 day' ELSE '0' END FROM generate_series(1, $1::int)
                    """, [Int32(min(20_000, deep - start)), due])
            }
            for tenant in 2...(quiet + 1) {
                _ = try db.execute(
                    """
                    INSERT INTO nightjar.events (tenant_id, name, ts)
                    VALUES ($1, 'bench/work', now() + CASE WHEN $2 THEN interval '2 days' ELSE '0' END)
                    """, [Int32(tenant), due && tenant % 2 == 0])
            }
            // A day is over.
            try db.script(
                """
                UPDATE nightjar.live SET due_at = date_trunc('second', now())
                    + CASE WHEN due_at > now() + interval '36 hours' THEN interval '1 ms' ELSE '0' END
                WHERE due_at IS NOT NULL
                """)
            try db.script("VACUUM ANALYZE")
        }
        await session.close()
    }

    private func claim(_ arena: BenchArena) async throws -> Begun {
        let session = PostgresSession(arena.database.forEngine(name: "nightjar bench"), logger: .quiet)
        let begun = try await session.run { [quiet, limit, unfair] db in
            var claimer = try BenchClaimer(db, deals: !unfair)
            var begun = Begun()
            let start = ContinuousClock.now
            while begun.claims.count < quiet {
                let tenants = try claimer.claim(limit)
                guard !tenants.isEmpty else { throw CommandError(.failure, "nothing is left to claim") }
                begun.total += 1
                for tenant in tenants where tenant > 1 {
                    begun.claims.append(Double(begun.total))
                    begun.milliseconds.append((ContinuousClock.now - start).milliseconds)
                }
            }
            begun.took = (ContinuousClock.now - start).milliseconds
            return begun
        }
        await session.close()
        return begun
    }
}
