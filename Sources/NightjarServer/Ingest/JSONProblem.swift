/// Why a text is not taken as JSON, and where.
struct JSONProblem: Error, Hashable {
    /// The byte of the text, from 0.
    var offset: Int
    var reason: String

    init(_ offset: Int, _ reason: String) {
        self.offset = offset
        self.reason = reason
    }
}

extension JSONProblem: CustomStringConvertible {
    var description: String { "byte \(offset + 1): \(reason)" }
}
