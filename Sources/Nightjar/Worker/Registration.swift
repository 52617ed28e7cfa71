internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// An app's functions as the database knows them.
struct Registration: Sendable {
    /// Which runs these functions' workers claim.
    var queue: Int32
    /// The app serves all tenants.
    var isShared = false
    /// By the number under which runs name them.
    var functions: [Int32: RunnableFunction]

    /// The functions' numbers.
    var functionIDs: [Int32] { Array(functions.keys) }

    /// Whether some of them have limits on how many runs execute at once.
    var hasLimits: Bool { functions.values.contains(where: \.isLimited) }

    /// The functions whose runs have to end within a time, counted from their first start.
    var finishLimits: [(function: Int32, within: Duration)] {
        functions.compactMap { id, function in function.finishTimeout.map { (id, $0) } }
    }

    /// Checks the definitions, each and together.
    /// - Throws: ``NightjarError`` with `invalidFunction` that lists all that is wrong.
    static func check(_ functions: [FunctionDefinition]) throws(NightjarError) -> [FunctionDefinition] {
        let all = functions + functions.flatMap(\.handlers)
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
    static func make(
        _ db: PostgresConnection, app: String, tenants: ServedTenants = .connection, functions: [FunctionDefinition]
    ) throws -> Registration {
        let isShared = try db.query("SELECT nightjar.current_tenant() = 0")[0].decode(0, as: Bool.self)
        guard isShared || tenants != .all else {
            throw NightjarError(
                .configuration,
                "a worker for all tenants connects as a role that is bound to one; connect as another, or serve that one"
            )
        }
        let entries = functions.map(Entry.init)
        let json = try PostgresJSON(encoding: entries, using: JSONCoding.encoder())
        let rows = try db.query("SELECT * FROM nightjar.register($1, $2)", [app, json])
        let byName = Dictionary(uniqueKeysWithValues: functions.map { ($0.id, $0) })
        var registration = Registration(queue: 0, functions: [:])
        registration.isShared = isShared
        for row in rows {
            registration.queue = try row.decode("queue")
            if let function = byName[try row.decode("name", as: String.self)] {
                registration.functions[try row.decode("function_id")] = RunnableFunction(function)
            }
        }
        return registration
    }

    /// A function as `nightjar.register` takes it.
    struct Entry: Encodable {
        struct Trigger: Encodable {
            var event: String
            var source: String?
        }
        struct Cancel: Encodable {
            enum CodingKeys: String, CodingKey {
                case event, text, branches, until, warnings
                case timeoutMilliseconds = "timeout_ms"
            }
            var policy: CancelPolicy

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(policy.event, forKey: .event)
                try container.encode(policy.text, forKey: .text)
                try container.encode(policy.branches, forKey: .branches)
                try container.encode(policy.timeout?.milliseconds, forKey: .timeoutMilliseconds)
                try container.encode(policy.timeout?.date, forKey: .until)
                try container.encode(policy.warnings, forKey: .warnings)
            }
        }
        var name: String
        var options: FunctionOptions
        var triggers: [Trigger]
        var cancel: [Cancel]
        var priority: JSON?

        init(_ function: FunctionDefinition) {
            name = function.id
            options = function.options
            triggers = function.triggers.map { Trigger(event: $0.event, source: $0.source) }
            cancel = function.cancelPolicies.map(Cancel.init)
            priority = function.priority?.stored
        }
    }
}

extension PolicyTimeout {
    /// Whole milliseconds, so that SQL can read them as an integer.
    fileprivate var milliseconds: Int64? {
        if case .after(let duration) = self { Int64((duration / .milliseconds(1)).rounded(.up)) } else { nil }
    }

    fileprivate var date: Date? {
        if case .at(let date) = self { date } else { nil }
    }
}
