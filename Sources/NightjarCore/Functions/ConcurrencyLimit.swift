/// Among which runs a limit on how many execute at once is shared.
public enum ConcurrencyScope: String, Sendable, Hashable, Codable {
    /// The runs of the function, each key by itself.
    case function = "fn"
    /// The runs of all functions of the tenant that have a limit of this scope, native or remote, where the keys have the
    /// same value.
    case environment = "env"
    /// As ``environment``; limits of the two scopes know nothing of each other.
    case account
}

/// What of a run counts against a limit on how many execute at once.
public enum ConcurrencyLevel: String, Sendable, Hashable, Codable {
    /// It counts while a worker executes it, and not while it sleeps, waits or is to be retried later.
    case step
    /// It counts from its first start to its end.
    case run
}

/// How many runs may execute at once.
package struct ConcurrencyLimit: Sendable, Hashable, Codable {
    /// 0: any number.
    package var limit: Int
    package var scope: ConcurrencyScope
    package var level: ConcurrencyLevel
    /// An expression over the event, as the database stores it: each of its values has a limit of its own.
    package var key: JSON?
    /// The key as its author wrote it.
    package var text: String?

    package init(
        limit: Int, scope: ConcurrencyScope = .function, level: ConcurrencyLevel = .step, key: JSON? = nil,
        text: String? = nil
    ) {
        self.limit = limit
        self.scope = scope
        self.level = level
        self.key = key
        self.text = text
    }

    /// How many limits a function may have.
    package static let most = 2

    /// What is wrong with the limits of a function.
    static func problems(of limits: [ConcurrencyLimit]) -> [String] {
        var problems: [String] = []
        if limits.count > most {
            problems.append("concurrency: a function may have \(most) limits at most; there are \(limits.count)")
        }
        if limits.count(where: { $0.level == .run }) > 1 {
            problems.append("concurrency: one limit at most may be for whole runs (level: .run)")
        }
        if Set(limits.map { [$0.scope.rawValue, $0.level.rawValue, $0.text ?? ""] }).count < limits.count {
            problems.append("concurrency: two limits with the same key, scope and level; keep the lower one")
        }
        for limit in limits {
            if !(0...Int(Int32.max)).contains(limit.limit) {
                problems.append(
                    "concurrency: the limit must be from 0, which is none, to \(Int32.max); it is \(limit.limit)")
            }
            if limit.scope != .function, limit.key == nil {
                problems.append(
                    "concurrency: the scope \"\(limit.scope.rawValue)\" needs a key, by which functions share the limit; "
                        + #"write key: "'mail'", say, for all that send mail"#)
            }
        }
        return problems
    }
}
