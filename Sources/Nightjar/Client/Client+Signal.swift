public import Foundation
public import NightjarCore
internal import PostgresClient

extension Client {
    /// Answers the step that waits for a signal; only steps of remote apps do. Signals are not kept for later.
    /// - Parameters:
    ///   - signal: its name; at most one step waits for a name.
    ///   - data: what the step gets.
    /// - Returns: the run of that step; nil when nobody waits.
    public func sendSignal(_ signal: String, data: JSON = nil) async throws -> UUID? {
        let text = try JSONCoding.text(data)
        let run = try await source.withConnection { db in
            try db.query(Statement.sendSignal.sql, [signal, PostgresJSON(text)])[0].decode(0, as: UUID?.self)
        }
        if run != nil { await hints.send([.ready, .pending]) }
        return run
    }
}
