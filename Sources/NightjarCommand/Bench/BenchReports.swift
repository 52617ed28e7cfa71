import Foundation
import Nightjar

/// Asks the reports of `nightjar report`, one after the other and all over again, beside something that is measured.
struct BenchReports: Sendable {
    let arena: BenchArena
    /// How long it rests after each.
    let pause: Duration
    /// How many were asked before: it goes on with the next.
    let first: Int

    /// - Returns: What the body made, and how long each report took meanwhile, in milliseconds.
    func during<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> (T, times: [Double]) {
        try await withThrowingTaskGroup(of: [Double].self) { group in
            group.addTask { try await ask() }
            let result = try await body()
            group.cancelAll()
            return (result, try await group.next() ?? [])
        }
    }

    private func ask() async throws -> [Double] {
        let reports = Reports(database: arena.database, logger: .quiet)
        var times: [Double] = []
        while !Task.isCancelled {
            let all = NamedReport.all
            for report in all[(first % all.count)...] + all[..<(first % all.count)] where !Task.isCancelled {
                let start = ContinuousClock.now
                do { _ = try await reports.table(report, ReportFilter()) } catch  where Task.isCancelled { break }
                times.append((ContinuousClock.now - start).milliseconds)
                try? await Task.sleep(for: pause)
            }
        }
        await reports.close()
        return times
    }
}
