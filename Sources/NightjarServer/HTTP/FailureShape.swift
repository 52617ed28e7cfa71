internal import Hummingbird
internal import Nightjar

/// The JSON of failures, which each API has in its own way.
enum FailureShape {
    /// `/v0`, `/v1`: `{"error", "data", "status", "code"}`.
    case enveloped
    /// `/e`: `{"ids", "status", "error"}`.
    case events
    /// `/v2`, `/api/v2`: `{"errors": [{"code", "message"}]}`.
    case list
    /// Everything else: `{"error"}`.
    case plain

    init(path: String) {
        let parts = path.split(separator: "/", maxSplits: 2).map(String.init)
        self =
            switch (parts.first, parts.dropFirst().first) {
            case ("v0", _), ("v1", _): .enveloped
            case ("v2", _), ("api", "v2"): .list
            case ("e", _): .events
            default: .plain
            }
    }

    func body(of failure: RequestFailure) -> JSON {
        let status = JSON.integer(Int64(failure.status.code))
        return switch self {
        case .enveloped:
            [
                "error": .string(failure.message), "data": failure.data ?? .null, "status": status,
                "code": .string(failure.code),
            ]
        case .list:
            ["errors": [["code": .string(failure.code), "message": .string(failure.message)]]]
        case .events:
            failure.status == .unauthorized
                ? ["error": .string(failure.message)]
                : ["error": .string(failure.message), "status": status, "ids": []]
        case .plain:
            ["error": .string(failure.message), "code": .string(failure.code), "data": failure.data ?? .null]
        }
    }
}
