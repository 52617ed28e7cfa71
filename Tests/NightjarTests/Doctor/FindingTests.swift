import Testing

@testable import Nightjar

@Suite("What the doctor makes of facts")
struct FindingTests {
    private func levels(_ change: (inout ServerFacts) -> Void) -> [String: Finding.Level] {
        var facts = ServerFacts(version: 150_018)
        change(&facts)
        return Dictionary(uniqueKeysWithValues: facts.findings.map { ($0.check, $0.level) })
    }

    @Test("a server as it should be has no findings but good ones")
    func fine() {
        #expect(levels { _ in }.values.allSatisfy { $0 == .ok })
    }

    @Test("settings that break a promise are problems, those that will hurt are warnings")
    func settings() {
        #expect(levels { $0.version = 140_010 }["version"] == .problem)
        #expect(levels { $0.isStandby = true }["version"] == .problem)
        #expect(levels { $0.encoding = "LATIN1" }["version"] == .problem)
        #expect(levels { $0.fsync = "off" }["durability"] == .problem)
        #expect(levels { $0.fullPageWrites = "off" }["durability"] == .problem)
        #expect(levels { $0.synchronousCommit = "off" }["durability"] == .problem)
        #expect(levels { $0.synchronousCommit = "remote_apply" }["durability"] == .ok)
        #expect(levels { $0.autovacuum = "off" }["autovacuum"] == .problem)
        #expect(levels { $0.maxWALMegabytes = 64 }["wal"] == .warning)
        #expect(levels { $0.connections = 80 }["connections"] == .warning)
        #expect(levels { $0.limitsIdleTransactions = false }["idle-transactions"] == .warning)
        #expect(levels { $0.limitsIdleTransactions = nil }["idle-transactions"] == .ok)
    }

    @Test(
        "clocks may differ by as much as the measurement is wrong",
        arguments: [
            (0.1, Finding.Level.ok), (-1.9, .ok), (2.5, .warning), (-400, .problem),
        ])
    func clock(ahead: Double, level: Finding.Level) {
        #expect(ClockFacts(ahead: ahead, uncertainty: 0).finding.level == level)
        #expect(ClockFacts(ahead: ahead, uncertainty: 500).finding.level == .ok)
    }

    @Test("who holds an old snapshot is named, with the way to end it")
    func horizon() {
        let query = HorizonFacts(
            kind: "backend", processID: 42, name: "app (report)", state: "idle in transaction", query: "SELECT 1",
            transactions: 10, heldFor: 700)
        let finding = HorizonFacts.finding([query])
        #expect(finding.level == .problem)
        #expect(finding.message.contains("process 42 of app (report)"))
        #expect(finding.remedy?.contains("pg_terminate_backend(42)") == true)

        var slot = query
        slot.kind = "slot"
        slot.heldFor = nil
        slot.transactions = 100_000
        #expect(HorizonFacts.finding([slot]).level == .warning)
        slot.transactions = 1_000
        #expect(HorizonFacts.finding([slot]).level == .ok)
        #expect(HorizonFacts.finding([]).level == .ok)
    }

    @Test(
        "partitions run out for the log that has the fewest",
        arguments: [
            (40.0, Finding.Level.ok), (20, .warning), (6, .problem), (-1, .problem),
        ])
    func partitions(days: Double, level: Finding.Level) {
        let finding = PartitionFacts.finding([.init(log: "events", days: 50), .init(log: "steps", days: days)])
        #expect(finding.level == level)
        #expect(finding.message.contains("nightjar.steps"))
    }

    @Test("a cancel that waits for long is a problem, and without workers the remedy is one")
    func pending() {
        var facts = WorkFacts(workers: 0, pending: 3, pendingFor: 400)
        #expect(facts.findings[0].level == .problem)
        #expect(facts.findings[0].remedy == "start a worker")
        facts.pendingFor = 1
        #expect(facts.findings[0].level == .ok)
    }

    @Test("levels are ordered from good to bad")
    func order() {
        #expect(Finding.Level.allCases.max() == .problem)
        #expect(Finding.Level.ok < .warning)
    }
}
