/// Puts what went wrong while encoding or decoding into one readable line.
enum CodingFailure {
    static func text(_ error: any Error) -> String {
        switch error {
        case DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context):
            at(context.codingPath, context.debugDescription)
        case DecodingError.valueNotFound(let type, let context):
            at(context.codingPath, "expected \(type), found null")
        case DecodingError.keyNotFound(let key, let context):
            at(context.codingPath + [key], "missing")
        case EncodingError.invalidValue(let value, let context):
            at(context.codingPath, "\(value): \(context.debugDescription)")
        default:
            ErrorText.message(of: error)
        }
    }

    private static func at(_ path: [any CodingKey], _ text: String) -> String {
        guard !path.isEmpty else { return text }
        return FieldPath.text(path.map { $0.intValue.map(String.init) ?? $0.stringValue }) + ": " + text
    }
}
