import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// How soon a worker knows what a tenant is called.
struct TenantNameTests {
    private struct Go: EventData {
        static let eventName = "test/go"
        var key: String
    }

    @Test("A run that begins after its tenant was renamed has the new name, within a while")
    func renamed() async throws {
        let tell = Function("tell", on: Go.self).run { _, step in
            try await step.run("inside") { StepContext.current?.tenant ?? "" } + " " + step.tenant
        }
        try await SharedApp.withTenants { app in
            try await RunningWorker.with(
                [tell], in: app.database, tenants: .all, configure: { $0.tenantNameSpan = .milliseconds(50) }
            ) { _ in
                let output = { (client: Client) in
                    let runs = try await client.runs(startedBy: client.send(Go(key: "k")))
                    return try await client.outcome(of: #require(runs.first).id)
                }
                #expect(try await output(app.shop) == .completed(output: "\"shop shop\""))
                #expect(try await output(app.cafe) == .completed(output: "\"cafe cafe\""))
                try await app.tenants.rename("shop", to: "bookshop")
                // Its sessions act by the name that they have resolved; a new one does by the new one.
                let client = SharedApp.client(app.database, "bookshop")
                try await eventually("the worker knows the new name") {
                    try await output(client) == .completed(output: "\"bookshop bookshop\"")
                }
                #expect(try await output(app.cafe) == .completed(output: "\"cafe cafe\""))
                await client.close()
            }
        }
    }

    @Test("Names are read once in a while, all that are used at once; those of others when a run of theirs comes")
    func rounds() async throws {
        try await SharedApp.withTenants { app in
            let names = TenantNames(span: .seconds(10))
            let start = ContinuousClock.now
            let read = { (tenants: Set<Int32>, seconds: Int) in
                let due = names.due(for: tenants, now: start + .seconds(seconds))
                try await app.probe.run { db in try names.read(db, due) }
                return due
            }
            #expect(try await read([], 0) == [])
            #expect(try await read([2], 0) == [2])
            #expect(try await read([2], 9) == [])
            #expect(try await read([2, 3, 99], 9) == [3, 99])
            #expect(try await read([99], 9) == [], "that there is none is known, too")
            #expect(names.name(of: 2) == "shop" && names.name(of: 3) == "cafe" && names.name(of: 99) == "99")
            try await app.tenants.rename("shop", to: "bookshop")
            #expect(try await read([3], 9) == [])
            #expect(names.name(of: 2) == "shop")
            // The next round: all that had runs in the last one.
            #expect(try await read([3], 10) == [2, 3, 99])
            #expect(names.name(of: 2) == "bookshop")
            #expect(try await read([2], 19) == [])
            #expect(try await read([3], 20) == [2, 3])
            #expect(try await read([3], 30) == [3])
            #expect(try await read([2], 31) == [2], "it had none in the last round")
            #expect(names.name(of: 99) == "99" && names.name(of: 2) == "bookshop")
        }
    }
}
