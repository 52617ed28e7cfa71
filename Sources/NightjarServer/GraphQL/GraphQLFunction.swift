internal import Foundation
internal import NightjarCore

/// A function as the schema shows it.
protocol GraphQLFunction: Sendable {
    var uuid: UUID { get }
    var name: String { get }
    var slug: String { get }
    /// JSON text.
    var config: String? { get }
}

extension FunctionEntry: GraphQLFunction {
    var name: String { title ?? function }
}

/// The function of a run, as far as the run tells.
struct RunFunction: GraphQLFunction {
    var run: RunEntry

    var uuid: UUID { run.functionUUID }
    var name: String { run.title ?? run.function }
    var slug: String { run.slug }
    var config: String? { nil }
}

/// An error as the app told it, or as the engine made it.
struct StepFailure: Sendable {
    /// JSON text.
    var text: String
    private let members: JSON

    init(text: String) {
        self.text = text
        members = (try? JSONCoding.value(JSON.self, from: text)) ?? nil
    }

    subscript(_ name: String) -> JSON? { members[name] }

    func json(_ name: String) -> String? {
        members[name].flatMap { $0 == .null ? nil : try? JSONCoding.text($0) }
    }
}
