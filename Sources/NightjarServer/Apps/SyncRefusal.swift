internal import Hummingbird
internal import Nightjar

/// Everything for which an app is not taken. What was registered before stays as it was.
struct SyncRefusal: Error {
    /// Never empty.
    var problems: [SyncProblem]

    /// As the API answers it.
    var failure: RequestFailure {
        let isAboutFunctions = problems.contains { $0.function != nil }
        let texts = problems.map(\.text).joined(separator: "; ")
        return RequestFailure(
            .badRequest, problems.first?.code.rawValue ?? SyncProblem.Code.configInvalid.rawValue,
            isAboutFunctions ? "At least one function is invalid: \(texts)" : texts,
            data: .array(problems.map(\.json)))
    }
}
