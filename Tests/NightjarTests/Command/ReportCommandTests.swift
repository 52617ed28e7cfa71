import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

@Suite("nightjar report", .timeLimit(.minutes(5)))
struct ReportCommandTests {
    @Test("without a name it lists the reports, and needs no database")
    func list() async throws {
        let listed = try await nightjar("report")
        #expect(listed.status == 0)
        for report in NamedReport.all { #expect(listed.output.contains("  \(report.name) ")) }
    }

    @Test("a report as a table, as CSV and as JSON; filtered")
    func formats() async throws {
        try await TestDatabase.with { database in
            _ = try await ReportData.make(in: database)
            let url = database.url

            let table = try await nightjar("report", "failures", "--since", "1h", "--database", url)
            #expect(table.status == 0)
            #expect(table.output.contains("MESSAGE"))
            #expect(table.output.contains("OutOfStock"))

            let csv = try await nightjar("report", "failures", "--csv", "--app", "shop", "--database", url)
            let lines = csv.output.split(separator: "\n")
            #expect(lines.first == "tenant,app,function,error,message,runs,last_at")
            #expect(lines.count == 2)
            // A message with quotation marks.
            #expect(
                lines.last?.contains(#","step ""reserve"" failed after 2 attempts: OutOfStock: out of stock",2,"#)
                    == true)

            let json = try await nightjar(
                "report", "latency", "--function", "handle-order", "--tenant", "default", "--json", "--database", url)
            let row = try #require(try json.json().first)
            #expect(row["function"] == "handle-order")
            #expect(row["runs"] == 7)
            if case .number? = row["took_p95_seconds"] {} else { Issue.record("\(row) has no number") }

            let broken = try await nightjar("report", "invariants", "--database", url)
            #expect(broken.status == 0)
            #expect(broken.output.contains("Nothing is broken."))
            let rows = try await nightjar("report", "slow-runs", "--limit", "3", "--json", "--database", url)
            #expect(try rows.json().count == 3)
            for report in NamedReport.all {
                let status = try await nightjar("report", report.name, "--database", url).status
                #expect(status == 0 || status == 2, "\(report.name)")
            }
        }
    }

    @Test("what is not there is named, with what there is")
    func unknown() async throws {
        let report = try await nightjar("report", "failure")
        #expect(report.status == 64)
        #expect(report.error.contains("there is no report \"failure\"; there are: throughput, latency"))
        let option = try await nightjar("report", "lag", "--since", "1h")
        #expect(option.status == 64)
        #expect(option.error.contains("report lag has no --since; it has: --tenant, --app, --function, --limit"))
        #expect(try await nightjar("report", "lag", "--csv", "--json").status == 64)
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let function = try await nightjar("report", "lag", "--function", "posts", "--database", database.url)
            #expect(function.status == 2)
            #expect(function.error.contains("there is no function \"posts\"; there are: post"))
            #expect(try await nightjar("report", "lag", "--function", "post", "--database", database.url).status == 2)
        }
    }

    @Test("something that must not be is a failure")
    func broken() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.endRun()
            let broken = try await nightjar("report", "invariants", "--database", database.url)
            #expect(broken.status == 1)
            #expect(broken.output.contains("an outcome belongs to a run"))
        }
    }
}
