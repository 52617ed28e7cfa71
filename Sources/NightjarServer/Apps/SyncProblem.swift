internal import Nightjar

/// What is wrong with what an app registers.
struct SyncProblem: Error, Hashable {
    /// The kinds of problems, as the protocol names them.
    struct Code: RawRepresentable, Hashable {
        var rawValue: String

        static let configInvalid = Code(rawValue: "config_invalid")
        static let expressionInvalid = Code(rawValue: "expression_invalid")
        static let scheduleInvalid = Code(rawValue: "schedule_invalid")
        static let eventNameInvalid = Code(rawValue: "event_name_invalid")
        static let comboUnsupported = Code(rawValue: "combo_unsupported")
        static let sdkVersionDenied = Code(rawValue: "sdk_version_denied")
    }

    var code: Code
    /// Where it is, such as `cancel[1].if`.
    var field: String
    var reason: String
    /// Where in an expression, counted in characters from 1.
    var position: Int?
    /// The function that it is about.
    var function: String?

    init(_ code: Code, _ field: String, _ reason: String, position: Int? = nil) {
        self.code = code
        self.field = field
        self.reason = reason
        self.position = position
    }

    init(_ field: String, _ reason: String) {
        self.init(.configInvalid, field, reason)
    }

    /// The problem in one line.
    var text: String {
        let place = field.isEmpty ? "" : "\(field): "
        return function.map { "function \"\($0)\": \(place)\(reason)" } ?? place + reason
    }

    var json: JSON {
        [
            "function": function.map { .string($0) } ?? .null, "field": .string(field), "code": .string(code.rawValue),
            "message": .string(reason), "position": position.map { .integer(Int64($0)) } ?? .null,
        ]
    }
}
