internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// An app's functions as the database knows them.
struct Registration: Sendable {
    /// Which runs these functions' workers claim.
    var queue: Int32
    /// By the number under which runs name them.
    var functions: [Int32: FunctionDefinition]

    /// Checks the definitions, each and together.
    /// - Throws: ``NightjarError`` with `invalidFunction` that lists all that is wrong.
    static func check(_ functions: [FunctionDefinition]) throws(NightjarError) -> [FunctionDefinition] {
        let all = functions + functions.compactMap(\.failureHandler)
        var problems: [String] = []
        for function in all {
            do { try function.validate() } catch { problems.append("\(error)") }
        }
        for (id, count) in Dictionary(all.map { ($0.id, 1) }, uniquingKeysWith: +) where count > 1 {
            problems.append("function \"\(id)\": \(count) functions have this id; give each its own")
        }
        if functions.isEmpty { problems.append("a worker needs at least one function") }
        guard problems.isEmpty else { throw NightjarError(.invalidFunction, problems.joined(separator: "\n")) }
        return all
    }

    /// Registers the functions. See `nightjar.register` in migration 0005: what is unchanged is not written.
    static func make(_ db: PostgresConnection, app: String, functions: [FunctionDefinition]) throws -> Registration {
        let entries = functions.map(Entry.init)
        let rows = try db.query("SELECT * FROM nightjar.register($1, $2)", [app, try PostgresJSON(encoding: entries)])
        let byName = Dictionary(uniqueKeysWithValues: functions.map { ($0.id, $0) })
        var registration = Registration(queue: 0, functions: [:])
        for row in rows {
            registration.queue = try row.decode("queue")
            if let function = byName[try row.decode("name", as: String.self)] {
                registration.functions[try row.decode("function_id")] = function
            }
        }
        return registration
    }

    private struct Entry: Encodable {
        struct Trigger: Encodable {
            var event: String
            var source: String?
        }
        struct Cancel: Encodable {
            var event: String
            var trigger_path: [String]
            var event_path: [String]
        }
        var name: String
        var options: FunctionOptions
        var triggers: [Trigger]
        var cancel: [Cancel]

        init(_ function: FunctionDefinition) {
            name = function.id
            options = function.options
            triggers = function.triggers.map { Trigger(event: $0.event, source: $0.source) }
            cancel = function.cancelPolicies.map {
                Cancel(event: $0.event, trigger_path: $0.triggerPath ?? [], event_path: $0.eventPath ?? [])
            }
        }
    }
}
