internal import Foundation
internal import Nightjar
internal import NightjarCore

/// One function as an app registers it, checked, and as `nightjar.sync` takes it.
struct FunctionConfig {
    /// `<app>-<function>`.
    let slug: String
    /// Its id within its app.
    let name: String
    private let app: String
    /// As `nightjar.sync` takes it.
    private(set) var entry: JSON = nil
    /// All that is wrong; nothing is registered then.
    private(set) var problems: [SyncProblem] = []
    /// What its author should know.
    private(set) var warnings: [String] = []

    init(_ json: JSON, app: String, index: Int) {
        let slug = json.object?.first { $0.key.lowercased() == "id" }?.value.string ?? ""
        self.slug = slug
        // SDKs put the app before it; whoever does not has a name that stands for itself.
        name = Self.name(of: slug, in: app) ?? slug
        self.app = app
        let label = slug.isEmpty ? "number \(index + 1)" : slug
        do throws(SyncProblem) {
            try read(try ConfigFields(json, at: ""), config: json)
        } catch {
            problems.append(error)
        }
        problems = problems.map { problem in
            var problem = problem
            problem.function = label
            return problem
        }
    }

    private mutating func read(_ fields: ConfigFields, config: JSON) throws(SyncProblem) {
        guard !slug.isEmpty, slug.unicodeScalars.count <= 255, !slug.unicodeScalars.contains(where: { $0.value < 32 })
        else {
            throw SyncProblem("id", "must be a text of 1 to 255 characters")
        }
        let title = attempt { () throws(SyncProblem) in try fields.text("name") } ?? nil
        let url = attempt { () throws(SyncProblem) in try Self.url(fields) }
        let options = attempt { () throws(SyncProblem) in try Self.options(fields) }
        let triggers = attempt { () throws(SyncProblem) in try ConfigTriggers(fields) }
        let cancels = attempt { () throws(SyncProblem) in try ConfigCancels(fields) }
        let flow = attempt { () throws(SyncProblem) in try Self.flow(config) }
        let priority = attempt { () throws(SyncProblem) in try ConfigLimits.priority(fields) }
        attempt { () throws(SyncProblem) in try Self.checkCombinations(fields) }
        guard problems.isEmpty, let url, let options, let triggers, let cancels, let flow, let priority else { return }
        warnings += cancels.warnings + [priority.warning].compactMap { $0 }
        entry = [
            "name": .string(name), "title": .string(title ?? name), "url": .string(url), "config": config,
            "options": options, "triggers": .array(triggers.entries(app: app)),
            "cancel": .array(cancels.entries), "flow": flow.stored ?? .null,
            "crons": .array(triggers.crons), "priority": priority.stored,
        ]
    }

    /// Goes on after a problem, so that all of them are told at once.
    @discardableResult
    private mutating func attempt<T>(_ body: () throws(SyncProblem) -> T) -> T? {
        do { return try body() } catch {
            problems.append(error)
            return nil
        }
    }
}

extension FunctionConfig {
    /// What follows the app in `<app>-<function>`; nil when it is another app's.
    static func name(of slug: String, in app: String) -> String? {
        slug.hasPrefix("\(app)-") && slug.utf8.count > app.utf8.count + 1 ? String(slug.dropFirst(app.count + 1)) : nil
    }

    /// Where the function is called: the URL of its one step.
    private static func url(_ fields: ConfigFields) throws(SyncProblem) -> String {
        guard let first = try step(fields) else { throw SyncProblem("steps", "must have exactly one step") }
        guard let runtime = try first.fields("runtime") else {
            throw SyncProblem("\(first.path).runtime", "is missing")
        }
        let text = try runtime.requiredText("url")
        return try AppURL.checked(text, field: runtime.place("url"))
    }

    private static func step(_ fields: ConfigFields) throws(SyncProblem) -> ConfigFields? {
        guard let steps = fields["steps"]?.object else { return nil }
        guard steps.count == 1, let (id, step) = steps.first else {
            throw SyncProblem("steps", "must have exactly one step; there are \(steps.count)")
        }
        return try ConfigFields(step, at: "steps.\(id)")
    }

    private static func options(_ fields: ConfigFields) throws(SyncProblem) -> JSON {
        var options = FunctionOptions()
        let most = Int64(RetryPolicy.mostRetries)
        if let step = try step(fields), step["retries"] != nil {
            options.retries.maxRetries = Int(try attempts(step, 0...most) ?? 4)
        } else {
            options.retries.maxRetries = Int(try attempts(fields, 0...most) ?? 4)
        }
        options.limits = try ConfigLimits.concurrency(fields)
        if let timeouts = try fields.fields("timeouts") {
            let range: ClosedRange<Duration> = .milliseconds(1) ... .seconds(100 * 366 * 86_400)
            let words = "at least 1ms, and 100 years at most"
            options.startTimeout = try timeouts.duration("start", in: range, words)
            options.finishTimeout = try timeouts.duration("finish", in: range, words)
        }
        guard let text = try? options.canonicalJSON(), let json = try? JSONCoding.value(JSON.self, from: text) else {
            throw SyncProblem("timeouts", "cannot be stored")
        }
        return json
    }

    /// A number, or an object with one.
    private static func attempts(_ fields: ConfigFields, _ range: ClosedRange<Int64>) throws(SyncProblem) -> Int64? {
        guard fields["retries"]?.object != nil, let retries = try fields.fields("retries") else {
            return try fields.integer("retries", in: range)
        }
        return try retries.integer("attempts", in: range)
    }

    private static func flow(_ config: JSON) throws(SyncProblem) -> FlowControl {
        do throws(FlowControl.Problem) { return try FlowControl(config: config) } catch {
            throw SyncProblem(SyncProblem.Code(rawValue: error.code), "", error.message)
        }
    }

    private static func checkCombinations(_ fields: ConfigFields) throws(SyncProblem) {
        guard fields["batchEvents"] != nil else { return }
        if !fields.list("cancel").isEmpty {
            throw SyncProblem(.comboUnsupported, "batchEvents", "batches cannot be combined with cancellation")
        }
        if let priority = try fields.fields("priority"), priority["run"] != nil {
            throw SyncProblem("batchEvents", "batches cannot be combined with priority.run")
        }
    }
}
