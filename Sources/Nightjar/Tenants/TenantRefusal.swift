package import PostgresClient

// What nightjar.guard raises: see migration 0022.
extension SQLState {
    /// The tenant is suspended.
    package static let tenantSuspended = SQLState(rawValue: "NJ001")
    /// The tenant is being deleted, or was.
    package static let tenantDeleted = SQLState(rawValue: "NJ002")
    /// The tenant has as many runs, or sends as many events, as it may.
    package static let tenantLimit = SQLState(rawValue: "NJ003")
    /// An event or an output is larger than its tenant's may be.
    package static let tenantSize = SQLState(rawValue: "NJ004")
}

extension NightjarError {
    /// Executes what stores events: what is refused because of their tenant is an error of ours.
    static func tenantRefusals<T>(_ body: () throws -> T) throws -> T {
        try refusals(tenantCodes, body)
    }

    /// The error of ours that an error of the database stands for, if it is about the tenant of an event.
    package static func tenantRefusal(_ error: PostgresError) -> NightjarError? {
        guard let code = error.sqlState.flatMap({ tenantCodes[$0] }) else { return nil }
        return NightjarError(code, error.hint.map { "\(error.message). \($0)" } ?? error.message)
    }

    private static let tenantCodes: [SQLState: Code] = [
        .tenantSuspended: .tenantSuspended, .tenantDeleted: .tenantDeleted, .tenantLimit: .limitReached,
        .tenantSize: .tooLarge,
    ]
}
